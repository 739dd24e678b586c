import { describe, expect, test } from 'vitest';
import { createStatistics, type Statistics } from '../../src/routing/index.ts';
import { NEW_YEAR } from './builders.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const SEGMENT = { method: 'alipay', currency: 'CNY', band: 0 };

const aStatistics = () => createStatistics({ settingsOf: () => ({ failureRate: 0.5, openForMs: 15_000 }) });

/** Payments come at an even rate; the channel under test gets the ones that its breaker lets it have. */
function traffic(gapMs: number) {
  const statistics = aStatistics();
  let now = NEW_YEAR;
  const gate = () => statistics.technical.gate('a', 'alipay', now);
  const decided = () =>
    statistics.exploration.decided(
      { segment: SEGMENT, amountMinor: 5_000, now },
      { leader: 'a', isClose: false, bestMinor: 100, costMinor: null, share: 0 },
    );
  return {
    statistics,
    gate,
    now: () => now,
    pass: (ms: number) => {
      now += ms;
    },
    /** One payment: it is sent to the channel when that is closed, or due for a trial. */
    pay: (outcome: 'ok' | 'failed', latencyMs = 0): 'sent' | 'elsewhere' => {
      now += gapMs;
      decided();
      if (gate() === 'open') return 'elsewhere';
      const ticket = statistics.callStarted('a', 'alipay', now);
      statistics.callEnded(ticket, outcome, now + latencyMs);
      return 'sent';
    },
  };
}

const RATES = [
  ['one payment a minute', MINUTE],
  ['five a second', 200],
  ['500 a second', 2],
] as const;

describe.each(RATES)('at %s', (_name, gapMs) => {
  test('a channel that fails is left after at most seven failures in a row, never after one', () => {
    const world = traffic(gapMs);
    for (let i = 0; i < 300; i += 1) world.pay('ok');
    world.pay('failed');
    expect(world.gate()).toBe('closed');
    let failures = 1;
    while (world.gate() === 'closed') {
      world.pay('failed');
      failures += 1;
    }
    expect(failures).toBeGreaterThanOrEqual(3);
    expect(failures).toBeLessThanOrEqual(7);
  });

  test('single failures among good calls never open it', () => {
    const world = traffic(gapMs);
    for (let i = 0; i < 2_000; i += 1) {
      world.pay(i % 20 === 0 ? 'failed' : 'ok');
      expect(world.gate()).toBe('closed');
    }
  });

  test('good probes between the trials do not undo what the trials have shown', () => {
    const world = traffic(gapMs);
    for (let i = 0; i < 300; i += 1) world.pay('ok');
    while (world.gate() === 'closed') world.pay('failed');
    let payments = 0;
    while (world.gate() !== 'closed' && payments < Math.max(300, (10 * SECOND) / gapMs)) {
      if (world.statistics.technical.wantsProbe('a', world.now())) {
        world.statistics.technical.probe('a', ['alipay'], true, world.now());
      }
      world.pay('ok');
      payments += 1;
    }
    expect(world.gate()).toBe('closed');
  });

  test('while it is down at most one payment in twenty is spent on trials; healed, it is back within 130 payments', () => {
    const world = traffic(gapMs);
    for (let i = 0; i < 300; i += 1) world.pay('ok');
    while (world.gate() === 'closed') world.pay('failed');
    let trials = 0;
    // A pause is never shorter than a second, and never longer than an hour.
    const payments = Math.max(600, (60 * SECOND) / gapMs);
    for (let i = 0; i < payments; i += 1) trials += world.pay('failed') === 'sent' ? 1 : 0;
    expect(trials).toBeGreaterThan(2);
    expect(trials / payments).toBeLessThan(0.05);
    let waited = 0;
    while (world.gate() !== 'closed') {
      world.pay('ok');
      waited += 1;
    }
    expect(waited).toBeLessThan(Math.max(130, (2 * SECOND) / gapMs));
  });
});

test('a clock that is set back by an hour keeps a channel out for no longer than before', () => {
  const world = traffic(200);
  const { technical } = world.statistics;
  for (let i = 0; i < 300; i += 1) world.pay('ok');
  world.pass(60 * MINUTE);
  while (world.gate() === 'closed') world.pay('failed');
  while (world.gate() === 'open') world.pass(SECOND);
  world.pay('failed');
  technical.probe('a', ['alipay'], false, world.now());
  expect(world.gate()).toBe('open');
  world.pass(-60 * MINUTE);
  expect(technical.state('a', world.now())).toBe('open');
  let passedMs = 0;
  for (; world.gate() === 'open' && passedMs < 10 * MINUTE; passedMs += SECOND) world.pass(SECOND);
  expect(world.gate()).toBe('trial');
  expect(passedMs).toBeLessThan(5 * MINUTE);
});

test('calls that hang open the breaker before they have timed out, and answers take that back', () => {
  const world = traffic(200);
  for (let i = 0; i < 300; i += 1) world.pay('ok', 300);
  const { statistics } = world;
  const hanging = Array.from({ length: 4 }, () => statistics.callStarted('a', 'alipay', world.now()));
  expect(world.gate()).toBe('closed');
  world.pass(2_500);
  for (const ticket of hanging.slice(0, 3)) statistics.callEnded(ticket, 'ok', world.now());
  expect(world.gate()).toBe('closed');
  const more = Array.from({ length: 6 }, () => statistics.callStarted('a', 'alipay', world.now()));
  world.pass(2_500);
  expect(more.every(({ ended }) => !ended)).toBe(true);
  expect(world.gate()).toBe('open');
});

test('while side-effect-free probes fail no payment is a trial; a good one brings the trial at once', () => {
  const world = traffic(MINUTE);
  const probe = (ok: boolean) => world.statistics.technical.probe('a', ['alipay'], ok, world.now());
  while (world.gate() === 'closed') world.pay('failed');
  for (let i = 0; i < 200; i += 1) {
    world.pass(10 * SECOND);
    if (world.statistics.technical.wantsProbe('a', world.now())) probe(false);
    expect(world.gate()).toBe('open');
  }
  probe(true);
  expect(world.gate()).toBe('trial');
  // It was a lie: from now on probes do not hasten anything.
  world.pay('failed');
  probe(true);
  expect(world.gate()).toBe('open');
});

test('a probe that failed weighs on a channel until one is good or a call is, and then it is as if there had been none', () => {
  const { technical, estimate, callStarted, callEnded } = aStatistics();
  const probe = (ok: boolean) => technical.probe('a', ['alipay'], ok, NEW_YEAR);
  const works = (channelId: string) => estimate(channelId, SEGMENT, NEW_YEAR).technicalRatio;
  const call = (channelId: string) => callEnded(callStarted(channelId, 'alipay', NEW_YEAR), 'ok', NEW_YEAR, 300);
  for (const again of [() => probe(true), () => ['a', 'b'].forEach(call)]) {
    probe(false);
    expect(works('a')).toBeLessThan(works('b'));
    again();
    expect(works('a')).toBe(works('b'));
  }
  expect(technical.gate('a', 'alipay', NEW_YEAR)).toBe('closed');
});

test('what only probes have opened, three good probes close', () => {
  const { technical } = aStatistics();
  const probe = (ok: boolean, at: number) => technical.probe('a', ['alipay'], ok, NEW_YEAR + at);
  for (let at = 0; technical.gate('a', 'alipay', NEW_YEAR + at) === 'closed'; at += 500) probe(false, at);
  probe(true, MINUTE);
  probe(true, MINUTE + 1);
  expect(technical.gate('a', 'alipay', NEW_YEAR + MINUTE + 1)).toBe('open');
  probe(true, MINUTE + 2);
  expect(technical.gate('a', 'alipay', NEW_YEAR + MINUTE + 2)).toBe('closed');
});

test('one trial at a time, and three good ones close it', () => {
  const world = traffic(200);
  for (let i = 0; i < 100; i += 1) world.pay('ok');
  while (world.gate() === 'closed') world.pay('failed');
  world.pass(MINUTE);
  expect(world.gate()).toBe('trial');
  const first = world.statistics.callStarted('a', 'alipay', world.now());
  expect(world.gate()).toBe('open');
  world.pass(100);
  world.statistics.callEnded(first, 'ok', world.now());
  for (let i = 0; i < 2; i += 1) {
    expect(world.gate()).toBe('trial');
    world.pay('ok');
  }
  expect(world.gate()).toBe('closed');
  expect(world.statistics.estimate('a', SEGMENT, world.now()).technicalRatio).toBeGreaterThan(0.97);
});

test('a trip opens all methods at once', () => {
  const { technical } = aStatistics();
  technical.trip('a', ['alipay', 'wechatpay'], NEW_YEAR);
  expect(technical.gate('a', 'alipay', NEW_YEAR)).toBe('open');
  expect(technical.gate('a', 'wechatpay', NEW_YEAR)).toBe('open');
  expect(technical.state('a', NEW_YEAR)).toBe('open');
  expect(technical.state('b', NEW_YEAR)).toBe('closed');
});

test('single calls that hang open nothing where calls are many; all of them hanging does, before the first has timed out', () => {
  const { technical } = aStatistics();
  let closedForMs = 0;
  const endings: { at: number; end: () => void }[] = [];
  // A thousand calls in two seconds, one in fifty of which hangs.
  for (let i = 0; i < 1_000; i += 1) {
    const at = NEW_YEAR + i * 2;
    while ((endings[0]?.at ?? Number.POSITIVE_INFINITY) <= at) endings.shift()?.end();
    const call = technical.callStarted('a', 'alipay', at);
    if (i % 50 !== 0) endings.push({ at: at + 20, end: () => technical.callEnded(call, 'ok', at + 20) });
    if (technical.gate('a', 'alipay', at) === 'closed') closedForMs = i * 2;
  }
  for (const { end } of endings) end();
  expect(closedForMs).toBe(1_998);
  const from = NEW_YEAR + 2_100;
  for (let i = 0; i < 10; i += 1) technical.callStarted('a', 'alipay', from + i * 2);
  expect(technical.gate('a', 'alipay', from + 500)).toBe('closed');
  expect(technical.gate('a', 'alipay', from + 3_000)).toBe('open');
});

test('a method whose neighbour has failed needs fewer failures of its own', () => {
  const failuresOf = (suspected: boolean): number => {
    const { technical } = aStatistics();
    const fail = (method: string, at: number) =>
      technical.callEnded(technical.callStarted('a', method, at), 'failed', at);
    technical.callEnded(technical.callStarted('a', 'card', NEW_YEAR), 'ok', NEW_YEAR);
    for (let _i = 0; suspected && technical.gate('a', 'alipay', NEW_YEAR) === 'closed'; _i += 1)
      fail('alipay', NEW_YEAR);
    let failures = 0;
    while (technical.gate('a', 'card', NEW_YEAR) === 'closed') {
      fail('card', NEW_YEAR);
      failures += 1;
    }
    return failures;
  };
  expect(failuresOf(true)).toBeLessThan(failuresOf(false));
});

describe('a channel that is down for two methods', () => {
  /** An hour of payments, one every two seconds, by each method in turn; a trial ends as told. Answers when which method had its trials. */
  function anHour(statistics: Statistics, fromMs: number, works: (method: string, atMs: number) => boolean) {
    const trials: Record<string, number[]> = { alipay: [], card: [] };
    for (let at = fromMs; at < fromMs + 60 * MINUTE; at += SECOND) {
      const method = (at / SECOND) % 2 === 0 ? 'alipay' : 'card';
      const segment = { ...SEGMENT, method };
      const now = NEW_YEAR + at;
      const noted = { leader: 'a', isClose: false, bestMinor: 100, costMinor: null, share: 0 };
      statistics.exploration.decided({ segment, amountMinor: 5_000, now }, noted);
      if (statistics.technical.gate('a', method, now) === 'open') continue;
      if (statistics.technical.gate('a', method, now) === 'trial') trials[method]?.push(at);
      statistics.callEnded(statistics.callStarted('a', method, now), works(method, at) ? 'ok' : 'failed', now);
    }
    return trials;
  }
  const count = (trials: Record<string, number[]>): number => Object.values(trials).flat().length;

  test('costs hardly more trial payments than one that is down for one', () => {
    const [both, one] = [aStatistics(), aStatistics()];
    for (const statistics of [both, one]) anHour(statistics, 0, () => true);
    const ofOne = count(anHour(one, 60 * MINUTE, (method) => method === 'card'));
    const ofBoth = count(anHour(both, 60 * MINUTE, () => false));
    expect(ofOne).toBeGreaterThan(10);
    expect(ofBoth).toBeLessThan(1.3 * ofOne);
  });

  test('is tried for the other at once when it is back for one', () => {
    const statistics = aStatistics();
    anHour(statistics, 0, () => true);
    anHour(statistics, 60 * MINUTE, (method, at) => method === 'card' && at < 85 * MINUTE);
    const { alipay = [], card = [] } = anHour(statistics, 120 * MINUTE, () => true);
    expect(Math.abs((alipay[0] ?? 0) - (card[0] ?? 0))).toBeLessThanOrEqual(2 * SECOND);
  });

  test('comes back for one however long the other stays down', () => {
    const statistics = aStatistics();
    anHour(statistics, 0, () => true);
    anHour(statistics, 60 * MINUTE, () => false);
    const { alipay = [] } = anHour(statistics, 120 * MINUTE, (method) => method === 'alipay');
    expect(alipay).toHaveLength(3);
    expect((alipay[2] ?? 0) - (alipay[0] ?? 0)).toBeLessThan(10 * SECOND);
  });

  test('comes back for a rare one while the other, with many payments, stays down', () => {
    const statistics = aStatistics();
    const pay = (method: string, now: number, works: boolean): boolean => {
      const noted = { leader: 'a', isClose: false, bestMinor: 100, costMinor: null, share: 0 };
      statistics.exploration.decided({ segment: { ...SEGMENT, method }, amountMinor: 5_000, now }, noted);
      if (statistics.technical.gate('a', method, now) === 'open') return false;
      statistics.callEnded(statistics.callStarted('a', method, now), works ? 'ok' : 'failed', now);
      return works;
    };
    /** Of `alipay` a payment a second, of `card` one a minute. */
    const hours = (from: number, to: number, works: (method: string) => boolean): number => {
      let good = 0;
      for (let now = NEW_YEAR + from * 60 * MINUTE; now < NEW_YEAR + to * 60 * MINUTE; now += SECOND) {
        pay('alipay', now, works('alipay'));
        if (now % MINUTE === 0 && pay('card', now, works('card'))) good += 1;
      }
      return good;
    };
    hours(0, 3, () => true);
    statistics.technical.trip('a', ['alipay', 'card'], NEW_YEAR + 180 * MINUTE);
    expect(hours(3, 5, (method) => method === 'card')).toBeGreaterThan(50);
  });
});

describe('refusals', () => {
  const call = (statistics: Statistics, outcome: 'ok' | 'rate_limit' | 'quota', at: number) =>
    statistics.callEnded(statistics.callStarted('a', 'alipay', at), outcome, at);

  test('of a channel that is asked too fast are no failures; it is paced to what it took in the last second', () => {
    const statistics = aStatistics();
    let accepted = 0;
    let refused = 0;
    const takenIn = new Map<number, number>();
    for (let at = NEW_YEAR; at < NEW_YEAR + 20 * SECOND; at += 20) {
      if (statistics.throttle.isPaced('a', at)) continue;
      // The channel takes ten a second: in each second the first ten that come.
      const second = Math.floor(at / SECOND);
      const taken = takenIn.get(second) ?? 0;
      takenIn.set(second, taken + 1);
      call(statistics, taken < 10 ? 'ok' : 'rate_limit', at);
      if (taken < 10) accepted += 1;
      else refused += 1;
    }
    expect(accepted).toBeGreaterThan(150);
    expect(refused).toBeLessThan(60);
    expect(statistics.technical.gate('a', 'alipay', NEW_YEAR + 20 * SECOND)).toBe('closed');
    expect(statistics.throttle.isPaced('a', NEW_YEAR + 5 * MINUTE)).toBe(false);
  });

  test('for a quota block it for a minute, then for longer, until it takes an order again', () => {
    const statistics = aStatistics();
    call(statistics, 'quota', NEW_YEAR);
    expect(statistics.throttle.isBlocked('a', NEW_YEAR + 59 * SECOND)).toBe(true);
    expect(statistics.throttle.isBlocked('a', NEW_YEAR + 61 * SECOND)).toBe(false);
    call(statistics, 'quota', NEW_YEAR + MINUTE);
    expect(statistics.throttle.isBlocked('a', NEW_YEAR + 2.9 * MINUTE)).toBe(true);
    call(statistics, 'ok', NEW_YEAR + 3 * MINUTE);
    call(statistics, 'quota', NEW_YEAR + 3 * MINUTE);
    expect(statistics.throttle.isBlocked('a', NEW_YEAR + 4.1 * MINUTE)).toBe(false);
  });
});

describe('the retry budget', () => {
  test('lets a lone payment try every channel, and when nothing is well adds a fifth to the calls', () => {
    const { retries } = aStatistics();
    retries.firstTry(NEW_YEAR);
    expect([retries.mayFailOver('panic', NEW_YEAR), retries.mayFailOver('panic', NEW_YEAR)]).toEqual([true, true]);
    let extra = 0;
    for (let i = 0; i < 6_000; i += 1) {
      const at = NEW_YEAR + 10 * MINUTE + i * 10;
      retries.firstTry(at);
      if (retries.mayFailOver('panic', at)) extra += 1;
    }
    expect(extra).toBeGreaterThan(1_000);
    expect(extra).toBeLessThanOrEqual(1_220);
    expect(retries.mayFailOver('panic', NEW_YEAR + 30 * MINUTE)).toBe(true);
  });

  test('never keeps a payment from a channel that is well, and what that took is not there for the others', () => {
    const { retries } = aStatistics();
    for (let i = 0; i < 500; i += 1) expect(retries.mayFailOver('best_score', NEW_YEAR)).toBe(true);
    expect(retries.mayFailOver('panic', NEW_YEAR)).toBe(false);
  });
});

describe('a channel that is back, and that no payment comes to', () => {
  const PROBE_MS = 15 * SECOND;
  const down = (): Statistics => {
    const statistics = aStatistics();
    const { technical } = statistics;
    for (let i = 0; technical.gate('a', 'alipay', NEW_YEAR) === 'closed' && i < 10; i += 1)
      technical.callEnded(technical.callStarted('a', 'alipay', NEW_YEAR), 'failed', NEW_YEAR);
    expect(technical.gate('a', 'alipay', NEW_YEAR)).toBe('open');
    return statistics;
  };
  const probes = ({ technical }: Statistics, from: number, count: number): number => {
    for (let i = 0; i < count; i += 1) technical.probe('a', ['alipay'], true, from + i * PROBE_MS);
    return from + (count - 1) * PROBE_MS;
  };

  test('is closed by good probes in the end, and not before a payment has had the time to come', () => {
    const statistics = down();
    const { technical } = statistics;
    const at = probes(statistics, NEW_YEAR + MINUTE, 4);
    expect(technical.state('a', at)).toBe('trial');
    // Before a second payment came they are thought to be a minute apart.
    const then = probes(statistics, at + PROBE_MS, 20);
    expect(technical.state('a', then)).toBe('closed');
  });

  test('is not, when a probe fails in between or a trial payment does', () => {
    const statistics = down();
    const { technical } = statistics;
    let at = NEW_YEAR + MINUTE;
    for (let i = 0; i < 10; i += 1) {
      at = probes(statistics, at, 10) + SECOND;
      technical.probe('a', ['alipay'], false, at);
      at += MINUTE;
    }
    expect(technical.state('a', at)).not.toBe('closed');
    at = probes(statistics, at, 10) + SECOND;
    technical.callEnded(technical.callStarted('a', 'alipay', at), 'failed', at + SECOND);
    at = probes(statistics, at + 2 * SECOND, 10);
    expect(technical.state('a', at)).not.toBe('closed');
  });
});
