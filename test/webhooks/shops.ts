import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A shop's server, in whatever mood. */
export interface Shop {
  readonly url: string;
  readonly port: number;
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[];
  close(): Promise<void>;
}

/** Shops of one test; `close` ends all of them. */
export function keepShops() {
  const kept: Shop[] = [];
  return {
    async open(answer: (response: ServerResponse, request: IncomingMessage) => void): Promise<Shop> {
      const shop = await openShop(answer);
      kept.push(shop);
      return shop;
    },
    async close(): Promise<void> {
      for (const shop of kept.splice(0)) await shop.close();
    },
  };
}

async function openShop(answer: (response: ServerResponse, request: IncomingMessage) => void): Promise<Shop> {
  const requests: Shop['requests'] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      requests.push({ method, path, headers, body: Buffer.concat(chunks).toString() });
      answer(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/notify`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
