import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { answerJson } from './wire.ts';

export interface Listener {
  /** `http://<host>:<port>`, without a slash at the end. */
  readonly url: string;
  /** Hangs up on everybody and waits until every request is through. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly serve: (incoming: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** `serve` has thrown; the client has got a 500. */
  readonly onError: (incoming: IncomingMessage, error: unknown) => void;
}

/** A plain HTTP server that knows what is still running. */
export async function openListener({ host, port, serve, onError }: ListenerOptions): Promise<Listener> {
  const running = new Set<Promise<void>>();
  const server = createServer((incoming, response) => {
    const work = serve(incoming, response)
      .catch((error: unknown) => {
        onError(incoming, error);
        if (response.headersSent) response.destroy();
        else answerJson(response, 500, { title: 'internal', status: 500, detail: 'the sandbox has a bug' });
      })
      .finally(() => running.delete(work));
    running.add(work);
  });
  server.maxConnections = 10_000;
  server.requestTimeout = 30_000;
  const boundPort = await listen(server, host, port);
  return {
    url: `http://${host}:${boundPort}`,
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await Promise.all([stopped, ...running]);
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('sandbox: the listener has no port');
  return address.port;
}
