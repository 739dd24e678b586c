import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

const SECRET = 'whsec_c3dpdGNoeWFyZC1zYW5kYm94LWRlbW8=';

/** What the shop has got of one event, over all deliveries. */
export interface Heard {
  readonly id: string;
  readonly type: string;
  readonly paymentId: string;
  /** The refund that it is about; null for an event of the payment as a whole. */
  readonly refundId: string | null;
  /** Each different body once; more than one is a broken promise. */
  readonly bodies: Set<string>;
  deliveries: number;
  /** Deliveries whose signature does not verify; the clock of this process counts. */
  unverified: number;
  /** Deliveries that were answered with 2xx to the end. */
  taken: number;
}

/** How one delivery is answered; `hang` never is. */
export type Reply = { readonly status: number; readonly afterMs?: number; readonly body?: string } | 'hang';

export interface Shop {
  readonly url: string;
  /** By event id. */
  readonly heard: ReadonlyMap<string, Heard>;
  /** Decides on every delivery; the count is that of this event's deliveries so far, this one included. */
  answerBy(policy: (event: Heard, delivery: number) => Reply): void;
  /** Called when a delivery has arrived and is not answered yet. */
  onDelivery(listener: (event: Heard) => void): void;
  close(): Promise<void>;
}

/**
 * A shop that remembers each event by its id, and answers as it is told: at once with 200 unless told otherwise. `anyTime` for a test
 * that moves the gateways' clocks: the time of a signature is then not compared with the shop's.
 */
export async function openShop({ anyTime = false }: { readonly anyTime?: boolean } = {}): Promise<Shop> {
  const webhook = new Webhook(SECRET);
  const heard = new Map<string, Heard>();
  let policy: (event: Heard, delivery: number) => Reply = () => ({ status: 200 });
  let listener: (event: Heard) => void = () => {};

  const take = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    const { id, type, data } = JSON.parse(body);
    const refundId: string | null = data.refund?.id ?? null;
    const event = heard.get(id) ?? {
      ...{ id, type, paymentId: data.id, refundId, bodies: new Set<string>() },
      ...{ deliveries: 0, unverified: 0, taken: 0 },
    };
    heard.set(id, event);
    event.bodies.add(body);
    event.deliveries += 1;
    if (!isGenuine(webhook, body, request, anyTime)) event.unverified += 1;
    listener(event);
    const reply = policy(event, event.deliveries);
    if (reply === 'hang') return;
    const answer = (): void => {
      if (response.destroyed) return;
      if (reply.status < 300) response.once('finish', () => (event.taken += 1));
      response.writeHead(reply.status).end(reply.body ?? '');
    };
    if (reply.afterMs) setTimeout(answer, reply.afterMs).unref();
    else answer();
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => take(request, response, Buffer.concat(chunks).toString('utf8')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    heard,
    answerBy: (next) => {
      policy = next;
    },
    onDelivery: (next) => {
      listener = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isGenuine(webhook: Webhook, body: string, { headers }: IncomingMessage, anyTime: boolean): boolean {
  const [id, at, signature] = ['id', 'timestamp', 'signature'].map((name) => String(headers[`webhook-${name}`])) as [
    string,
    string,
    string,
  ];
  if (anyTime) return webhook.sign(id, new Date(Number(at) * 1_000), body) === signature;
  try {
    webhook.verify(body, { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature });
    return true;
  } catch {
    return false;
  }
}
