import { randomBytes } from 'node:crypto';
import { provider, type StripeConfig } from '../../../channels/stripe/index.ts';
import type {
  ChannelAdapter,
  CreateRequest,
  Notice,
  OrderRef,
  RawCallback,
  RefundRequest,
  WireExchange,
} from '../../../src/channel/index.ts';
import { type SandboxHost, startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { newId, providerRefOf, refundRefOf } from '../../../src/payment/index.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../../contract/callback-receiver.ts';

export const CHANNEL = 'stripe-main';
export const MINUTE = 60_000;

/** An adapter, Stripe's simulator and something that receives callbacks, all on free ports and one settable clock. */
export interface Stage {
  readonly host: SandboxHost;
  readonly receiver: CallbackReceiver;
  readonly adapter: ChannelAdapter;
  readonly config: StripeConfig;
  readonly bugs: readonly unknown[];
  /** Everything that the adapters have recorded, oldest first. */
  readonly exchanges: WireExchange[];
  now(): number;
  advance(ms: number): void;
  /** Another adapter, for example with a spoilt configuration. */
  adapterWith(set: Partial<StripeConfig>): ChannelAdapter;
  /** What the simulator grants to tests only (`channels/stripe/sandbox/settings.ts`). */
  wish(wishes: Record<string, unknown>): Promise<void>;
  /** A call to the simulated API past the adapter. */
  api(
    method: string,
    path: string,
    form?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<ApiAnswer>;
  close(): Promise<void>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes
  readonly json: any;
}

export async function openStage(): Promise<Stage> {
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const bugs: unknown[] = [];
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
    onError: (problem) => bugs.push(problem),
  });
  const config = provider.configSchema.parse(host.credentials(CHANNEL));
  const adapters: ChannelAdapter[] = [];
  const adapterWith = (set: Partial<StripeConfig>): ChannelAdapter => {
    const adapter = provider.openAdapter(
      { ...config, ...set },
      {
        now,
        randomBytes,
        record: (exchange) => exchanges.push(exchange),
      },
    );
    adapters.push(adapter);
    return adapter;
  };
  const base = `${host.url}/${CHANNEL}`;
  return {
    host,
    receiver,
    adapter: adapterWith({}),
    config,
    bugs,
    exchanges,
    now,
    advance: (ms) => {
      ahead += ms;
    },
    adapterWith,
    async wish(wishes) {
      const answer = await fetch(`${base}/_sandbox`, { method: 'POST', body: JSON.stringify(wishes) });
      if (!answer.ok) throw new Error(`the sandbox did not grant ${JSON.stringify(wishes)}`);
    },
    async api(method, path, form = {}, headers = {}) {
      const encoded = new URLSearchParams(form).toString();
      const answer = await fetch(`${base}${path}${method === 'GET' && encoded ? `?${encoded}` : ''}`, {
        method,
        headers: {
          authorization: `Bearer ${config.secret_key}`,
          'content-type': 'application/x-www-form-urlencoded',
          ...headers,
        },
        ...(method === 'GET' ? {} : { body: encoded }),
      });
      return { status: answer.status, headers: answer.headers, json: await answer.json() };
    },
    async close() {
      await Promise.all(adapters.map((adapter) => adapter.dispose()));
      await host.close();
      await receiver.close();
    },
  };
}

export function aRequest(now: number, set: Partial<CreateRequest> = {}): CreateRequest {
  return {
    providerRef: aRef(now),
    amount: { minor: 1_250, currency: 'USD' },
    method: 'card',
    scene: 'redirect',
    subject: '100 coins & a "gift" <b>',
    expiresAt: now + 15 * MINUTE,
    callbackUrl: 'http://127.0.0.1:1/callbacks/stripe-main/token',
    returnUrl: 'http://127.0.0.1:1/return?order=1',
    buyer: { ip: '127.0.0.1' },
    ...set,
  };
}

export function aRef(now: number, seq = 1): string {
  return providerRefOf(newId('pay', now, randomBytes), seq);
}

/** A signal that ends a hanging test, not one that a test is about. */
export function patience(): AbortSignal {
  return AbortSignal.timeout(10_000);
}

export function orderOf(request: CreateRequest, channelTradeNo: string | null): OrderRef {
  return { providerRef: request.providerRef, channelTradeNo, amount: request.amount };
}

/** An order as a shop's refund finds it: paid, and known by the trade number of its success. */
export async function aPaidOrder(stage: Stage, set: Partial<CreateRequest> = {}): Promise<OrderRef> {
  const request = aRequest(stage.now(), set);
  const made = await stage.adapter.create(request, patience());
  if (!made.ok) throw new Error(made.error.kind);
  const paid = await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef });
  if (!paid.ok) throw new Error(paid.error.detail);
  return orderOf(request, paid.value.tradeNo);
}

export function aRefund(order: OrderRef, set: Partial<RefundRequest> = {}): RefundRequest {
  return {
    order,
    refundRef: refundRefOf(order.providerRef, 1),
    amount: { minor: 450, currency: order.amount.currency },
    channelRefundNo: null,
    reason: 'the sword was blunt',
    callbackUrl: 'http://127.0.0.1:1/callbacks/stripe-main/token',
    ...set,
  };
}

/** Waits until something holds; tests never sleep for a guess. */
export async function until<T>(look: () => T | undefined | false | null): Promise<T> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const seen = look();
    if (seen !== undefined && seen !== false && seen !== null) return seen;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('waited in vain');
}

export interface ReadEvent {
  readonly raw: RawCallback;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes
  readonly json: any;
}

/** The events that arrived so far, by type. */
export function eventsOf(stage: Stage): readonly ReadEvent[] {
  return stage.receiver.received.map((raw) => {
    const json = JSON.parse(Buffer.from(raw.body).toString('utf8'));
    return { raw, type: json.type, json };
  });
}

export async function noticesOf(adapter: ChannelAdapter, raw: RawCallback): Promise<readonly Notice[]> {
  const parsed = await adapter.parseCallback(raw, patience());
  if (!parsed.ok) throw new Error(`refused: ${parsed.error}`);
  return parsed.value;
}
