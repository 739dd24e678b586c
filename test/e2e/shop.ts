import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events freely and fail where they are not as expected
  readonly data: any;
  readonly verified: boolean;
}

/** A shop: takes events, checks their signature with the Standard Webhooks library, answers as it is told. */
export interface Shop {
  readonly url: string;
  readonly events: readonly ReceivedEvent[];
  eventsOf(paymentId: string): readonly ReceivedEvent[];
  answerWith(answer: { status: number; body?: string }): void;
  close(): Promise<void>;
}

export async function openShop(): Promise<Shop> {
  const webhook = new Webhook('whsec_c3dpdGNoeWFyZC1zYW5kYm94LWRlbW8=');
  const events: ReceivedEvent[] = [];
  let answer: { status: number; body?: string } = { status: 200 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const { id, type, data } = JSON.parse(body);
      events.push({
        id,
        type,
        data,
        body,
        headers: request.headers,
        verified: verifies(webhook, body, request.headers),
      });
      response.writeHead(answer.status).end(answer.body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    events,
    eventsOf: (paymentId) => events.filter((e) => e.data.id === paymentId),
    answerWith: (next) => {
      answer = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function verifies(webhook: Webhook, body: string, headers: IncomingHttpHeaders): boolean {
  try {
    webhook.verify(body, {
      'webhook-id': String(headers['webhook-id']),
      'webhook-timestamp': String(headers['webhook-timestamp']),
      'webhook-signature': String(headers['webhook-signature']),
    });
    return true;
  } catch {
    return false;
  }
}
