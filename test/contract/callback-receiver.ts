import { createServer, type IncomingMessage } from 'node:http';
import type { RawAnswer, RawCallback } from '../../src/channel/index.ts';

/** What the receiver says; with a `location` it can play the cashier's pay button too. */
export type ReceiverAnswer = RawAnswer & { readonly location?: string };
type Answerer = (raw: RawCallback, n: number) => ReceiverAnswer | Promise<ReceiverAnswer>;

/** A small HTTP server in the place of the gateway: it keeps what arrives and answers as the test wants. */
export interface CallbackReceiver {
  readonly url: string;
  readonly received: readonly RawCallback[];
  /** For every callback from now on. `n` counts from 1 per target. */
  answerWith(answer: Answerer): void;
  close(): Promise<void>;
}

export async function startCallbackReceiver(now: () => number): Promise<CallbackReceiver> {
  const received: RawCallback[] = [];
  let answer: Answerer = () => ({
    status: 500,
    contentType: 'text/plain',
    body: 'no answer was set',
  });
  const server = createServer(async (incoming, response) => {
    const raw = await toRawCallback(incoming, now());
    received.push(raw);
    const path = pathOf(raw.target);
    const { status, contentType, body, location } = await answer(
      raw,
      received.filter((earlier) => pathOf(earlier.target) === path).length,
    );
    if (location !== undefined) response.setHeader('location', location);
    response.writeHead(status, { 'content-type': contentType }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    answerWith(next) {
      answer = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pathOf(target: string): string {
  return target.split('?')[0] ?? target;
}

async function toRawCallback(incoming: IncomingMessage, receivedAt: number): Promise<RawCallback> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const headers = new Map<string, string[]>();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    const name = (incoming.rawHeaders[i] ?? '').toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), incoming.rawHeaders[i + 1] ?? '']);
  }
  const { method = '', url = '' } = incoming;
  return { method, target: url, headers, body: Buffer.concat(chunks), receivedAt };
}
