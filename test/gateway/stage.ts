import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { vi } from 'vitest';
import { createMemoryEphemeral } from '../../src/ephemeral/index.ts';
import type { EvidenceEntry } from '../../src/evidence/port.ts';
import {
  createGateway,
  type GatewayError,
  type GatewaySettings,
  type Merchant,
  type Order,
  type RunningGateway,
  type WebhookAnswer,
  type WebhookRequest,
} from '../../src/gateway/index.ts';
import type { Attempt, Payment, Result } from '../../src/payment/index.ts';
import { createBreakers, createStatistics } from '../../src/routing/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { openTemporaryStore } from '../store/sqlite/temporary.ts';
import { type Fate, faultyStore } from './faulty-store.ts';
import { recordingTelemetry } from './reports.ts';
import { type ChannelSetup, type ScriptedChannel, scriptChannel } from './scripted-channel.ts';

export const NEW_YEAR = Date.UTC(2026, 0, 1);
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** One of two secrets while the old one is being replaced. */
export const SECRETS = ['whsec_b2xkLXNlY3JldC1vZi10aGUtc2hvcC0wMQ==', 'whsec_bmV3LXNlY3JldC1vZi10aGUtc2hvcC0wMg=='];

/** What the demo shop has agreed for epay. */
export const EPAY = {
  ...{ pid: 1000, keys: ['sandbox-epay-key'], signs: ['md5', 'sha256', 'rsa'], publicKey: null, refunds: true },
  ...{ notifyHosts: 'any', tlsVerify: true, expiresInMs: 15 * MINUTE },
} as const satisfies Merchant['epay'];

export interface StageOptions<Id extends string> {
  readonly channels: Readonly<Record<Id, ChannelSetup>>;
  readonly rules?: GatewaySettings['routing']['rules'];
  readonly policies?: Partial<GatewaySettings['policies']>;
  readonly failover?: Partial<GatewaySettings['failover']>;
  readonly webhooks?: Partial<GatewaySettings['webhooks']>;
  /** The agenda and the prober run. */
  readonly running?: boolean;
  /** Nobody else works on the store, as in the embedded shape. */
  readonly alone?: boolean;
  readonly seed?: number;
  readonly wrapStore?: (store: PaymentStore) => PaymentStore;
}

/** The shop's end of the webhooks. */
export interface WebhookReceiver {
  readonly requests: WebhookRequest[];
  answer: (request: WebhookRequest, signal: AbortSignal) => Promise<WebhookAnswer> | WebhookAnswer;
}

/** The use cases on the real store, the real routing and real breakers; time, chance, channels and shop are the test's. */
export interface Stage<Id extends string> {
  readonly gateway: RunningGateway;
  readonly store: PaymentStore;
  readonly channels: Readonly<Record<Id, ScriptedChannel>>;
  readonly loaded: Map<string, ScriptedChannel['channel']>;
  readonly merchant: Merchant;
  readonly shop: WebhookReceiver;
  readonly clock: { now(): number; advance(ms: number): void };
  /** Every report to telemetry: its name and arguments. */
  readonly reports: readonly (readonly [string, ...unknown[]])[];
  readonly evidence: readonly EvidenceEntry[];
  create(
    set?: Partial<Order>,
    key?: string | null,
  ): Promise<Result<{ payment: Payment; repeat: boolean }, GatewayError>>;
  /** Creates a payment that a channel takes. */
  open(set?: Partial<Order>): Promise<Payment>;
  /** The stored payment, read past all faults. */
  read(id: string): Promise<Payment>;
  /** A provider's callback under the token of the attempt; the answer's body. */
  callback(attempt: Attempt, channel: ScriptedChannel, set?: Parameters<ScriptedChannel['notice']>[1]): Promise<string>;
  /** Lets timers run until a promise has settled. */
  drive<T>(promise: Promise<T>): Promise<T>;
  /** Lets timers run until something holds. */
  until(holds: () => boolean | Promise<boolean>): Promise<void>;
  /** Moves the clock, and lets the agenda work until nothing is due. */
  elapse(ms?: number): Promise<void>;
  /** One more process on the same store, with breakers and statistics of its own. */
  replica(): Promise<Stage<Id>>;
  /** From now on the store fails this process, as after its death; a new process takes over. */
  crash(): Promise<Stage<Id>>;
  stop(): Promise<void>;
}

/** How far the timers move at a time, in milliseconds. */
const TICK_MS = 50;
const TICKS_MAX = 4_000;

let orders = 0;
let platformKey: KeyObject | undefined;

export function anOrder(set: Partial<Order> = {}): Order {
  orders += 1;
  const merchantOrderNo = set.merchantOrderNo ?? `A${orders}`;
  return {
    merchantOrderNo,
    amount: { minor: 1_000, currency: 'CNY' },
    methods: ['alipay'],
    scene: 'qr',
    subject: 'A game key',
    customer: {},
    notifyUrl: 'https://shop.example/notify',
    returnUrl: null,
    expiresInMs: 15 * MINUTE,
    metadata: {},
    pinnedChannelId: null,
    requestHash: `hash of ${merchantOrderNo}`,
    ...set,
  };
}

export async function openStage<Id extends string>(options: StageOptions<Id>): Promise<Stage<Id>> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const temporary = openTemporaryStore();
  let at = NEW_YEAR;
  const clock = {
    now: () => at,
    advance: (ms: number) => {
      at += ms;
    },
  };
  const ids = Object.keys(options.channels) as Id[];
  const scripted = ids.map((id, i) => [id, scriptChannel(id, options.channels[id], i, clock.now)] as const);
  const channels = Object.fromEntries(scripted) as Record<Id, ScriptedChannel>;
  const shop: WebhookReceiver = { requests: [], answer: () => ({ outcome: 'answered', status: 200, body: '' }) };
  const world = { options, clock, channels, shop, store: temporary.store };
  let processes = 0;
  const alive: (() => Promise<void>)[] = [];
  const start = async (): Promise<Stage<Id>> => {
    processes += 1;
    const { stage, end, die } = startProcess(world, processes, async () => {
      alive.splice(alive.indexOf(end), 1);
      await die();
      return start();
    });
    alive.push(end);
    return { ...stage, replica: start, stop };
  };
  const stop = async (): Promise<void> => {
    for (const end of alive) await end();
    await temporary.dispose();
    vi.useRealTimers();
  };
  return start();
}

interface World<Id extends string> {
  readonly options: StageOptions<Id>;
  readonly clock: Stage<Id>['clock'];
  readonly channels: Record<Id, ScriptedChannel>;
  readonly shop: WebhookReceiver;
  readonly store: PaymentStore;
}

function startProcess<Id extends string>(world: World<Id>, processNo: number, crash: () => Promise<Stage<Id>>) {
  const { options, clock, channels, shop } = world;
  let dead = false;
  const mortal = faultyStore(world.store, (): Fate => (dead ? 'fails' : 'works'));
  const store = (options.wrapStore ?? ((s: PaymentStore) => s))(mortal);
  const loaded = new Map(Object.values<ScriptedChannel>(channels).map(({ channel }) => [channel.id, channel]));
  const { reports, telemetry } = recordingTelemetry();
  const evidence: EvidenceEntry[] = [];
  const chance = seeded((options.seed ?? 1) + processNo);
  const merchant: Merchant = {
    id: 'm_demo',
    name: 'Demo shop',
    enabled: true,
    webhookUrl: null,
    webhookSecrets: SECRETS,
    channels: 'all',
    limits: { maxAmountMinor: null, perMinute: null },
    epay: EPAY,
  };
  const breakers = createBreakers({ settingsOf: (id) => settingsOf(loaded.get(id)) });
  const gateway = createGateway({
    ...{ store, breakers, telemetry, clock, random: chance },
    ephemeral: createMemoryEphemeral({ now: clock.now }),
    channels: () => loaded,
    settings: () => settings(options),
    merchants: () => ({
      byId: (id) => (id === merchant.id ? merchant : undefined),
      bySecretKey: () => undefined,
      byEpayPid: () => undefined,
      epayMerchants: () => [],
    }),
    evidence: { append: (entry) => void evidence.push(entry), during: (_subject, work) => work() },
    sealer: { seal: (plain) => `sealed:${plain}`, open: (sealed) => sealed.slice('sealed:'.length) },
    statistics: createStatistics({ settingsOf: (id) => settingsOf(loaded.get(id)) }),
    randomBytes: (size) => Uint8Array.from({ length: size }, () => Math.floor(chance() * 256)),
    epayKey: async () => (platformKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    epayRecord: { request: () => {}, notice: () => {}, of: () => ({ requests: [], notices: [] }) },
    sendWebhook: async (request, signal) => {
      shop.requests.push(request);
      return shop.answer(request, signal);
    },
    alone: options.alone ?? false,
    ownEphemeral: options.alone ?? false,
    processId: `process-${processNo}`,
  });
  if (options.running) gateway.start();

  const create: Stage<Id>['create'] = (set, key = null) => drive(gateway.createPayment(merchant, anOrder(set), key));
  const read = async (id: string): Promise<Payment> => {
    const stored = await world.store.findById(id);
    if (!stored) throw new Error(`no payment ${id}`);
    return stored.payment;
  };
  const stage: Omit<Stage<Id>, 'stop' | 'replica'> = {
    ...{ gateway, store, channels, loaded, merchant, shop, clock, reports, evidence, create, read, drive, crash },
    open: async (set) => {
      const created = await create(set);
      if (!created.ok) throw new Error(created.error.detail);
      return created.value.payment;
    },
    callback: async (attempt, channel, set) => {
      const raw = channel.notice(attempt.providerRef, set);
      return (await drive(gateway.receiveCallback(channel.channel.id, attempt.callbackToken, raw))).body;
    },
    until,
    elapse: async (ms = 0) => {
      clock.advance(ms);
      await until(async () => (await world.store.dueBacklog(clock.now())).count === 0);
    },
  };
  const end = async (): Promise<void> => {
    await drive(gateway.stop());
    breakers.dispose();
  };
  const die = async (): Promise<void> => {
    dead = true;
    await end();
  };
  return { stage, end, die };
}

async function drive<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = promise.finally(() => {
    settled = true;
  });
  done.catch(() => {});
  await until(() => settled);
  return done;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let ticks = 0; ; ticks += 1) {
    await tick();
    if (await holds()) return;
    if (ticks > TICKS_MAX) throw new Error(`did not happen: ${holds.toString()}`);
  }
}

async function tick(): Promise<void> {
  await turn();
  await vi.advanceTimersByTimeAsync(TICK_MS);
  await turn();
}

function settings(options: StageOptions<string>): GatewaySettings {
  return {
    // Only the fee counts, so that a test says by it which channel is the first choice.
    routing: {
      strategy: 'weights',
      weights: { success: 0, fee: 1, latency: 0, settlement: 0 },
      marginBps: 2_500,
      bandEdgesMinor: [],
      explorationShare: 0,
      ...(options.rules && { rules: options.rules }),
    },
    failover: { maxAttempts: 3, budgetMs: 8_000, ...options.failover },
    policies: {
      lateSuccess: 'refund',
      surplus: 'refund',
      amountMismatch: 'hold',
      paidKnownWithinMs: MINUTE,
      ...options.policies,
    },
    webhooks: {
      timeoutMs: 10_000,
      allowPrivateAddresses: false,
      concurrencyPerEndpoint: 8,
      pauseAfterMs: 24 * HOUR,
      ...options.webhooks,
    },
    publicUrl: 'https://pay.example',
    allowHttpUrls: false,
    epayTypes: new Map(),
    balanceEveryMs: 300_000,
  };
}

function settingsOf(channel: ScriptedChannel['channel'] | undefined): ScriptedChannel['channel']['breaker'] {
  return channel?.breaker ?? { failureRate: 1, minRequests: 1_000, windowMs: 10_000, openForMs: 1_000 };
}

/** Mulberry32: numbers in [0, 1) that are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The attempt with this number, which has to exist. */
export function attemptOf(payment: Payment, seq: number): Attempt {
  const attempt = payment.attempts[seq - 1];
  if (!attempt) throw new Error(`${payment.id} has no attempt ${seq}`);
  return attempt;
}

/** Channel and status of each attempt, as a test wants to compare them. */
export function attemptsOf(payment: Payment): string[] {
  return payment.attempts.map(({ channelId, status }) => `${channelId} ${status}`);
}

export function eventsOf(payment: Payment): string[] {
  return payment.events.map(({ type }) => type);
}
