import { describe, expect, test } from 'vitest';
import { learnWorld, type Sighting, type Try } from '../../src/what-if/index.ts';
import { anOrder, EVENING, MINUTE } from './worlds.ts';

const HOUR = 60 * MINUTE;
const PERIOD = { from: EVENING, to: EVENING + 3 * HOUR, knownUntil: EVENING + 24 * HOUR };

const aTry = (set: Partial<Try> = {}): Try => ({
  ...{ channelId: 'one', method: 'alipay', at: EVENING, answer: 'opened', latencyMs: 200, feeMinor: 60 },
  ...{ outcome: 'paid', endedAfterMs: 20_000 },
  ...set,
});

/** A payment a minute from one minute to another, each with one try. */
const steady = (fromMinute: number, toMinute: number, set: (minute: number) => Partial<Try>) =>
  Array.from({ length: toMinute - fromMinute }, (_, i) => {
    const at = EVENING + (fromMinute + i) * MINUTE;
    return anOrder({ at, tries: [aTry({ at, ...set(fromMinute + i) })] });
  });

const learnt = (orders: ReturnType<typeof steady>, sightings: readonly Sighting[] = [], period = PERIOD) => {
  const lesson = learnWorld(period);
  for (const order of orders) lesson.observe(order, [], []);
  lesson.observe(anOrder(), sightings, []);
  return lesson.world();
};

const at = (minute: number): number => EVENING + minute * MINUTE;

describe('how a channel behaved', () => {
  test('is told from what was recorded: failures, paid share, latency', () => {
    const world = learnt(
      steady(0, 180, (minute) =>
        minute % 20 === 7
          ? { answer: 'failed', latencyMs: 3_000, outcome: null }
          : { outcome: minute % 5 === 0 ? 'unpaid' : 'paid' },
      ),
    );
    const does = world.behaviour('one', 'alipay', at(90));
    expect(does.failure).toBeGreaterThan(0.02);
    expect(does.failure).toBeLessThan(0.09);
    expect(does.paid).toBeGreaterThan(0.74);
    expect(does.paid).toBeLessThan(0.86);
    expect(Math.abs(does.latencyMs - 200)).toBeLessThan(20);
    expect(does.failureLatencyMs).toBeGreaterThan(2_000);
    expect(world.evidence('one')).toEqual({ calls: 180, orders: 171, basis: 'recorded' });
  });

  test('shows an outage in four failures and in the silence of an open breaker after them', () => {
    const failing = { answer: 'failed', latencyMs: 3_000, outcome: null } as const;
    const orders = [...steady(0, 60, () => ({})), ...steady(60, 64, () => failing), ...steady(90, 180, () => ({}))];
    const shut = Array.from({ length: 26 }, (_, i): Sighting => ({ channelId: 'one', at: at(64 + i), isShut: true }));
    const world = learnt(orders, shut);
    const failureAt = (minute: number): number => world.behaviour('one', 'alipay', at(minute)).failure;
    expect(failureAt(30)).toBeLessThan(0.03);
    expect([61, 70, 85].map(failureAt).every((failure) => failure > 0.9)).toBe(true);
    expect(failureAt(120)).toBeLessThan(0.03);
  });

  test('is not called an outage for a single failure', () => {
    const world = learnt(steady(0, 180, (minute) => (minute === 90 ? { answer: 'failed', outcome: null } : {})));
    expect(world.behaviour('one', 'alipay', at(90)).failure).toBeLessThan(0.15);
  });

  test('shows a time in which orders were taken and hardly any was paid', () => {
    const world = learnt(steady(0, 180, (minute) => ({ outcome: minute >= 60 && minute < 90 ? 'unpaid' : 'paid' })));
    expect(world.behaviour('one', 'alipay', at(75)).paid).toBeLessThan(0.2);
    expect(world.behaviour('one', 'alipay', at(75)).failure).toBeLessThan(0.03);
    expect(world.behaviour('one', 'alipay', at(150)).paid).toBeGreaterThan(0.9);
  });

  test('is close to the others where little was recorded, and the same where nothing was', () => {
    const many = steady(0, 180, (minute) => ({ outcome: minute % 2 === 0 ? 'paid' : 'unpaid' }));
    const few = steady(0, 3, () => ({ channelId: 'two' }));
    const world = learnt([...many, ...few]);
    expect(Math.abs(world.behaviour('two', 'alipay', at(90)).paid - 0.5)).toBeLessThan(0.15);
    expect(Math.abs(world.behaviour('new', 'alipay', at(90)).paid - 0.5)).toBeLessThan(0.05);
    expect(world.evidence('two').orders).toBe(3);
    expect(world.evidence('new')).toEqual({ calls: 0, orders: 0, basis: 'recorded' });
  });

  test('does not take orders that can still be paid for unpaid ones, nor the early payers among them for all', () => {
    const old = steady(0, 100, () => ({ outcome: 'unpaid' }));
    const fresh = steady(170, 180, () => ({ outcome: 'paid' }));
    const world = learnt([...old, ...fresh], [], { ...PERIOD, knownUntil: at(180) });
    expect(world.evidence('one').orders).toBe(100);
  });

  test('knows which providers want the buyer’s address from decisions that missed it', () => {
    const lesson = learnWorld(PERIOD);
    lesson.observe(anOrder({ scene: 'wap' }), [], ['wechatpay']);
    const world = lesson.world();
    expect(world.needsBuyerIp('wechatpay', 'wap')).toBe(true);
    expect(world.needsBuyerIp('wechatpay', 'qr')).toBe(false);
    expect(world.needsBuyerIp('alipay', 'wap')).toBe(false);
  });
});
