import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LoadedConfig } from '../../src/config/index.ts';
import { rehearse } from '../../src/rehearsal/index.ts';
import type { WhatIfReport } from '../../src/what-if/index.ts';
import { openTemporaryStore } from '../store/sqlite/temporary.ts';
import { aChannel, aScenario, aSetup, aStream, channelOf, EVENING, MINUTE } from '../what-if/worlds.ts';
import { liveThrough, type RecordedDay, record } from './recorded-day.ts';

const CHEAP = { ratePpm: 3_000, fixedMinor: 0, minMinor: 1, maxMinor: null };
const HOUR = 60 * MINUTE;

/** Six hours with an outage, a brown-out, and a time in which orders are taken and hardly any is paid. */
const DAY = aScenario(
  {
    one: {
      ...{ failure: 0.01, paid: 0.92, latencyMs: 200, failureLatencyMs: 1_500 },
      changes: [
        { fromMs: 2 * HOUR, failure: 1 },
        { fromMs: 2.5 * HOUR },
        { fromMs: 4 * HOUR, failure: 0.3 },
        { fromMs: 4.5 * HOUR },
        { fromMs: 5 * HOUR, paid: 0.1 },
        { fromMs: 5.3 * HOUR },
      ],
    },
    two: { failure: 0.02, paid: 0.84, latencyMs: 300 },
  },
  { durationMs: 6 * HOUR, streams: [aStream({ rates: [{ fromMs: 0, perMinute: 12 }] })] },
);
const SETUP = aSetup([aChannel('one'), aChannel('two', { fee: CHEAP })]);

/** As a loaded configuration, as far as a rehearsal looks at it. */
const configured = (setup: typeof SETUP): LoadedConfig => {
  const { routing, failover } = setup;
  const merchant = { id: 'm_demo', channels: 'all', limits: { maxAmountMinor: null, perMinute: null } };
  return {
    settings: { routing, failover },
    channels: setup.channels.map((channel) => ({ id: channel.profile.id, ...channel })),
    merchants: { byId: (id: string) => (id === merchant.id ? merchant : undefined) },
  } as unknown as LoadedConfig;
};

let temporary: ReturnType<typeof openTemporaryStore>;
let day: RecordedDay;
beforeAll(async () => {
  temporary = openTemporaryStore();
  day = liveThrough(DAY, SETUP, 12);
  await record(temporary.store, day.payments);
});
afterAll(() => temporary.dispose());

async function replay(
  set: { from?: number; now?: number; paymentsMax?: number; proposed?: typeof SETUP } = {},
): Promise<WhatIfReport> {
  const { from = EVENING, now = EVENING + 24 * HOUR, paymentsMax = 200_000, proposed = SETUP } = set;
  const answer = await rehearse({
    configurations: { live: configured(SETUP), proposed: configured(proposed) },
    seed: 5,
    traffic: {
      ...{ kind: 'recorded', store: temporary.store, paymentsMax },
      period: { from, to: EVENING + 6 * HOUR },
      now,
    },
  });
  if (!answer.ok) throw new Error(JSON.stringify(answer.error));
  return answer.value;
}

describe('a recorded day that is replayed under the configuration of that day', () => {
  test('comes close to what really happened', async () => {
    const report = await replay();
    const { totals, recorded, channels } = report;
    expect(totals.live.payments).toBe(day.payments.length);
    expect(recorded).toMatchObject({ payments: day.payments.length, succeeded: day.paid, pending: 0 });
    expect(Math.abs(totals.live.succeeded - day.paid) / day.payments.length).toBeLessThan(0.015);
    for (const { channel, live } of channels) {
      expect(Math.abs(live.share - (day.shares.get(channel) ?? 0)), channel).toBeLessThan(0.1);
    }
    const [really] = recorded?.money ?? [];
    expect(Math.abs((report.money[0]?.live.captured ?? 0) / (really?.captured ?? 1) - 1)).toBeLessThan(0.03);
    expect(Math.abs((report.money[0]?.live.fees ?? 0) / (really?.fees ?? 1) - 1)).toBeLessThan(0.1);
    expect(report.headline).toBe('Nothing would move.');
    expect(report.notes.join('\n')).toContain('How close the replay is');
  });

  test('is compared with those payments only whose time to pay is over, since who pays fast is known first', async () => {
    const now = EVENING + 4 * HOUR;
    const over = day.payments.filter(({ expiresAt }) => expiresAt <= now);
    const paid = over.filter(({ status }) => status === 'succeeded').length;
    const { recorded, notes } = await replay({ now });
    expect(over.length).toBeLessThan(day.payments.length);
    expect(recorded?.expired).toEqual({ payments: over.length, succeeded: paid });
    const share = ((paid / over.length) * 100).toFixed(1);
    expect(notes.join('\n')).toContain(`of the ${over.length} that can no longer be paid ${share}% really did`);
  });

  test('says on how many orders the picture of each channel rests', async () => {
    const { channels } = await replay();
    const orders = channels.reduce((sum, { evidence }) => sum + evidence.orders, 0);
    const opened = day.payments.filter(({ attempts }) =>
      attempts.some((a) => a.status === 'succeeded' || a.status === 'closed'),
    );
    expect(orders).toBe(opened.length);
    for (const { evidence } of channels) expect(evidence.words).toBe(`n ${evidence.orders}`);
  });

  test('warms its routers up with what came before the period, and counts nothing of it', async () => {
    const { traffic, totals, recorded } = await replay({ from: EVENING + 3 * HOUR });
    const since = day.payments.filter(({ createdAt }) => createdAt >= EVENING + 3 * HOUR).length;
    expect(totals.live.payments).toBe(since);
    expect(recorded?.payments).toBe(since);
    expect(traffic).toMatchObject({ recorded: since, payments: since, every: 1 });
    expect(traffic.kind === 'recorded' && traffic.warm_up).toBeGreaterThan(1_000);
  });

  test('is sampled evenly where there is more of it than may be, and says so', async () => {
    const report = await replay({ paymentsMax: 1_500 });
    const { totals, traffic, notes } = report;
    const every = Math.ceil(day.payments.length / 1_500);
    expect(traffic).toMatchObject({ recorded: day.payments.length, every });
    expect(Math.abs(totals.live.payments - day.payments.length / every)).toBeLessThanOrEqual(1);
    expect(notes.join('\n')).toContain('was routed again; all figures are of those');
    expect(Math.abs(totals.live.success_ratio - day.paid / day.payments.length)).toBeLessThan(0.07);
  });
});

describe('a proposal that sends everything to a channel', () => {
  test('of which little is known is told to be a guess', async () => {
    const proposed = aSetup([aChannel('one', { weight: 0 }), aChannel('two', { weight: 0 }), aChannel('three')]);
    const report = await replay({ proposed });
    expect(channelOf(report, 'three')).toMatchObject({ proposed: { share: 1 }, evidence: { orders: 0 } });
    expect(channelOf(report, 'three').evidence.words).toBe('n 0: taken to be like the others');
    expect(report.notes.join('\n')).toMatch(/three would get 100\.0% of payments, and there is no recorded order/);
  });
});
