import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';

/** A callback as its provider signed and sent it, held back to be delivered when it is measured. */
export interface Captured {
  readonly channel: string;
  /** Path and query, as they were called. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Stands where the providers believe the gateway to be, and is the shop that events go to. */
export interface Collector {
  /** For PUBLIC_URL: callbacks that come here are kept and acknowledged. */
  readonly url: string;
  /** For `notify_url`. */
  shopUrl(who: string): string;
  /** The callbacks since the last call; empties the collection. */
  takeCallbacks(): readonly Captured[];
  callbackCount(): number;
  /** Events that arrived for this sender. */
  eventCount(who: string): number;
  /** Hears of every event with its raw body. */
  onEvent(listener: (body: string) => void): void;
  close(): Promise<void>;
}

const KEPT_HEADER = /^(content-type|wechatpay-|stripe-)/;

export async function openCollector(): Promise<Collector> {
  let callbacks: Captured[] = [];
  const events = new Map<string, number>();
  let listener: (body: string) => void = () => {};

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const target = request.url ?? '/';
      const [, place = '', name = ''] = target.split('/');
      if (place === 'callbacks') {
        callbacks.push({ channel: name, target, headers: keptHeaders(request.headers), body: Buffer.concat(chunks) });
        // Alipay's word; to WeChat the status alone counts, and Stripe wants any 2xx.
        response.writeHead(200, { 'content-type': 'text/plain' }).end('success');
        return;
      }
      if (place !== 'shop') return void response.writeHead(404).end();
      events.set(name, (events.get(name) ?? 0) + 1);
      listener(Buffer.concat(chunks).toString('utf8'));
      response.writeHead(200).end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  return {
    url,
    shopUrl: (who) => `${url}/shop/${who}`,
    takeCallbacks() {
      const taken = callbacks;
      callbacks = [];
      return taken;
    },
    callbackCount: () => callbacks.length,
    eventCount: (who) => events.get(who) ?? 0,
    onEvent(next) {
      listener = next;
    },
    async close() {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}

function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (KEPT_HEADER.test(name) ? [[name, String(value)]] : [])),
  );
}
