import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type {
  ChannelAdapter,
  Created,
  CreateRequest,
  OrderRef,
  RawAnswer,
  RawCallback,
} from '../../src/channel/index.ts';
import {
  type Order,
  type SandboxControl,
  type SandboxHost,
  startSandboxHost,
} from '../../src/channel/sandbox/index.ts';
import { issueDurableReceipt } from '../../src/payment/durable.ts';
import { newId, providerRefOf } from '../../src/payment/index.ts';
import { type CallbackReceiver, type ReceiverAnswer, startCallbackReceiver } from './callback-receiver.ts';
import type { ChannelSubject, CreateCase } from './channel-subject.ts';

/** Far above what anything here takes, so that a slow machine does not decide a test. */
export const PATIENCE_MS = 10_000;

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
  /** The order in the provider's books. */
  book(providerRef: string, channelId?: 'one' | 'two'): Order | undefined;
  /** From now on the receiver verifies with `adapter` and answers by the outcome; by default everything is acknowledged. */
  receive(outcome: 'durable' | 'refused'): void;
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
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    channels: ['one', 'two'].map((id) => ({ id, provider })),
    publicUrl: () => receiver.url,
    dataDir: null,
    now,
    randomBytes,
    random: Math.random,
    retryTimeFactor: 0.0001,
    onError: (problem) => problems.push(problem),
  });
  const opened: ChannelAdapter[] = [];
  const openAdapter = (credentials: unknown): ChannelAdapter => {
    const adapter = provider.openAdapter(provider.configSchema.parse(credentials), { now, randomBytes });
    opened.push(adapter);
    return adapter;
  };
  const adapters = { one: openAdapter(host.credentials('one')), two: openAdapter(host.credentials('two')) };
  const buttons = new Map<string, string>();

  const answer = (raw: RawCallback, outcome: 'durable' | 'refused'): ReceiverAnswer => {
    const button = buttons.get(raw.target);
    if (button !== undefined) return { status: 302, contentType: 'text/plain', body: '', location: button };
    return acknowledge(adapters.one, outcome);
  };
  const stage: ChannelStage = {
    subject,
    host,
    receiver,
    adapter: adapters.one,
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
    async pay({ request: { providerRef } }, how = {}, channelId = 'one') {
      const paid = await host.control.pay(channelId, { providerRef, ...how });
      if (!paid.ok) throw new Error(`the buyer could not pay: ${paid.error.detail}`);
      return paid.value;
    },
    book(providerRef, channelId = 'one') {
      const orders = host.control.orders(channelId, providerRef);
      return orders.ok ? orders.value[0] : undefined;
    },
    receive: (outcome) => receiver.answerWith((raw) => answer(raw, outcome)),
    paidCallback: (placed, reader = adapters.one) => paidCallback(receiver, placed, reader),
    reset() {
      shiftMs = 0;
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

export function patience(): AbortSignal {
  return AbortSignal.timeout(PATIENCE_MS);
}

export function orderOf({ providerRef, amount }: CreateRequest): OrderRef {
  return { providerRef, amount, channelTradeNo: null };
}

/** A number that no provider has ever heard of. */
export function anUnknownOrder({ amount }: CreateCase): OrderRef {
  return { providerRef: aProviderRef(), amount, channelTradeNo: null };
}

export function acknowledge(adapter: ChannelAdapter, outcome: 'durable' | 'refused'): RawAnswer {
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

async function paidCallback(receiver: CallbackReceiver, placed: Placed, reader: ChannelAdapter): Promise<RawCallback> {
  const read: string[] = [];
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    read.length = 0;
    for (const raw of receiver.received.filter(({ target }) => target.startsWith('/callbacks/')).reverse()) {
      const parsed = await reader.parseCallback(raw, patience());
      const notices = parsed.ok ? parsed.value : [];
      const ours = notices.some(
        ({ providerRef, observation }) =>
          providerRef === placed.request.providerRef && observation.state === 'succeeded',
      );
      if (ours) return raw;
      if (!parsed.ok) read.push(parsed.error);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`no callback said that the order was paid; refused ones: ${read.join(', ') || 'none'}`);
}
