import { sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { provider } from '../../../channels/alipay/index.ts';
import type { AdapterPorts, ChannelAdapter, WireExchange } from '../../../src/channel/index.ts';
import { money } from '../../../src/payment/index.ts';
import { aKeyPair, type KeyPair } from './notice.ts';
import { patient } from './stage.ts';

/** What arrived: the query and the form of one request. */
export interface Arrived {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

/** A server in Alipay's place that answers exactly what a test wants, right or wrong. */
export interface ScriptedGateway {
  readonly url: string;
  readonly adapter: ChannelAdapter;
  readonly alipay: KeyPair;
  readonly arrived: readonly Arrived[];
  /** What the adapter has reported of its requests. */
  readonly recorded: readonly WireExchange[];
  answerWith(answer: (response: ServerResponse, arrived: Arrived) => void): void;
}

const ours = aKeyPair();
const alipay = aKeyPair();

export async function startScriptedGateway(): Promise<ScriptedGateway> {
  const arrived: Arrived[] = [];
  let answer: (response: ServerResponse, arrived: Arrived) => void = (response) => void response.end();
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { searchParams: query } = new URL(incoming.url ?? '/', 'http://gateway');
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const one: Arrived = { method: incoming.method ?? '', query, form, headers: incoming.headers };
    arrived.push(one);
    answer(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gateway has no port');
  const recorded: WireExchange[] = [];
  const url = `http://127.0.0.1:${address.port}/gateway.do`;
  return {
    url,
    adapter: openAdapter(url, (exchange) => void recorded.push(exchange)),
    alipay,
    arrived,
    recorded,
    answerWith(next) {
      answer = next;
    },
  };
}

export function openAdapter(gateway: string, record: AdapterPorts['record'] = () => {}): ChannelAdapter {
  const config = provider.configSchema.parse({
    app_id: '2021000000000001',
    private_key: ours.privatePem,
    alipay_public_key: alipay.publicPem,
    seller_id: '2088000000000001',
    gateway,
  });
  const adapter = provider.openAdapter(config, {
    now: Date.now,
    randomBytes: (size) => new Uint8Array(size).fill(7),
    record,
  });
  onTestFinished(() => adapter.dispose());
  return adapter;
}

/** `content` is the JSON text of the response, signed as it stands. */
export function signedBody(key: string, content: string, by: KeyPair = alipay): string {
  return `{"${key}":${content},"sign":"${signatureOf(content, by)}"}`;
}

export function signatureOf(content: string, by: KeyPair = alipay): string {
  return sign('sha256', Buffer.from(content), by.privateKey).toString('base64');
}

export const REF = '01jzzzzzzzzzzzzzzzzzzzzzzz01';
export const ORDER = { providerRef: REF, channelTradeNo: null, amount: money(1050, 'CNY') };
export const PAID = {
  code: '10000',
  msg: 'Success',
  out_trade_no: REF,
  trade_no: '2026',
  trade_status: 'TRADE_SUCCESS',
  total_amount: '10.50',
};

export const createQr = (adapter: ChannelAdapter, signal = patient()) =>
  adapter.create(
    {
      ...ORDER,
      method: 'alipay',
      scene: 'qr',
      subject: 'a key',
      expiresAt: Date.now() + 900_000,
      callbackUrl: 'http://127.0.0.1/callbacks/alipay-main/token',
      returnUrl: 'http://127.0.0.1/pay',
      buyer: { ip: null },
    },
    signal,
  );

export const unknown = (set: object = {}) => ({
  ok: false,
  error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: null, ...set },
});
export const notSent = (set: object = {}) => ({
  ok: false,
  error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no', providerCode: null, ...set },
});

/** Asks a query of a gateway that answers every request with this body. */
export async function asked(body: string, gateway?: ScriptedGateway) {
  const at = gateway ?? (await startScriptedGateway());
  at.answerWith((response) => response.end(body));
  return at.adapter.query(ORDER, patient());
}
