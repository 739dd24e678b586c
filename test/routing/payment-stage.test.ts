import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStatistics, type Segment, type Statistics } from '../../src/routing/index.ts';
import { NEW_YEAR } from './builders.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const ALIPAY: Segment = { method: 'alipay', currency: 'CNY', band: 0 };
const WECHATPAY: Segment = { method: 'wechatpay', currency: 'CNY', band: 0 };

const aStatistics = () => createStatistics({ settingsOf: () => ({ failureRate: 0.5, openForMs: 15_000 }) });

/** A world whose buyers are as told: every `everyMs` an order, of which some are paid after a while. Runs until `untilMs`. */
function live(
  statistics: Statistics,
  channel: {
    readonly id: string;
    readonly segment?: Segment;
    readonly everyMs: number;
    readonly fromMs?: number;
    readonly untilMs: number;
    readonly delayMs?: number;
    readonly pays: (order: number, atMs: number) => boolean;
  },
): void {
  const { id, segment = ALIPAY, everyMs, fromMs = 0, untilMs, delayMs = 20 * SECOND, pays } = channel;
  const known: { at: number; openedAt: number }[] = [];
  for (let at = fromMs, order = 0; at < untilMs; at += everyMs, order += 1) {
    while ((known[0]?.at ?? Number.POSITIVE_INFINITY) <= at) tell(known.shift());
    statistics.payments.opened(id, segment, NEW_YEAR + at, NEW_YEAR + at);
    if (pays(order, at)) known.push({ at: at + delayMs * (0.5 + (order % 7) / 7), openedAt: at });
    known.sort((a, b) => a.at - b.at);
  }
  while ((known[0]?.at ?? Number.POSITIVE_INFINITY) <= untilMs) tell(known.shift());

  function tell(news: { at: number; openedAt: number } | undefined): void {
    if (news) statistics.payments.paid(id, segment, NEW_YEAR + news.openedAt, NEW_YEAR + news.at);
  }
}

const believed = (statistics: Statistics, id: string, atMs: number, segment = ALIPAY) =>
  statistics.payments.estimate(id, segment, NEW_YEAR + atMs);

/** Every tenth, every fifth ... order stays unpaid. */
const allBut = (every: number) => (order: number) => order % every !== 0;

describe('which share of orders is paid', () => {
  test('is learnt from orders that have had their time', () => {
    const statistics = aStatistics();
    live(statistics, { id: 'good', everyMs: SECOND, untilMs: 30 * MINUTE, pays: allBut(20) });
    live(statistics, { id: 'poor', everyMs: SECOND, fromMs: 30 * MINUTE, untilMs: 60 * MINUTE, pays: allBut(4) });
    expect(believed(statistics, 'good', 60 * MINUTE).share).toBeCloseTo(0.95, 1);
    expect(believed(statistics, 'poor', 60 * MINUTE).share).toBeCloseTo(0.75, 1);
  });

  test('does not fall because many orders are young: late is not failed', () => {
    const statistics = aStatistics();
    live(statistics, { id: 'a', everyMs: SECOND, untilMs: 30 * MINUTE, pays: allBut(10) });
    const before = believed(statistics, 'a', 30 * MINUTE).share;
    // A rush of orders of which nobody can know anything yet.
    for (let i = 0; i < 500; i += 1) {
      statistics.payments.opened('a', ALIPAY, NEW_YEAR + 30 * MINUTE + i, NEW_YEAR + 30 * MINUTE + i);
    }
    expect(believed(statistics, 'a', 30 * MINUTE + SECOND).share).toBeCloseTo(before, 2);
  });

  test('is compared at equal age: a rush of young orders shows whose buyers pay less, before anybody knows how long they take', () => {
    const statistics = aStatistics();
    const news: { readonly id: string; readonly openedAt: number; readonly at: number }[] = [];
    for (let at = 0, order = 0; at < 40 * SECOND; at += 20, order += 1) {
      for (const id of ['good', 'poor']) {
        statistics.payments.opened(id, ALIPAY, NEW_YEAR + at, NEW_YEAR + at);
        const paid = order % 10 < (id === 'good' ? 9 : 5);
        if (paid) news.push({ id, openedAt: at, at: at + SECOND * (4 + ((order * 7) % 53)) });
      }
      for (const one of news) {
        if (one.at <= at && one.at > at - 20) {
          statistics.payments.paid(one.id, ALIPAY, NEW_YEAR + one.openedAt, NEW_YEAR + at);
        }
      }
    }
    const [good, poor] = ['good', 'poor'].map((id) => believed(statistics, id, 40 * SECOND).share);
    // Five payers of ten against nine of ten.
    expect((poor ?? 0) / (good ?? 1)).toBeCloseTo(5 / 9, 1);
  });

  test('of a channel nobody has used is what others make likely, and it says that it rests on nothing', () => {
    const statistics = aStatistics();
    live(statistics, { id: 'a', everyMs: SECOND, untilMs: 30 * MINUTE, pays: allBut(2) });
    const unknown = believed(statistics, 'new', 30 * MINUTE);
    expect(unknown).toMatchObject({ orders: 0, opened: 0 });
    expect(unknown.share).toBeLessThan(0.65);
    expect(believed(aStatistics(), 'new', 0).share).toBeCloseTo(0.85, 2);
  });

  test('is told apart by amount band when the bands differ', () => {
    const statistics = aStatistics();
    const large = { ...ALIPAY, band: 2 };
    for (let turn = 0; turn < 12; turn += 1) {
      const span = { fromMs: turn * 10 * MINUTE, untilMs: (turn + 1) * 10 * MINUTE };
      const [segment, pays] = turn % 2 === 0 ? [ALIPAY, allBut(20)] : [large, allBut(2)];
      live(statistics, { id: 'a', segment, everyMs: SECOND, ...span, pays });
    }
    expect(believed(statistics, 'a', 120 * MINUTE).share).toBeGreaterThan(0.8);
    expect(believed(statistics, 'a', 120 * MINUTE, large).share).toBeLessThan(0.62);
  });

  test('by a method in which the channel is new is foreseen by what it makes of the currency elsewhere', () => {
    const statistics = aStatistics();
    const met = ['alipay/CNY', 'card/CNY', 'card/USD'].map((pair) => pair.split('/'));
    for (let turn = 0; turn < 120; turn += 1) {
      const id = ['a', 'b', 'c', 'd'][turn % 4] ?? 'a';
      const [method = '', currency = ''] = met[turn % 3] ?? [];
      const pays = id === 'a' && currency === 'USD' ? allBut(2) : allBut(20);
      const span = { everyMs: SECOND, delayMs: SECOND, fromMs: turn * MINUTE, untilMs: (turn + 1) * MINUTE };
      live(statistics, { id, segment: { method, currency, band: 0 }, ...span, pays });
    }
    const unpaid = (id: string, currency: string) =>
      1 - believed(statistics, id, 120 * MINUTE, { ...ALIPAY, currency }).share;
    expect(unpaid('a', 'CNY')).toBeLessThan(1.2 * unpaid('b', 'CNY'));
    expect(unpaid('a', 'USD')).toBeGreaterThan(1.5 * unpaid('b', 'USD'));
  });

  test('is known as well as before when the channel only gets other payments than before', () => {
    const statistics = aStatistics();
    const large = { ...ALIPAY, band: 2 };
    const ofLarge = allBut(2);
    for (let minute = 0; minute < 90; minute += 1) {
      const during = {
        id: 'a',
        everyMs: SECOND,
        delayMs: SECOND,
        fromMs: minute * MINUTE,
        untilMs: (minute + 1) * MINUTE,
      };
      // The first hour mixes both; then there are only large ones, which are paid as rarely as ever.
      if (minute < 60 && minute % 2 === 0) live(statistics, { ...during, pays: allBut(20) });
      else live(statistics, { ...during, segment: large, pays: ofLarge });
    }
    const { orders, share } = believed(statistics, 'a', 90 * MINUTE, large);
    expect(share).toBeCloseTo(0.5, 1);
    expect(orders).toBeGreaterThan(1_500);
  });

  test('is not less for a channel that is left alone because the first buyers paid sooner than usual', () => {
    const { payments } = aStatistics();
    for (let second = 0; second < 900; second += 1) {
      const at = NEW_YEAR + second * SECOND;
      const openedAt = at - 12 * SECOND;
      payments.opened('busy', WECHATPAY, at, at);
      if (second < 180) payments.opened('left', ALIPAY, at, at);
      if (second % 10 === 0 || second < 12) continue;
      payments.paid('busy', WECHATPAY, openedAt, at);
      if (second - 12 < 180) payments.paid('left', ALIPAY, openedAt, at);
    }
    expect(payments.estimate('left', ALIPAY, NEW_YEAR + 900 * SECOND).share).toBeGreaterThan(0.8);
  });

  test('an order from before this memory began teaches nothing, as it never aged here', () => {
    const statistics = aStatistics();
    const before = believed(statistics, 'a', 0).share;
    for (let i = 0; i < 100; i += 1) statistics.payments.paid('a', ALIPAY, NEW_YEAR - MINUTE, NEW_YEAR);
    expect(believed(statistics, 'a', SECOND).share).toBe(before);
  });
});

describe('a channel whose orders stop being paid', () => {
  const dead = (fromMs: number, untilMs: number) => (order: number, atMs: number) =>
    (atMs < fromMs || atMs >= untilMs) && order % 10 !== 0;

  test('is recognised within a minute, long before its orders expire', () => {
    const statistics = aStatistics();
    const pays = dead(30 * MINUTE, 60 * MINUTE);
    live(statistics, { id: 'a', everyMs: 500, untilMs: 31 * MINUTE, pays });
    const found = believed(statistics, 'a', 31 * MINUTE);
    expect(found.share).toBeLessThan(0.2);
    expect(found.lowSince).toBeGreaterThanOrEqual(NEW_YEAR + 29 * MINUTE);
  });

  test('is believed again, as firmly as before, soon after it has healed', () => {
    const statistics = aStatistics();
    const pays = dead(30 * MINUTE, 35 * MINUTE);
    live(statistics, { id: 'a', everyMs: 500, untilMs: 37 * MINUTE, pays });
    const healed = believed(statistics, 'a', 37 * MINUTE);
    expect(healed.lowSince).toBeNull();
    expect(healed.share).toBeGreaterThan(0.85);
  });

  test('is how the channel is now when it lasts for more than half an hour', () => {
    const statistics = aStatistics();
    const pays = (order: number, atMs: number) => (atMs < 30 * MINUTE ? order % 10 !== 0 : order % 3 === 0);
    live(statistics, { id: 'a', everyMs: SECOND, untilMs: 90 * MINUTE, pays });
    const settled = believed(statistics, 'a', 90 * MINUTE);
    expect(settled.lowSince).toBeNull();
    expect(settled.share).toBeLessThan(0.45);
  });

  test('is looked at as one that is dead, however long that lasts, when hardly any is paid', () => {
    const statistics = aStatistics();
    live(statistics, { id: 'a', everyMs: SECOND, untilMs: 90 * MINUTE, pays: dead(30 * MINUTE, 85 * MINUTE) });
    const healed = believed(statistics, 'a', 90 * MINUTE);
    expect(healed.lowSince).toBeNull();
    expect(healed.share).toBeGreaterThan(0.8);
  });
});

describe('a channel that is low', () => {
  const low = () => {
    const statistics = aStatistics();
    const pays = (order: number, atMs: number) => atMs < 30 * MINUTE && order % 10 !== 0;
    live(statistics, { id: 'a', everyMs: SECOND, untilMs: 32 * MINUTE, pays });
    return statistics;
  };

  test('is not looked at a second time while the first look waits for its answer', () => {
    const statistics = low();
    const at = NEW_YEAR + 40 * MINUTE;
    expect(believed(statistics, 'a', 40 * MINUTE).openedAt).toBeLessThan(at);
    statistics.callStarted('a', 'alipay', at);
    expect(believed(statistics, 'a', 40 * MINUTE).openedAt).toBe(at);
  });

  test('does not become what is expected of it by the few looks that are paid by chance', () => {
    const statistics = low();
    live(statistics, {
      ...{ id: 'a', everyMs: 2 * MINUTE, fromMs: 32 * MINUTE, untilMs: 90 * MINUTE, delayMs: SECOND },
      pays: (order) => order % 9 === 5,
    });
    expect(believed(statistics, 'a', 90 * MINUTE).lowSince).not.toBeNull();
    live(statistics, {
      ...{ id: 'a', everyMs: 20 * SECOND, fromMs: 90 * MINUTE, untilMs: 95 * MINUTE, delayMs: SECOND },
      pays: allBut(10),
    });
    const healed = believed(statistics, 'a', 95 * MINUTE);
    expect(healed.lowSince).toBeNull();
    expect(healed.share).toBeGreaterThan(0.8);
  });
});

describe('a channel that suddenly answers slowly', () => {
  const calls = (statistics: Statistics, latencyMs: number, count: number, from: number): void => {
    for (let i = 0; i < count; i += 1) {
      const at = from + i * 10;
      statistics.callEnded(statistics.callStarted('a', 'alipay', at), 'ok', at + latencyMs, latencyMs);
    }
  };

  test('is not what it was: what is known counts for little, until its answers are as usual, and then as before', () => {
    const statistics = aStatistics();
    live(statistics, { id: 'a', everyMs: SECOND, untilMs: 30 * MINUTE, pays: allBut(10) });
    const at = NEW_YEAR + 30 * MINUTE;
    calls(statistics, 300, 100, at);
    const before = believed(statistics, 'a', 30 * MINUTE);
    calls(statistics, 2_400, 12, at + SECOND);
    const slow = believed(statistics, 'a', 30 * MINUTE + SECOND);
    expect(slow.orders).toBeLessThan(0.2 * before.orders);
    expect(slow.share).toBeCloseTo(before.share, 1);
    calls(statistics, 300, 20, at + 2 * SECOND);
    expect(believed(statistics, 'a', 30 * MINUTE + 2 * SECOND).orders).toBeGreaterThan(0.95 * before.orders);
  });

  test('is one whose answers vary only if they vary by more than they ever did', () => {
    const statistics = aStatistics();
    live(statistics, { id: 'a', everyMs: SECOND, untilMs: 30 * MINUTE, pays: allBut(10) });
    const before = believed(statistics, 'a', 30 * MINUTE).orders;
    for (let i = 0; i < 200; i += 1)
      calls(statistics, [150, 300, 600, 900][i % 4] ?? 0, 1, NEW_YEAR + 30 * MINUTE + i * 10);
    expect(believed(statistics, 'a', 30 * MINUTE).orders).toBeCloseTo(before, 0);
  });
});

test('whatever happens in whatever order, a share stays between 0 and 1', () => {
  const step = fc.record({
    channel: fc.constantFrom('a', 'b'),
    ageMs: fc.integer({ min: 0, max: 3_600_000 }),
    passMs: fc.integer({ min: -60_000, max: 600_000 }),
    paid: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const statistics = aStatistics();
      let now = NEW_YEAR;
      for (const { channel, ageMs, passMs, paid } of steps) {
        now += passMs;
        if (paid) statistics.payments.paid(channel, ALIPAY, now - ageMs, now);
        else statistics.payments.opened(channel, ALIPAY, now, now);
        const { share, orders } = statistics.payments.estimate(channel, ALIPAY, now);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
        expect(orders).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

describe('a snapshot', () => {
  const learnt = () => {
    const statistics = aStatistics();
    live(statistics, { id: 'a', everyMs: SECOND, untilMs: 20 * MINUTE, pays: allBut(3) });
    const ticket = statistics.callStarted('a', 'alipay', NEW_YEAR + 20 * MINUTE);
    statistics.callEnded(ticket, 'failed', NEW_YEAR + 20 * MINUTE + SECOND);
    return statistics;
  };
  const now = NEW_YEAR + 21 * MINUTE;

  test('brings back what was believed, and taking it again changes nothing', () => {
    const before = learnt();
    const text = before.snapshot(now);
    const after = aStatistics();
    expect(after.restore(text, now)).toBeNull();
    const [was, is] = [before, after].map((one) => one.estimate('a', ALIPAY, now));
    expect(is).toEqual(was);
    expect(after.restore(after.snapshot(now), now)).toBeNull();
    expect(after.estimate('a', ALIPAY, now)).toEqual(was);
  });

  test('of a version that did not yet keep what was expected is taken up', () => {
    const before = learnt();
    const text = before.snapshot(now);
    const older = text.replaceAll(/,"slowExpected":[0-9.]+\}/g, '}');
    expect(older.length).toBeLessThan(text.length);
    const after = aStatistics();
    expect(after.restore(older, now)).toBeNull();
    expect(after.estimate('a', ALIPAY, now)).toEqual(before.estimate('a', ALIPAY, now));
  });

  test('that is damaged or a fortnight old is refused, and changes nothing', () => {
    const text = learnt().snapshot(now);
    const fresh = aStatistics();
    const unknown = fresh.estimate('a', ALIPAY, now);
    expect(fresh.restore(text.slice(0, -5), now)).toBe('damaged');
    expect(fresh.restore(text.replace('"version":1', '"version":2'), now)).toBe('damaged');
    expect(fresh.restore(text.replace(/"slowPaid":[0-9.]+/, '"slowPaid":-1'), now)).toBe('damaged');
    expect(fresh.restore(text, now + 14 * 24 * 60 * MINUTE)).toBe('too_old');
    expect(fresh.estimate('a', ALIPAY, now)).toEqual(unknown);
  });

  test('stays small whatever is asked about', () => {
    const statistics = aStatistics();
    for (let i = 0; i < 5_000; i += 1) statistics.payments.opened(`channel-${i}`, ALIPAY, NEW_YEAR, NEW_YEAR);
    const text = statistics.snapshot(NEW_YEAR);
    expect(text.length).toBeLessThan(2_000_000);
    expect(aStatistics().restore(text, NEW_YEAR)).toBeNull();
  });
});
