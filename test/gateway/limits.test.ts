import { afterEach, describe, expect, test } from 'vitest';
import type { Order, QuoteRequest } from '../../src/gateway/index.ts';
import { takesOrders } from '../../src/routing/index.ts';
import { isLost, refuses } from './scripted-channel.ts';
import {
  anOrder,
  attemptOf,
  attemptsOf,
  HOUR,
  MINUTE,
  openStage,
  SECOND,
  type Stage,
  type StageOptions,
} from './stage.ts';

/** The stage begins at the new year of UTC: eight in the morning there. */
const SHANGHAI_MIDNIGHT = Date.UTC(2026, 0, 1, 16);

let stage: Stage<'a' | 'b'>;
afterEach(() => stage.stop());

/** Channel a is the cheaper one; what is left over goes to b. */
async function open(options: Partial<StageOptions<'a' | 'b'>> = {}): Promise<void> {
  stage = await openStage({ channels: { a: { limits: { dailyMinor: 10_000 } }, b: {} }, alone: true, ...options });
}

const QUOTE: QuoteRequest = {
  ...{ amount: { minor: 1_000, currency: 'CNY' }, methods: ['alipay'], scene: 'qr', pinnedChannelId: null },
};

async function quoted(channelId: string) {
  const { candidates } = await stage.drive(stage.gateway.quote(stage.merchant, QUOTE));
  return candidates.find((candidate) => candidate.channelId === channelId);
}

/** Creates payments at the same time and tells which channels have taken them. */
async function createTogether(count: number): Promise<(string | undefined)[]> {
  const all = Array.from({ length: count }, () => stage.gateway.createPayment(stage.merchant, anOrder(), null));
  const answers = await stage.drive(Promise.all(all));
  return answers.map((answer) => (answer.ok ? answer.value.payment.attempts.at(-1)?.channelId : undefined));
}

async function createOneByOne(count: number): Promise<string[]> {
  const channels: string[] = [];
  for (let i = 0; i < count; i += 1) channels.push(attemptOf(await stage.open(), 1).channelId);
  return channels;
}

const countOf = (channels: readonly (string | undefined)[], id: string) => channels.filter((c) => c === id).length;

async function paysAt(channel: 'a' | 'b'): Promise<void> {
  const attempt = attemptOf(await stage.open(), 1);
  stage.channels[channel].pays(attempt.providerRef);
  await stage.callback(attempt, stage.channels[channel]);
}

test('how much of a daily limit is used is told for each currency of its channel alone', async () => {
  await open();
  await createTogether(3);
  expect(await stage.drive(stage.gateway.dailyUse())).toEqual([
    { channelId: 'a', currency: 'CNY', usedMinor: 3_000, limitMinor: 10_000, endsAt: SHANGHAI_MIDNIGHT },
  ]);
  const another = await stage.replica();
  expect(await another.drive(another.gateway.dailyUse())).toMatchObject([{ usedMinor: 3_000 }]);
});

test('which limits have no room left for an ordinary order is told with what is left and until when', async () => {
  await open({ channels: { a: { limits: { dailyMinor: 2_500, perMinute: 3 } }, b: {} } });
  const usedUp = (amountMinor: number) => stage.drive(stage.gateway.usedUp(() => amountMinor));
  await createOneByOne(2);
  expect(await usedUp(10_000)).toEqual([]);
  await stage.create({ amount: { minor: 400, currency: 'CNY' }, pinnedChannelId: 'a' });
  expect(await usedUp(100)).toMatchObject([{ limit: 'rate_limit' }]);
  expect(await usedUp(10_000)).toEqual([
    { channelId: 'a', limit: 'daily_limit', currency: 'CNY', leftMinor: 100, until: SHANGHAI_MIDNIGHT },
    { channelId: 'a', limit: 'rate_limit', currency: null, leftMinor: null, until: Date.UTC(2026, 0, 1, 0, 1) },
  ]);
  stage.clock.advance(MINUTE);
  expect(await usedUp(10_000)).toMatchObject([{ limit: 'daily_limit' }]);
  stage.clock.advance(16 * HOUR);
  expect(await usedUp(10_000)).toEqual([]);
});

test('what keeps channels from a payment is counted also when no channel is left for it', async () => {
  const limits = { dailyMinor: 1 };
  await open({ channels: { a: { limits }, b: { limits } } });
  expect(await createTogether(1)).toEqual([undefined]);
  const counted = stage.reports.filter(([name]) => name === 'routingExclusion');
  expect(counted.toSorted()).toEqual([
    ['routingExclusion', 'a', 'daily_limit'],
    ['routingExclusion', 'b', 'daily_limit'],
  ]);
});

describe('a daily limit', () => {
  test('is used up exactly by fifty payments that come at the same time', async () => {
    await open();
    const channels = await createTogether(50);
    expect(countOf(channels, 'a')).toBe(10);
    expect(countOf(channels, 'b')).toBe(40);
    expect(stage.channels.a.count('create')).toBe(10);
    expect(await quoted('a')).toMatchObject({ excluded: 'daily_limit' });
  });

  test('gets the room back of an order that surely was not made', async () => {
    await open({ channels: { a: { limits: { dailyMinor: 1_000 } }, b: {} } });
    stage.channels.a.next('create', refuses('CHANNEL_UNAVAILABLE'));
    expect(attemptsOf(await stage.open())).toEqual(['a failed', 'b open']);
    expect(await createOneByOne(2)).toEqual(['a', 'b']);
  });

  test('keeps the room of an order that may have been made, until that is known', async () => {
    await open({ channels: { a: { limits: { dailyMinor: 1_000 } }, b: {} } });
    stage.channels.a.always('close', isLost);
    stage.channels.a.always('query', isLost);
    stage.channels.a.next('create', isLost);
    expect(attemptsOf(await stage.open())).toEqual(['a unknown', 'b open']);
    expect(await createOneByOne(1)).toEqual(['b']);
  });

  test('gets the room back of an order that expires unpaid', async () => {
    await open({ channels: { a: { limits: { dailyMinor: 1_000 } }, b: {} }, running: true });
    expect(await createOneByOne(2)).toEqual(['a', 'b']);
    await stage.elapse(20 * MINUTE);
    expect(await createOneByOne(1)).toEqual(['a']);
  });

  test('gets the room back when the same order comes twice at once, and when the store fails', async () => {
    let failing = false;
    await open({
      channels: { a: { limits: { dailyMinor: 2_000 } }, b: {} },
      wrapStore: (store) => ({
        ...store,
        insert: (payment) => (failing ? Promise.reject(new Error('full disk')) : store.insert(payment)),
      }),
    });
    failing = true;
    await expect(stage.create()).rejects.toThrow('full disk');
    failing = false;
    const order = anOrder();
    const both = [1, 2].map(() => stage.gateway.createPayment(stage.merchant, order, null));
    const answers = await stage.drive(Promise.all(both));
    expect(answers.map(({ ok }) => ok)).toEqual([true, true]);
    expect(await createOneByOne(2)).toEqual(['a', 'b']);
  });

  test('counts from the store after a restart, open and paid orders alike', async () => {
    await open({ channels: { a: { limits: { dailyMinor: 3_000 } }, b: {} } });
    await paysAt('a');
    await createOneByOne(1);
    stage = await stage.crash();
    expect(await createOneByOne(2)).toEqual(['a', 'b']);
  });

  test("begins anew with the channel's own day", async () => {
    await open({
      channels: {
        a: { limits: { dailyMinor: 1_000 } },
        b: { limits: { dailyMinor: 1_000 }, profile: { timezone: 'UTC' } },
      },
    });
    // The stage begins at the new year of UTC: eight in the morning in Shanghai.
    expect(await createOneByOne(2)).toEqual(['a', 'b']);
    stage.clock.advance(15.9 * HOUR);
    expect(await stage.create()).toMatchObject({ ok: false, error: { code: 'no_channel_available' } });
    stage.clock.advance(0.2 * HOUR);
    expect(await createOneByOne(1)).toEqual(['a']);
    expect(await stage.create()).toMatchObject({ ok: false });
    stage.clock.advance(8 * HOUR);
    expect(await createOneByOne(1)).toEqual(['b']);
  });

  test('is not counted where there is none, and holds as soon as a reload sets one', async () => {
    await open({ channels: { a: {}, b: {} } });
    expect(await createOneByOne(3)).toEqual(['a', 'a', 'a']);
    const { channel } = stage.channels.a;
    const limits = { ...channel.profile.limits, dailyMinor: 4_000 };
    stage.loaded.set('a', { ...channel, profile: { ...channel.profile, limits } });
    expect(await createOneByOne(2)).toEqual(['a', 'b']);
  });

  test('stops no payment while its sums cannot be read', async () => {
    let failing = true;
    await open({
      wrapStore: (store) => ({
        ...store,
        channelVolume: (query) => (failing ? Promise.reject(new Error('outage')) : store.channelVolume(query)),
      }),
    });
    expect(await createOneByOne(1)).toEqual(['a']);
    failing = false;
    expect(countOf(await createTogether(20), 'a')).toBe(9);
  });
});

describe('a daily limit that will be used up', () => {
  /** Only channel a takes cards. All day long an order by alipay comes every half hour, and one by card with every second of them; all are paid. */
  async function aDay(limits: object) {
    const a = { limits: { dailyMinor: 12_000, ...limits }, profile: { methods: ['alipay', 'card'] } };
    await open({ channels: { a, b: { fee: 40 } } });
    const byCard: boolean[] = [];
    const said = new Set<string>();
    for (let i = 0; i < 31; i += 1) {
      for (const method of i % 2 === 0 ? ['alipay'] : ['alipay', 'card']) {
        const answer = await stage.create({ methods: [method] });
        if (method === 'card') byCard.push(answer.ok);
        if (!answer.ok) continue;
        const attempt = attemptOf(answer.value.payment, 1);
        const channel = stage.channels[attempt.channelId as 'a' | 'b'];
        channel.pays(attempt.providerRef);
        await stage.callback(attempt, channel);
        said.add(attempt.decision.explanation.replace(/ and .*/, ''));
      }
      stage.clock.advance(30 * MINUTE);
    }
    return { byCard, said };
  }

  test('is spared for payments that no other channel takes', async () => {
    const { byCard, said } = await aDay({});
    expect(byCard.filter(Boolean).length).toBeGreaterThanOrEqual(10);
    expect([...said]).toContain('b over a: it spares the daily limit of a');
    const { candidates } = await stage.drive(stage.gateway.quote(stage.merchant, QUOTE));
    expect(candidates.every(({ limitPrice }) => limitPrice === undefined || limitPrice > 0)).toBe(true);
  });

  test('is handed out as the admin has said where pacing says how, and cards find it used up', async () => {
    const { byCard, said } = await aDay({ pacing: 'even' });
    expect(byCard.filter(Boolean).length).toBeLessThan(10);
    expect([...said].join()).not.toContain('spares');
  });
});

describe('a limit per minute', () => {
  test('is used up exactly by fifty payments that come at the same time, and is whole again in the next minute', async () => {
    await open({ channels: { a: { limits: { perMinute: 7 } }, b: {} } });
    expect(countOf(await createTogether(50), 'a')).toBe(7);
    expect(await quoted('a')).toMatchObject({ excluded: 'rate_limit' });
    stage.clock.advance(MINUTE);
    expect(countOf(await createTogether(50), 'a')).toBe(7);
  });

  test('holds in an emergency too, when no channel is well', async () => {
    await open({
      channels: { a: { limits: { perMinute: 3, dailyMinor: 1_000_000 } }, b: { limits: { perMinute: 0 } } },
    });
    stage.channels.a.always('create', refuses('CHANNEL_UNAVAILABLE'));
    await createTogether(50);
    expect(stage.channels.a.count('create')).toBeLessThanOrEqual(3);
    expect(stage.channels.b.count('create')).toBe(0);
    stage.clock.advance(MINUTE);
    // By now its breaker may be open as well; the daily limit and the one per minute are the last word all the same.
    await createTogether(50);
    expect(stage.channels.a.count('create')).toBeLessThanOrEqual(6);
  });

  test('is not used by a quote', async () => {
    await open({ channels: { a: { limits: { perMinute: 1, dailyMinor: 1_000 } }, b: {} } });
    for (let i = 0; i < 5; i += 1) expect(await quoted('a')).toMatchObject({ excluded: null });
    expect(await createOneByOne(2)).toEqual(['a', 'b']);
  });
});

describe('Retry-After', () => {
  const waitS = async (order: Partial<Order> = {}): Promise<number | null | undefined> => {
    const answer = await stage.create(order);
    return answer.ok ? null : answer.error.retryAfterS;
  };
  const full = { limits: { dailyMinor: 1 } };

  test('is the rest of the minute where limits per minute alone are in the way', async () => {
    await open({ channels: { a: { limits: { perMinute: 1 } }, b: { limits: { perMinute: 1 } } } });
    stage.clock.advance(20 * SECOND);
    await createOneByOne(2);
    expect(await waitS()).toBe(40);
    stage.clock.advance(40 * SECOND);
    expect(await waitS()).toBe(null);
  });

  test("is the time to the channel's midnight where its daily limit alone is in the way, and a quarter of an hour at most", async () => {
    await open({ channels: { a: full, b: { limits: { dailyMinor: 1 }, profile: { timezone: 'UTC' } } } });
    expect(await waitS()).toBe(900);
    stage.clock.advance(16 * HOUR - 5 * MINUTE);
    expect(await waitS()).toBe(300);
  });

  test('is the end of the maintenance of the only channel that has room', async () => {
    const now = Date.UTC(2026, 0, 1);
    const once = { kind: 'once', from: now, to: now + 4 * MINUTE, reason: null } as const;
    const daily = { kind: 'daily', fromMinute: 1430, toMinute: 3, zone: 'UTC', reason: null } as const;
    await open({ channels: { a: { profile: { maintenance: [once] } }, b: full } });
    expect(await waitS()).toBe(240);
    await stage.stop();
    await open({ channels: { a: { profile: { maintenance: [daily] } }, b: full } });
    expect(await waitS()).toBe(180);
  });

  test('is that of the channel which is free first, and never counts on one that does not take such payments', async () => {
    await open({ channels: { a: full, b: { limits: { perMinute: 0 } } } });
    stage.clock.advance(15 * SECOND);
    expect(await waitS()).toBe(45);
    await stage.stop();
    await open({ channels: { a: full, b: { profile: { methods: ['card'] } } } });
    expect(await waitS({ methods: ['alipay'] })).toBe(900);
    await stage.stop();
    await open({ channels: { a: full, b: {} } });
    stage.channels.b.always('create', refuses('CHANNEL_UNAVAILABLE'));
    expect(await waitS()).toBe(5);
  });
});

describe('fee tiers', () => {
  /** 1% up to a paid volume of 10.00, free above; b costs 4. */
  const fee = {
    ...{ ratePpm: 10_000, fixedMinor: 0, minMinor: 0, maxMinor: null },
    tiers: [{ fromMinor: 1_000, ratePpm: 0 }],
    tierPeriod: 'month',
  } as const;
  const tiered = { channels: { a: { profile: { fee } }, b: { fee: 4 } } };

  test('go by what was paid over the channel in the period, also after a restart', async () => {
    await open(tiered);
    expect(await quoted('a')).toMatchObject({ feeMinor: 10 });
    expect(await createOneByOne(1)).toEqual(['b']);
    const attempt = attemptOf(await stage.open({ pinnedChannelId: 'a' }), 1);
    expect(await quoted('a')).toMatchObject({ feeMinor: 10 });
    stage.channels.a.pays(attempt.providerRef);
    await stage.callback(attempt, stage.channels.a);
    expect(await quoted('a')).toMatchObject({ feeMinor: 0 });
    stage = await stage.crash();
    expect(await quoted('a')).toMatchObject({ feeMinor: 0 });
    expect(await createOneByOne(1)).toEqual(['a']);
    stage.clock.advance(31 * 24 * HOUR);
    expect(await quoted('a')).toMatchObject({ feeMinor: 10 });
  });

  test('are led to from the start, once it is known that the payments will reach them', async () => {
    await open({ channels: { a: { profile: { fee: { ...fee, tierPeriod: 'day' } } }, b: { fee: 4 } } });
    const sent: string[] = [];
    for (let hour = 0; hour < 5; hour += 1) {
      sent.push(...(await createOneByOne(1)));
      stage.clock.advance(HOUR);
    }
    expect(sent).toEqual(['b', 'b', 'a', 'a', 'a']);
    expect(await quoted('a')).toMatchObject({ feeMinor: 10, countedFeeMinor: expect.toSatisfy((minor) => minor < 4) });
    stage = await stage.crash();
    stage.clock.advance(10 * HOUR);
    expect(await quoted('a')).toMatchObject({ feeMinor: 10 });
  });

  test('are not led to where the daily limit ends before them', async () => {
    const a = { profile: { fee: { ...fee, tierPeriod: 'day' } }, limits: { dailyMinor: 1_500 } } as const;
    await open({ channels: { a, b: { fee: 4 } } });
    for (let hour = 0; hour < 5; hour += 1) {
      expect(await createOneByOne(1)).toEqual(['b']);
      stage.clock.advance(HOUR);
    }
    expect(await quoted('a')).toMatchObject({ feeMinor: 10, countedFeeMinor: 7 });
  });
});

describe('a channel that takes no new orders', () => {
  test.each([
    ['draining', { weight: 0 }],
    ['disabled', { enabled: false }],
  ])('still takes the money of those that it has when %s, which is counted', async (_, set) => {
    await open();
    const attempt = attemptOf(await stage.open(), 1);
    const { channel } = stage.channels.a;
    stage.loaded.set('a', { ...channel, profile: { ...channel.profile, ...set } });
    expect(takesOrders({ ...channel.profile, ...set })).toBe(false);
    expect((await stage.store.liveOrders()).get('a')).toBe(1);
    await paysAt('b');
    expect(stage.reports.filter(([name]) => name === 'drainedChannelPayment')).toEqual([]);
    stage.channels.a.pays(attempt.providerRef);
    expect(await stage.callback(attempt, stage.channels.a)).toBe('SUCCESS');
    expect(stage.reports.filter(([name]) => name === 'drainedChannelPayment')).toEqual([
      ['drainedChannelPayment', 'a'],
    ]);
    expect((await stage.store.liveOrders()).get('a')).toBe(0);
  });
});
