import { randomBytes } from 'node:crypto';
import { type PayPalConfig, provider } from '../../../channels/paypal/index.ts';
import type { ChannelAdapter, CreateRequest, OrderRef, RawCallback, WireExchange } from '../../../src/channel/index.ts';
import { type SandboxHost, startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { newId, providerRefOf } from '../../../src/payment/index.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../../contract/callback-receiver.ts';

export const CHANNEL = 'paypal-main';

/** An adapter, PayPal's simulator and something that receives callbacks, all on free ports and one settable clock. */
export interface Stage {
  readonly host: SandboxHost;
  readonly receiver: CallbackReceiver;
  readonly adapter: ChannelAdapter;
  readonly config: PayPalConfig;
  readonly exchanges: WireExchange[];
  now(): number;
  advance(ms: number): void;
  /** An order that its buyer can approve at `page`. */
  place(): Promise<{ request: CreateRequest; order: OrderRef; page: string }>;
  /** The buyer chooses on PayPal's page; answers where the browser is sent. */
  choose(page: string, choice: string): Promise<string>;
  /** What the simulator grants to tests only (`channels/paypal/sandbox/settings.ts`). */
  wish(wishes: Record<string, unknown>): Promise<void>;
  /** A call to the simulated API past the adapter. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>;
  token(): Promise<string>;
  /** The first callback of this type about this order. */
  callback(type: string, providerRef: string): Promise<RawCallback>;
  close(): Promise<void>;
}

export interface ApiAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes
  readonly json: any;
}

export const patience = () => AbortSignal.timeout(10_000);

export async function openStage(): Promise<Stage> {
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const exchanges: WireExchange[] = [];
  const receiver = await startCallbackReceiver(now);
  receiver.answerWith(() => ({ status: 200, contentType: 'application/json', body: '{}' }));
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    channels: [{ id: CHANNEL, provider }],
    publicUrl: () => receiver.url,
    dataDir: null,
    now,
    randomBytes,
    random: Math.random,
    retryTimeFactor: 1e-6,
    onError: ({ error }) => {
      throw error;
    },
  });
  const config = provider.configSchema.parse(host.credentials(CHANNEL));
  const record = (exchange: WireExchange) => exchanges.push(exchange);
  const adapter = provider.openAdapter(config, { now, randomBytes, record });
  const base = `${host.url}/${CHANNEL}`;

  const stage: Stage = {
    host,
    receiver,
    adapter,
    config,
    exchanges,
    now,
    advance: (ms) => {
      ahead += ms;
    },
    async place() {
      const request = aRequest(now());
      const made = await adapter.create(request, patience());
      if (!made.ok || made.value.action.type !== 'redirect') throw new Error(`no order: ${JSON.stringify(made)}`);
      const { providerRef, amount } = request;
      const { channelTradeNo } = made.value;
      return { request, order: { providerRef, amount, channelTradeNo }, page: made.value.action.url };
    },
    async choose(page, choice) {
      const body = new URLSearchParams({ choice });
      const answer = await fetch(page, { method: 'POST', body, redirect: 'manual', signal: patience() });
      await answer.arrayBuffer();
      return answer.headers.get('location') ?? `no redirect but ${answer.status}`;
    },
    async wish(wishes) {
      const answer = await fetch(`${base}/_sandbox`, { method: 'POST', body: JSON.stringify(wishes) });
      if (!answer.ok) throw new Error(`the sandbox did not grant ${JSON.stringify(wishes)}`);
    },
    async api(method, path, body, headers = {}) {
      const answer = await fetch(`${base}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal: patience(),
      });
      return { status: answer.status, json: await answer.json() };
    },
    async token() {
      const basic = Buffer.from(`${config.client_id}:${config.client_secret}`).toString('base64');
      const form = { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await stage.api('POST', '/v1/oauth2/token', 'grant_type=client_credentials', form);
      return `Bearer ${answer.json.access_token}`;
    },
    async callback(type, providerRef) {
      for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
        const found = receiver.received.find(({ body }) => {
          const text = Buffer.from(body).toString('utf8');
          return text.includes(`"event_type":"${type}"`) && text.includes(providerRef);
        });
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      throw new Error(`no callback ${type}`);
    },
    async close() {
      await adapter.dispose();
      await host.close();
      await receiver.close();
    },
  };
  return stage;
}

function aRequest(now: number): CreateRequest {
  const providerRef = providerRefOf(newId('pay', now, randomBytes), 1);
  return {
    providerRef,
    amount: { minor: 1_050, currency: 'USD' },
    method: 'paypal',
    scene: 'redirect',
    subject: 'A game key',
    expiresAt: now + 900_000,
    callbackUrl: 'https://gateway.example/callbacks/paypal-main',
    returnUrl: 'https://gateway.example/pay/return?x=1',
    buyer: { ip: null },
  };
}
