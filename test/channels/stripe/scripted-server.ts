import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { provider } from '../../../channels/stripe/index.ts';
import type { ChannelAdapter } from '../../../src/channel/index.ts';
import type { Stage } from './stage.ts';

/** Answers that no simulator of Stripe would give: whatever sits on the way there. The adapter records on the stage. */
export async function withServer(
  stage: Stage,
  answer: (response: ServerResponse, request: IncomingMessage) => void,
  work: (adapter: ChannelAdapter, requests: () => number) => Promise<void>,
): Promise<void> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    answer(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const config = { ...stage.config, base_url: `http://127.0.0.1:${address.port}` };
  const adapter = provider.openAdapter(config, {
    now: stage.now,
    randomBytes: (size) => new Uint8Array(size),
    record: (exchange) => stage.exchanges.push(exchange),
  });
  try {
    await work(adapter, () => requests);
  } finally {
    await adapter.dispose();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
