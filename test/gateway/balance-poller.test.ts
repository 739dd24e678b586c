import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Balance, type ChannelError, channelError } from '../../src/channel/index.ts';
import { createMemoryEphemeral } from '../../src/ephemeral/index.ts';
import { createBalancePoller } from '../../src/gateway/balance-poller.ts';
import { isFresh, nextAskMs } from '../../src/gateway/balance-schedule.ts';
import { createChannelCalls } from '../../src/gateway/channel-calls.ts';
import type { Parts } from '../../src/gateway/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import { createBreakers, createStatistics } from '../../src/routing/index.ts';
import { openTemporaryStore } from '../store/sqlite/temporary.ts';
import { recordingTelemetry } from './reports.ts';
import { scriptChannel } from './scripted-channel.ts';
import { HOUR, MINUTE, NEW_YEAR, SECOND } from './stage.ts';

const EVERY_MS = 5 * MINUTE;
type Answer = (signal: AbortSignal) => Promise<Result<readonly Balance[], ChannelError>>;

const holds =
  (availableMinor: number): Answer =>
  async () =>
    ok([{ currency: 'CNY', availableMinor }]);
const fails =
  (kind: ChannelError['kind']): Answer =>
  async () =>
    err(channelError(kind, 'no', { providerCode: 'their_word' }));

let temporary: ReturnType<typeof openTemporaryStore>;
const stops: (() => Promise<void>)[] = [];
beforeEach(() => {
  temporary = openTemporaryStore();
  vi.useFakeTimers({ now: NEW_YEAR, toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  await temporary.dispose();
});

/** One replica with one channel whose balance is the test's to answer. */
function open(set: { answer?: Answer | null; ephemeral?: Parts['ephemeral']; everyMs?: number } = {}) {
  const now = () => Date.now();
  const { channel: scripted } = scriptChannel('alipay-main', {}, 1, now);
  const asked: number[] = [];
  let answer = set.answer === undefined ? holds(100) : set.answer;
  const channel = {
    ...scripted,
    ...(set.answer === null ? {} : { capabilities: [...scripted.capabilities, 'balance' as const] }),
    adapter: {
      ...scripted.adapter,
      balance: (signal: AbortSignal) => {
        asked.push(now() - NEW_YEAR);
        return (answer ?? holds(0))(signal);
      },
    },
  };
  const channels = new Map([[channel.id, channel]]);
  const { telemetry, reports } = recordingTelemetry();
  const breakers = createBreakers({ settingsOf: () => channel.breaker });
  const statistics = createStatistics({ settingsOf: () => channel.breaker });
  const parts: Parts = {
    ...{ store: temporary.store, telemetry, breakers, statistics },
    ephemeral: set.ephemeral ?? createMemoryEphemeral({ now }),
    channels: () => channels,
    settings: () => {
      const everyMs = set.everyMs ?? EVERY_MS;
      return { ...SETTINGS, balanceEveryMs: everyMs };
    },
    merchants: () => ({
      byId: () => undefined,
      bySecretKey: () => undefined,
      byEpayPid: () => undefined,
      epayMerchants: () => [],
    }),
    sealer: { seal: (plain) => plain, open: (sealed) => sealed },
    evidence: { append: () => {}, during: (_subject, work) => work() },
    clock: { now },
    random: () => 0.5,
    randomBytes: (size) => new Uint8Array(size),
    epayKey: () => Promise.reject(new Error('no key here')),
    epayRecord: { request: () => {}, notice: () => {}, of: () => ({ requests: [], notices: [] }) },
    sendWebhook: () => Promise.reject(new Error('nobody sends here')),
    ...{ alone: true, processId: 'one' },
  };
  const calls = createChannelCalls(parts);
  const poller = createBalancePoller(parts, calls);
  stops.push(async () => {
    await poller.stop();
    breakers.dispose();
  });
  poller.start();
  return {
    ...{ poller, channels, asked, reports, calls, breakers, statistics },
    answer: (next: Answer) => {
      answer = next;
    },
    pass: (ms: number) => vi.advanceTimersByTimeAsync(ms),
    held: () => poller.balances().get('alipay-main'),
  };
}

const SETTINGS = {
  routing: {
    strategy: 'weights' as const,
    ...{ marginBps: 2_500, bandEdgesMinor: [], explorationShare: 0 },
    weights: { success: 1, fee: 1, latency: 1, settlement: 1 },
  },
  failover: { maxAttempts: 3, budgetMs: 8_000 },
  policies: { lateSuccess: 'refund', surplus: 'refund', amountMismatch: 'hold', paidKnownWithinMs: MINUTE },
  webhooks: { timeoutMs: 1_000, allowPrivateAddresses: false, concurrencyPerEndpoint: 8, pauseAfterMs: HOUR },
  ...{ publicUrl: 'https://pay.example', allowHttpUrls: false, epayTypes: new Map() },
} as const;

describe('the schedule', () => {
  test('is every so often, spread by a tenth, and never sooner', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10_000, max: 86_400_000 }),
        fc.nat(40),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (everyMs, failures, chance) => {
          const ms = nextAskMs(everyMs, failures, chance);
          expect(ms).toBeGreaterThanOrEqual(Math.floor(everyMs * 0.9));
          expect(ms).toBeLessThanOrEqual(Math.ceil(Math.max(HOUR, everyMs) * 1.1));
          expect(nextAskMs(everyMs, failures + 1, chance)).toBeGreaterThanOrEqual(ms);
        },
      ),
    );
  });

  test('doubles with each failure in a row, up to an hour', () => {
    const minutes = [0, 1, 2, 3, 4, 50].map((failures) => nextAskMs(EVERY_MS, failures, 0.5) / MINUTE);
    expect(minutes).toEqual([5, 10, 20, 40, 60, 60]);
  });

  test('forgets an answer after three failures, or four rounds', () => {
    expect(isFresh(0, 2, EVERY_MS)).toBe(true);
    expect(isFresh(0, 3, EVERY_MS)).toBe(false);
    expect(isFresh(4 * EVERY_MS, 0, EVERY_MS)).toBe(true);
    expect(isFresh(4 * EVERY_MS + 1, 0, EVERY_MS)).toBe(false);
  });
});

describe('a balance', () => {
  test('is asked for soon after the start, and then every five minutes', async () => {
    const { pass, asked, held } = open();
    expect(held()).toBeUndefined();
    await pass(3 * SECOND);
    expect(held()).toMatchObject({ amounts: [{ currency: 'CNY', availableMinor: 100 }] });
    await pass(15 * MINUTE);
    expect(asked).toHaveLength(4);
  });

  test('is the one that the provider told last', async () => {
    const { pass, answer, held } = open();
    await pass(3 * SECOND);
    answer(holds(-5));
    await pass(EVERY_MS + SECOND);
    expect(held()).toMatchObject({ at: NEW_YEAR + 303 * SECOND, amounts: [{ availableMinor: -5 }] });
  });

  test('that fails is asked for less and less, and the old one is forgotten after three failures', async () => {
    const { pass, answer, asked, held } = open();
    await pass(3 * SECOND);
    answer(fails('CHANNEL_UNAVAILABLE'));
    await pass(EVERY_MS + 10 * MINUTE);
    expect(held()).toBeDefined();
    await pass(5 * HOUR);
    expect(held()).toBeUndefined();
    const gaps = asked.slice(1).map((at, i) => Math.round((at - (asked[i] ?? 0)) / MINUTE));
    expect(gaps.slice(0, 6)).toEqual([5, 10, 20, 40, 60, 60]);
    answer(holds(7));
    await pass(HOUR + MINUTE);
    expect(held()).toMatchObject({ amounts: [{ availableMinor: 7 }] });
  });

  test('says nothing of the channel: no breaker opens, no probe is put off, and the call is counted', async () => {
    const { pass, answer, reports, breakers, calls, statistics } = open();
    answer(fails('AUTH_MISCONFIGURED'));
    await pass(2 * HOUR);
    expect(breakers.state('alipay-main', 'query')).toBe('closed');
    expect(statistics.technical.state('alipay-main', NEW_YEAR)).toBe('closed');
    expect(calls.contact('alipay-main')).toEqual({ lastAt: 0, lastFailureAt: 0 });
    expect(calls.isOutOfService('alipay-main')).toBe(false);
    expect(statistics.throttle.isPaced('alipay-main', NEW_YEAR)).toBe(false);
    expect(reports).toContainEqual(['channelRequest', 'alipay-main', 'balance', 'AUTH_MISCONFIGURED', 0, 'their_word']);
  });

  test('is asked for also while no buyer is sent to the channel', async () => {
    const { pass, breakers, asked } = open();
    breakers.trip('alipay-main', 'create');
    await pass(3 * SECOND);
    expect(asked).toHaveLength(1);
  });

  test('that the account may not ask for is told once, asked for once an hour, and no fault', async () => {
    const { pass, answer, held, asked, reports } = open();
    answer(async () => ok([]));
    await pass(3 * HOUR);
    expect(held()).toBe('no_right');
    expect(asked.length).toBeLessThanOrEqual(4);
    expect(reports.filter(([name]) => name === 'info')).toHaveLength(1);
    expect(reports.filter(([name]) => name === 'warn' || name === 'error')).toEqual([]);
  });

  test('of a provider without such a call is told to be missing once, and never asked for', async () => {
    const { pass, asked, held, reports } = open({ answer: null });
    await pass(HOUR);
    expect([asked, held()]).toEqual([[], undefined]);
    expect(reports.filter(([name]) => name === 'info')).toHaveLength(1);
  });

  test('that hangs is one call, ended by its time-out', async () => {
    const { pass, asked, answer, reports } = open();
    answer(
      (signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => resolve(err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe')))),
        ),
    );
    await pass(9 * SECOND);
    expect(asked).toHaveLength(1);
    await pass(5 * SECOND);
    expect(reports.filter(([name]) => name === 'channelRequest')).toHaveLength(1);
    await pass(11 * MINUTE);
    expect(asked).toHaveLength(2);
  });

  test('is asked for by one of two replicas, and the other shows none', async () => {
    const shared = createMemoryEphemeral({ now: () => Date.now() });
    const [one, two] = [open({ ephemeral: shared }), open({ ephemeral: shared })];
    await one.pass(3 * SECOND);
    expect(one.asked.length + two.asked.length).toBe(1);
    expect([one.held(), two.held()].filter((held) => held !== undefined)).toHaveLength(1);
    await one.pass(30 * MINUTE);
    expect(one.asked.length + two.asked.length).toBeLessThanOrEqual(8);
    expect([one.held(), two.held()].filter((held) => held !== undefined)).toHaveLength(1);
  });

  test('is asked for although the shared state is out of reach', async () => {
    const out = () => Promise.reject(new Error('redis is away'));
    const { pass, held } = open({ ephemeral: { ...createMemoryEphemeral({ now: () => 0 }), hit: out } });
    await pass(3 * SECOND);
    expect(held()).toBeDefined();
  });

  test('of a channel that a reload took away is gone with it', async () => {
    const { pass, channels, held } = open();
    await pass(3 * SECOND);
    channels.clear();
    expect(held()).toBeUndefined();
    await pass(HOUR);
  });

  test('comes in time although the clock is set back by a day', async () => {
    const { pass, asked } = open();
    await pass(3 * SECOND);
    vi.setSystemTime(NEW_YEAR - 24 * HOUR);
    await pass(2 * HOUR);
    expect(asked.length).toBeGreaterThan(1);
  });
});
