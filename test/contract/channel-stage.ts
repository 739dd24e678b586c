import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type {
  ChannelAdapter,
  Created,
  CreateRequest,
  Notice,
  OrderRef,
  Provider,
  RawAnswer,
  RawCallback,
  WireExchange,
} from '../../src/channel/index.ts';
import {
  type Order,
  type SandboxControl,
  type SandboxHost,
  startSandboxHost,
  type WireRequest,
} from '../../src/channel/sandbox/index.ts';
import { issueDurableReceipt } from '../../src/payment/durable.ts';
import { newId, providerRefOf } from '../../src/payment/index.ts';
import { type CallbackReceiver, type ReceiverAnswer, startCallbackReceiver } from './callback-receiver.ts';
import type { ChannelSubject, CreateCase } from './channel-subject.ts';

/** Far above what anything here takes, so that a slow machine does not decide a test. */
export const PATIENCE_MS = 10_000;

export type Received = 'durable' | 'refused';

export interface Placed {
  readonly request: CreateRequest;
  readonly order: OrderRef;
  readonly created: Created;
}

/**
 * Two accounts at one provider's simulator, `one` and `two`, the adapter of `one`, and in the place of the gateway a receiver
 * for callbacks that is the cashier as well.
 */
export interface ChannelStage {
  readonly subject: ChannelSubject;
  readonly host: SandboxHost;
  readonly receiver: CallbackReceiver;
  readonly adapter: ChannelAdapter;
  /** Whatever the adapters of this stage have recorded. */
  readonly exchanges: readonly WireExchange[];
  /** Hears of each of them, until `reset`, in the asynchronous context that the adapter records in. */
  onRecord(listener: (exchange: WireExchange) => void): void;
  /** Whatever requests to its API the simulator has come to see; buyer pages are left out. */
  readonly requests: readonly WireRequest[];
  /** Moves the clock of adapter and simulator alike. */
  shiftClock(ms: number): void;
  now(): number;
  /** An adapter with these credentials; disposed of with the stage. */
  openAdapter(credentials: unknown): ChannelAdapter;
  aRequest(wish: CreateCase, set?: Partial<CreateRequest>): CreateRequest;
  /** A create that has to succeed; its action is then what the cashier's button leads to. */
  place(wish: CreateCase, channelId?: 'one' | 'two'): Promise<Placed>;
  /** The buyer opens or scans what the action shows, where that is a page of the simulator. */
  open(placed: Placed): Promise<void>;
  pay(placed: Placed, how?: Partial<Parameters<SandboxControl['pay']>[1]>, channelId?: 'one' | 'two'): Promise<Order>;
  /** What a gateway does with an order that its buyer has approved: takes the money. Nothing at other providers. */
  settle(placed: Placed, channelId?: 'one' | 'two'): Promise<void>;
  /** The order in the provider's books. */
  book(providerRef: string, channelId?: 'one' | 'two'): Order | undefined;
  /** From now on callbacks are answered so, or as is decided for each; by default everything is acknowledged. */
  receive(outcome: Received | ((raw: RawCallback) => Promise<Received>)): void;
  /** Waits for a callback in which `one`'s adapter (or the given one) reads such a notice. */
  callbackWith(isWanted: (notice: Notice) => boolean, reader?: ChannelAdapter): Promise<RawCallback>;
  /** Waits for the callback in which `one`'s adapter (or the given one) reads that this order was paid. */
  paidCallback(placed: Placed, reader?: ChannelAdapter): Promise<RawCallback>;
  /** Clears faults, clock and answers between two tests. */
  reset(): void;
  close(): Promise<void>;
}

export async function startChannelStage(subject: ChannelSubject): Promise<ChannelStage> {
  const { provider } = subject;
  let shiftMs = 0;
  const now = () => Date.now() + shiftMs;
  const receiver = await startCallbackReceiver(now);
  const problems: unknown[] = [];
  const requests: WireRequest[] = [];
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    channels: ['one', 'two'].map((id) => ({ id, provider: tapped(provider, (request) => requests.push(request)) })),
    publicUrl: () => receiver.url,
    dataDir: null,
    now,
    randomBytes,
    random: Math.random,
    retryTimeFactor: 0.0001,
    onError: (problem) => problems.push(problem),
  });
  const opened: ChannelAdapter[] = [];
  const exchanges: WireExchange[] = [];
  let heard: (exchange: WireExchange) => void = () => {};
  const openAdapter = (credentials: unknown): ChannelAdapter => {
    const adapter = provider.openAdapter(provider.configSchema.parse(credentials), {
      now,
      randomBytes,
      record: (exchange) => {
        exchanges.push(exchange);
        heard(exchange);
      },
    });
    opened.push(adapter);
    return adapter;
  };
  const adapters = { one: openAdapter(host.credentials('one')), two: openAdapter(host.credentials('two')) };
  const buttons = new Map<string, string>();

  const answer = async (raw: RawCallback, decide: () => Received | Promise<Received>): Promise<ReceiverAnswer> => {
    const button = buttons.get(raw.target);
    if (button !== undefined) return { status: 302, contentType: 'text/plain', body: '', location: button };
    return acknowledge(adapters.one, await decide());
  };
  const stage: ChannelStage = {
    subject,
    host,
    receiver,
    adapter: adapters.one,
    exchanges,
    onRecord: (listener) => {
      heard = listener;
    },
    requests,
    now,
    shiftClock: (ms) => {
      shiftMs = ms;
    },
    openAdapter,
    aRequest: (wish, set = {}) => aRequest(stage, wish, set),
    async place(wish, channelId = 'one') {
      const request = aRequest(stage, wish, {}, channelId);
      const created = await adapters[channelId].create(request, patience());
      if (!created.ok) throw new Error(`create failed: ${JSON.stringify(created.error)}`);
      const { action, channelTradeNo } = created.value;
      if (action.type === 'redirect') buttons.set(`/pay/pay_${request.providerRef.slice(0, 26)}/go`, action.url);
      return { request, created: created.value, order: { ...orderOf(request), channelTradeNo } };
    },
    async open({ created: { action } }) {
      const url = action.type === 'redirect' ? action.url : action.type === 'qr_code' ? action.qrCode : '';
      if (!url.startsWith(`${host.url}/`)) return;
      const page = await fetch(url, { redirect: 'manual', signal: patience() });
      await page.arrayBuffer();
      expect(page.status, 'the buyer page').toBeLessThan(400);
    },
    async pay(placed, how = {}, channelId = 'one') {
      const { providerRef } = placed.request;
      const paid = await host.control.pay(channelId, { providerRef, ...how });
      if (!paid.ok) throw new Error(`the buyer could not pay: ${paid.error.detail}`);
      await stage.settle(placed, channelId);
      return stage.book(placed.request.providerRef, channelId) ?? paid.value;
    },
    async settle({ order }, channelId = 'one') {
      const { query, capture } = adapters[channelId];
      if (capture === undefined) return;
      const seen = await query(order, patience());
      if (!seen.ok || seen.value.state !== 'approved') throw new Error(`not approved: ${JSON.stringify(seen)}`);
      const captured = await capture(order, patience());
      if (!captured.ok) throw new Error(`the capture failed: ${JSON.stringify(captured.error)}`);
    },
    book(providerRef, channelId = 'one') {
      const orders = host.control.orders(channelId, providerRef);
      return orders.ok ? orders.value[0] : undefined;
    },
    receive: (outcome) =>
      receiver.answerWith((raw) => answer(raw, () => (typeof outcome === 'function' ? outcome(raw) : outcome))),
    callbackWith: (isWanted, reader = adapters.one) => callbackWith(receiver, reader, isWanted),
    paidCallback: ({ request }, reader = adapters.one) =>
      callbackWith(
        receiver,
        reader,
        (notice) =>
          notice.kind === 'order' &&
          notice.providerRef === request.providerRef &&
          notice.observation.state === 'succeeded',
      ),
    reset() {
      shiftMs = 0;
      heard = () => {};
      host.control.faults('one', {});
      host.control.faults('two', {});
      stage.receive('durable');
      expect(problems.splice(0), 'bugs that the simulator has shown').toEqual([]);
    },
    async close() {
      await Promise.all(opened.map((adapter) => adapter.dispose()));
      await host.close();
      await receiver.close();
    },
  };
  stage.receive('durable');
  return stage;
}

/** The provider with somebody who looks at what its simulator is asked. */
function tapped(provider: Provider, look: (request: WireRequest) => void): Provider {
  return {
    ...provider,
    async openSandbox(options) {
      const simulator = await provider.openSandbox(options);
      return {
        ...simulator,
        handle(request) {
          if (!simulator.isBuyerPage?.(request)) look(request);
          return simulator.handle(request);
        },
      };
    },
  };
}

export function patience(): AbortSignal {
  return AbortSignal.timeout(PATIENCE_MS);
}

export function orderOf({ providerRef, amount }: CreateRequest): OrderRef {
  return { providerRef, amount, channelTradeNo: null };
}

/** The order by what its provider needs to find it, and nothing else. */
export function leastOrderOf({ queriedBy }: ChannelSubject, { request, order }: Placed): OrderRef {
  return queriedBy === 'their_number' ? order : orderOf(request);
}

/** A number that no provider has ever heard of. */
export function anUnknownOrder({ amount }: CreateCase, { queriedBy }: Partial<ChannelSubject> = {}): OrderRef {
  const channelTradeNo = queriedBy === 'their_number' ? 'NEVERmade0123' : null;
  return { providerRef: aProviderRef(), amount, channelTradeNo };
}

export function acknowledge(adapter: ChannelAdapter, outcome: Received): RawAnswer {
  return adapter.acknowledge(
    outcome === 'durable' ? { kind: 'durable', receipt: issueDurableReceipt() } : { kind: 'refused' },
  );
}

function aProviderRef(): string {
  return providerRefOf(newId('pay', Date.now(), randomBytes), 1);
}

function aRequest(
  { receiver, now }: ChannelStage,
  { scene, method, amount }: CreateCase,
  set: Partial<CreateRequest>,
  channelId = 'one',
): CreateRequest {
  const providerRef = aProviderRef();
  return {
    providerRef,
    amount,
    method,
    scene,
    subject: '会员 1 month & 50% off',
    expiresAt: now() + 900_000,
    callbackUrl: `${receiver.url}/callbacks/${channelId}/${providerRef}t0ken`,
    returnUrl: `${receiver.url}/pay/return`,
    buyer: { ip: '203.0.113.7' },
    ...set,
  };
}

async function callbackWith(
  receiver: CallbackReceiver,
  reader: ChannelAdapter,
  isWanted: (notice: Notice) => boolean,
): Promise<RawCallback> {
  const read: string[] = [];
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    read.length = 0;
    for (const raw of receiver.received.filter(({ target }) => target.startsWith('/callbacks/')).reverse()) {
      const parsed = await reader.parseCallback(raw, patience());
      if (parsed.ok && parsed.value.some(isWanted)) return raw;
      if (!parsed.ok) read.push(parsed.error);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`no callback said so; refused ones: ${read.join(', ') || 'none'}`);
}
