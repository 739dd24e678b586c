import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { provider } from '../../../channels/wechatpay/index.ts';
import { startWechatPaySandbox } from '../../../channels/wechatpay/sandbox/index.ts';
import type { Settings } from '../../../channels/wechatpay/sandbox/settings.ts';
import type {
  ChannelAdapter,
  CreateRequest,
  OrderRef,
  Provider,
  RawCallback,
  RefundRequest,
  WireExchange,
} from '../../../src/channel/index.ts';
import {
  type FaultsPatch,
  type Order,
  type SandboxHost,
  startSandboxHost,
} from '../../../src/channel/sandbox/index.ts';
import {
  newId,
  type Observation,
  providerRefOf,
  type RefundObservation,
  refundRefOf,
} from '../../../src/payment/index.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../../contract/callback-receiver.ts';

const CHANNEL = 'wechatpay-main';

/** The simulator, an adapter that talks to it, and a receiver of its callbacks. */
export interface Stage {
  readonly host: SandboxHost;
  readonly adapter: ChannelAdapter;
  readonly receiver: CallbackReceiver;
  readonly base: string;
  /** Moves the adapter's clock alone. */
  skewAdapter(ms: number): void;
  /** Moves the clock of both sides. */
  advance(ms: number): void;
  anOrder(set?: Partial<CreateRequest>): CreateRequest;
  refOf(request: CreateRequest): OrderRef;
  faults(patch: FaultsPatch): void;
  /** The simulator's own settings, see its settings.ts. */
  settings(wishes: Record<string, unknown>): Promise<void>;
  pay(request: CreateRequest): Promise<void>;
  /** An order that has been made and paid, with its number at WeChat. */
  aPaidOrder(set?: Partial<CreateRequest>): Promise<OrderRef>;
  /** A refund of the whole order, unless `set` says otherwise. */
  aRefundOf(order: OrderRef, set?: Partial<RefundRequest>): RefundRequest;
  settleRefund(refund: RefundRequest, outcome: 'succeeded' | 'failed'): Promise<void>;
  /** The first callbacks about this refund, when there are so many. */
  callbacksOf(refund: RefundRequest, count?: number): Promise<readonly RawCallback[]>;
  book(providerRef: string): Order;
  /** What all adapters of this stage have reported of their requests. */
  readonly recorded: readonly WireExchange[];
  /** Another adapter with these credentials on top of the sandbox's. */
  openAdapter(set?: Record<string, unknown>): ChannelAdapter;
}

/** Made once per file, since RSA keys take their time. */
let keptKeys: unknown = null;

export async function startStage(initial: Partial<Settings> = {}): Promise<Stage> {
  let skewMs = 0;
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const receiver = await startCallbackReceiver(now);
  onTestFinished(() => receiver.close());
  receiver.answerWith(() => ({ status: 500, contentType: 'text/plain', body: 'later' }));
  const simulated: Provider = {
    ...provider,
    openSandbox: async (options) => {
      const simulator = await startWechatPaySandbox({ ...options, savedKeys: keptKeys }, initial);
      keptKeys = simulator.keys();
      return simulator;
    },
  };
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    channels: [{ id: CHANNEL, provider: simulated }],
    publicUrl: () => receiver.url,
    dataDir: null,
    now,
    randomBytes,
    random: () => 0,
    retryTimeFactor: 0.001,
    onError: (problem) => {
      throw problem.error;
    },
  });
  onTestFinished(() => host.close());
  const recorded: WireExchange[] = [];
  const record = (exchange: WireExchange) => {
    recorded.push(exchange);
  };
  const openAdapter = (set: Record<string, unknown> = {}) => {
    const config = provider.configSchema.parse({ ...Object(host.credentials(CHANNEL)), ...set });
    const adapter = provider.openAdapter(config, { now: () => now() + skewMs, randomBytes, record });
    onTestFinished(() => adapter.dispose());
    return adapter;
  };
  const base = `${host.url}/${CHANNEL}`;
  const adapter = openAdapter();
  const aCallbackUrl = () => `${receiver.url}/callbacks/${CHANNEL}/${Buffer.from(randomBytes(16)).toString('hex')}`;
  const anOrder = (set: Partial<CreateRequest> = {}): CreateRequest => ({
    providerRef: providerRefOf(newId('pay', now(), randomBytes), 1),
    amount: { minor: 1050, currency: 'CNY' },
    method: 'wechatpay',
    scene: 'qr',
    subject: '月度会员 & "quotes"',
    expiresAt: now() + 900_000,
    callbackUrl: aCallbackUrl(),
    returnUrl: 'https://shop.example/pay/back?order=1&a=b',
    buyer: { ip: '203.0.113.7' },
    ...set,
  });
  const pay = async ({ providerRef }: CreateRequest): Promise<void> => {
    const done = await host.control.pay(CHANNEL, { providerRef });
    if (!done.ok) throw new Error(done.error.detail);
  };
  const book = (providerRef: string): Order => {
    const orders = host.control.orders(CHANNEL, providerRef);
    const [order] = orders.ok ? orders.value : [];
    if (order === undefined) throw new Error('no such order in the books');
    return order;
  };
  return {
    host,
    adapter,
    recorded,
    anOrder,
    pay,
    book,
    async aPaidOrder(set) {
      const order = anOrder(set);
      await adapter.create(order, soon());
      await pay(order);
      return {
        providerRef: order.providerRef,
        amount: order.amount,
        channelTradeNo: book(order.providerRef).tradeNo,
      };
    },
    aRefundOf: (order, set = {}) => ({
      order,
      refundRef: refundRefOf(order.providerRef, 1),
      amount: order.amount,
      channelRefundNo: null,
      reason: '商品已售完',
      callbackUrl: aCallbackUrl(),
      ...set,
    }),
    async settleRefund({ refundRef }, outcome) {
      const done = await host.control.settleRefund(CHANNEL, { refundNo: refundRef, outcome });
      if (!done.ok) throw new Error(done.error.detail);
    },
    callbacksOf({ callbackUrl }, count = 1) {
      return eventually(() => {
        const found = receiver.received.filter(({ target }) => callbackUrl.endsWith(target));
        return found.length >= count ? found : undefined;
      });
    },
    receiver,
    base,
    skewAdapter(ms) {
      skewMs = ms;
    },
    advance(ms) {
      aheadMs += ms;
    },
    refOf: ({ providerRef, amount }) => ({ providerRef, amount, channelTradeNo: null }),
    faults(patch) {
      const done = host.control.faults(CHANNEL, patch);
      if (!done.ok) throw new Error(done.error.detail);
    },
    async settings(wishes) {
      const answer = await fetch(`${base}/_sandbox`, { method: 'POST', body: JSON.stringify(wishes) });
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`the simulator refused ${JSON.stringify(wishes)}`);
    },
    openAdapter,
  };
}

export const soon = () => AbortSignal.timeout(5_000);

/** Looks again until there is something; gives up with the test's own time limit. */
export async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const nothingKnown: Omit<Observation, 'state'> = {
  account: null,
  amount: null,
  channelTradeNo: null,
  paidAt: null,
  error: null,
};

export const nothingKnownOfRefund: Omit<RefundObservation, 'state'> = {
  account: null,
  amount: null,
  channelRefundNo: null,
  refundedAt: null,
  error: null,
};
