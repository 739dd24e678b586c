import { afterEach, describe, expect, test } from 'vitest';
import { hangs, held, isLost, losesItsAnswer, type Reply, refuses, throwsUp } from './scripted-channel.ts';
import {
  attemptOf,
  attemptsOf,
  eventsOf,
  HOUR,
  MINUTE,
  openStage,
  SECOND,
  type Stage,
  type StageOptions,
} from './stage.ts';

let stage: Stage<'a' | 'b' | 'c'>;
afterEach(() => stage.stop());

async function open(options: Partial<StageOptions<'a' | 'b' | 'c'>> = {}): Promise<void> {
  stage = await openStage({ channels: { a: {}, b: {}, c: {} }, ...options });
}

describe('failover', () => {
  test('goes from the best channel to the next until one takes the order, and keeps what happened', async () => {
    await open();
    stage.channels.a.next('create', refuses('CHANNEL_UNAVAILABLE', { providerCode: 'DOWN' }));
    stage.channels.b.next('create', refuses('INSUFFICIENT_BALANCE'));
    const payment = await stage.open();
    expect(attemptsOf(payment)).toEqual(['a failed', 'b failed', 'c open']);
    expect(payment).toMatchObject({ status: 'pending', statusReason: null });
    expect(attemptOf(payment, 1).error).toEqual({ kind: 'CHANNEL_UNAVAILABLE', providerCode: 'DOWN' });
    expect(payment.attempts.map((a) => a.decision.position)).toEqual(['first', 'failover', 'failover']);
    expect(attemptOf(payment, 2).decision.candidates.find((c) => c.channelId === 'a')?.excluded).toBe('already_tried');
  });

  test('tells the channel a subject that steers no direction, and keeps it as it was sent', async () => {
    await open();
    const subject = 'Key \u202eyek';
    expect(await stage.open({ subject })).toMatchObject({ subject });
    expect(stage.channels.a.wanted.at(-1)?.subject).toBe('Key yek');
  });

  test('says that waiting is in vain where no channel offers what is asked for', async () => {
    await open();
    const refused = await stage.create({ methods: ['barter'] });
    expect(refused).toMatchObject({ ok: false, error: { code: 'no_channel_available', retryAfterS: 900 } });
    expect(refused.ok || refused.error.detail).toContain(
      '(a: method; b: method; c: method). Waiting does not mend that',
    );
  });

  test('of a request that is repeated sooner than its next attempt may be made is put off for five seconds at least', async () => {
    await open();
    const channels = Object.values(stage.channels);
    for (const channel of channels) channel.always('create', refuses('CHANNEL_UNAVAILABLE'));
    const calls = () => channels.reduce((sum, { wanted }) => sum + wanted.length, 0);
    let before = -1;
    let refused = await stage.create({ merchantOrderNo: 'R2' });
    // Every request makes attempts until one comes within the pause that follows the last one.
    for (let repeats = 0; calls() > before && repeats < 20; repeats += 1) {
      before = calls();
      refused = await stage.create({ merchantOrderNo: 'R2' });
    }
    expect(refused).toMatchObject({ ok: false, error: { code: 'no_channel_available', retryAfterS: 5 } });
  });

  test('ends after max_attempts with 503, Retry-After and the reasons, and the payment stays open for a repeat', async () => {
    await open({ failover: { maxAttempts: 2 } });
    stage.channels.a.next('create', refuses('CHANNEL_UNAVAILABLE'));
    stage.channels.b.next('create', refuses('CHANNEL_UNAVAILABLE'));
    const refused = await stage.create({ merchantOrderNo: 'R1' });
    expect(refused).toMatchObject({ ok: false, error: { code: 'no_channel_available', retryAfterS: 5 } });
    expect(refused.ok || refused.error.detail).toContain('(a: already_tried; b: already_tried)');
    expect(refused.ok || refused.error.detail).toContain('Repeat the same request');
    const again = await stage.create({ merchantOrderNo: 'R1' });
    expect(again).toMatchObject({ ok: true, value: { repeat: true } });
    expect(again.ok && attemptsOf(again.value.payment)).toEqual(['a failed', 'b failed', 'a open']);
  });

  test('loses none of fifty payments that arrive at once in the first moment of an outage', async () => {
    await open();
    stage.channels.a.always('create', refuses('CHANNEL_UNAVAILABLE'));
    const orders = Array.from({ length: 50 }, (_, i) => stage.create({ merchantOrderNo: `burst-${i}` }));
    const answers = await Promise.all(orders);
    expect(answers.map((answer) => answer.ok && attemptsOf(answer.value.payment).at(-1))).toEqual(
      Array(50).fill('b open'),
    );
  });

  test('has a budget where no channel is well, so that what is left is not run down', async () => {
    await open({ channels: { a: {}, b: {}, c: {} } });
    for (const channel of Object.values(stage.channels)) channel.always('create', refuses('CHANNEL_UNAVAILABLE'));
    for (let i = 0; i < 60; i += 1) await stage.create({ merchantOrderNo: `down-${i}` });
    const asked = Object.values(stage.channels).reduce((sum, channel) => sum + channel.count('create'), 0);
    expect(asked).toBeGreaterThan(60);
    expect(asked).toBeLessThan(120);
  });

  test('ends when the time for it is used up', async () => {
    await open({ failover: { budgetMs: 1_000 } });
    const slow: Reply = (honest, signal) => {
      stage.clock.advance(1_000);
      return refuses('CHANNEL_UNAVAILABLE')(honest, signal);
    };
    stage.channels.a.next('create', slow);
    expect(await stage.create()).toMatchObject({ ok: false, error: { code: 'no_channel_available' } });
    expect(stage.channels.b.count('create')).toBe(0);
  });

  test('cuts the last try short when little time is left, and leaves its order to the agenda', async () => {
    await open({ channels: { a: {}, b: { timeoutMs: 30_000 }, c: {} }, failover: { budgetMs: 1_000 } });
    stage.channels.a.next('create', (honest, signal) => {
      stage.clock.advance(900);
      return refuses('CHANNEL_UNAVAILABLE')(honest, signal);
    });
    stage.channels.b.next('create', async (honest, signal) => {
      const answer = await hangs(honest, signal);
      stage.clock.advance(1_000);
      return answer;
    });
    let late = false;
    setTimeout(() => {
      late = true;
    }, 2_000);
    expect(await stage.create({ merchantOrderNo: 'short' })).toMatchObject({ ok: false });
    expect(late).toBe(false);
    expect(stage.channels.b.count('close')).toBe(0);
    const found = await stage.store.findByOrderNo('m_demo', 'short');
    expect(found && attemptsOf(found.payment)).toEqual(['a failed', 'b unknown']);
    expect(found?.payment.agenda.map((item) => item.kind)).toContain('close');
  });

  test('never makes more than twenty attempts for one payment, however often the shop repeats its request', async () => {
    await open({ failover: { maxAttempts: 10 } });
    for (const channel of Object.values(stage.channels)) channel.always('create', refuses('INSUFFICIENT_BALANCE'));
    for (let i = 0; i < 12; i += 1) {
      expect(await stage.create({ merchantOrderNo: 'R20' })).toMatchObject({ ok: false });
      stage.clock.advance(MINUTE / 2);
    }
    const found = await stage.store.findByOrderNo('m_demo', 'R20');
    expect(found?.payment.attempts).toHaveLength(20);
  });

  test('passes over a channel that is removed while it is chosen', async () => {
    await open();
    stage.channels.a.next('create', (honest, signal) => {
      stage.loaded.delete('b');
      return refuses('CHANNEL_UNAVAILABLE')(honest, signal);
    });
    expect(attemptsOf(await stage.open())).toEqual(['a failed', 'c open']);
  });
});

describe('a refusal that no other channel would mend', () => {
  test.each(['DECLINED', 'INVALID_REQUEST', 'RISK_REJECTED'] as const)(
    '%s ends the payment with 422 and payment.failed',
    async (kind) => {
      await open();
      stage.channels.a.next('create', refuses(kind));
      const refused = await stage.create({ merchantOrderNo: kind });
      expect(refused).toMatchObject({ ok: false, error: { code: 'channel_rejected' } });
      expect(stage.channels.b.count('create')).toBe(0);
      const again = await stage.create({ merchantOrderNo: kind });
      if (!again.ok) throw new Error(again.error.detail);
      expect(again.value.payment).toMatchObject({ status: 'failed', statusReason: kind.toLowerCase() });
      expect(eventsOf(again.value.payment)).toEqual(['payment.failed']);
    },
  );

  test('is not told to the shop when the buyer has paid meanwhile', async () => {
    await open({ channels: { a: { timeoutMs: 30_000 }, b: {}, c: {} } });
    const answer = held();
    stage.channels.a.next('create', answer.reply);
    const creating = stage.create({ merchantOrderNo: 'overtaken' });
    await stage.drive(answer.begun);
    const found = await stage.store.findByOrderNo('m_demo', 'overtaken');
    if (!found) throw new Error('not stored before the channel is asked');
    const attempt = attemptOf(found.payment, 1);
    stage.channels.a.pays(attempt.providerRef);
    expect(await stage.callback(attempt, stage.channels.a)).toBe('SUCCESS');
    answer.release(refuses('INVALID_REQUEST'));
    expect(await creating).toMatchObject({ ok: true, value: { payment: { status: 'succeeded' } } });
  });
});

describe('a process that was frozen', () => {
  test('before it asked a channel asks it no more, since others may have given the attempt up', async () => {
    let freezes = 1;
    await open({
      wrapStore: (store) => ({
        ...store,
        insert: async (payment) => {
          const inserted = await store.insert(payment);
          if (freezes > 0) stage.clock.advance(25 * SECOND);
          freezes -= 1;
          return inserted;
        },
      }),
      failover: { budgetMs: MINUTE },
    });
    const payment = await stage.open();
    expect(attemptsOf(payment)).toEqual(['a failed', 'b open']);
    expect(stage.channels.a.count('create')).toBe(0);
  });

  test('while its channel made the order closes it, when others have taken it for dead meanwhile', async () => {
    await open({
      running: true,
      channels: { a: { timeoutMs: 10 * MINUTE }, b: {}, c: {} },
      failover: { budgetMs: HOUR },
    });
    const answer = held();
    stage.channels.a.next('create', answer.reply);
    const creating = stage.create({ merchantOrderNo: 'frozen' });
    await stage.drive(answer.begun);
    for (const ms of [MINUTE, 5 * SECOND, 10 * SECOND, MINUTE]) await stage.elapse(ms);
    const found = await stage.store.findByOrderNo('m_demo', 'frozen');
    if (!found) throw new Error('not stored before the channel is asked');
    expect(attemptsOf(found.payment)).toEqual(['a closed']);
    answer.release();
    await stage.drive(creating);
    expect(stage.channels.a.orders.get(attemptOf(found.payment, 1).providerRef)?.state).toBe('closed');
  });
});

describe('a channel that has to rest', () => {
  test('is left out for a second after RATE_LIMITED, and for a minute after its quota is used up', async () => {
    await open();
    stage.channels.a.next('create', refuses('RATE_LIMITED'));
    stage.channels.b.next('create', refuses('CHANNEL_UNAVAILABLE', { reason: 'quota' }));
    expect(attemptsOf(await stage.open())).toEqual(['a failed', 'b failed', 'c open']);
    expect(attemptsOf(await stage.open())).toEqual(['c open']);
    stage.clock.advance(1_000);
    expect(attemptsOf(await stage.open())).toEqual(['a open']);
    stage.loaded.delete('a');
    expect(attemptsOf(await stage.open())).toEqual(['c open']);
    stage.clock.advance(59_000);
    expect(attemptsOf(await stage.open())).toEqual(['b open']);
  });

  test('has its breaker opened by the first AUTH_MISCONFIGURED', async () => {
    await open();
    stage.channels.a.next('create', refuses('AUTH_MISCONFIGURED'));
    await stage.open();
    const next = await stage.open();
    expect(attemptsOf(next)).toEqual(['b open']);
    expect(attemptOf(next, 1).decision.candidates.find((c) => c.channelId === 'a')?.excluded).toBe('breaker_open');
  });
});

describe('an adapter that breaks the contract', () => {
  test('by throwing is a lost create: the order is closed before the next channel is asked', async () => {
    await open();
    stage.channels.a.next('create', throwsUp);
    const payment = await stage.open();
    expect(attemptsOf(payment)).toEqual(['a unknown', 'b open']);
    expect(stage.channels.a.asked.map((call) => call.operation)).toEqual(['create', 'close']);
    expect(stage.reports.some(([name, , message]) => name === 'error' && message === 'adapter threw: a bug')).toBe(
      true,
    );
  });

  test('by ignoring its signal is left behind, and its late answer is never shown', async () => {
    await open();
    const answer = held();
    stage.channels.a.next('create', answer.reply);
    const payment = await stage.open();
    expect(attemptsOf(payment)).toEqual(['a unknown', 'b open']);
    answer.release();
    await stage.drive(Promise.resolve());
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['a unknown', 'b open']);
  });
});

describe('a create whose answer is lost', () => {
  test.each([
    ['times out', hangs],
    ['got lost on its way', isLost],
    ['got lost on its way back', losesItsAnswer],
  ])('because it %s is closed at the provider before the next channel is asked', async (_how, reply) => {
    await open();
    stage.channels.a.next('create', reply);
    const asked: string[] = [];
    stage.channels.b.next('create', (honest) => {
      asked.push(...stage.channels.a.asked.map((call) => call.operation));
      return honest();
    });
    const payment = await stage.open();
    expect(asked).toEqual(['create', 'close']);
    expect(payment.attempts.map((a) => a.status).at(-1)).toBe('open');
    expect(payment.attempts.filter((a) => a.status === 'open' || a.status === 'creating')).toHaveLength(1);
  });

  test('and that was paid all the same is found by that close, and no second channel is asked', async () => {
    await open();
    stage.channels.a.next('create', losesItsAnswer);
    stage.channels.a.next('close', (honest) => {
      const [providerRef] = stage.channels.a.orders.keys();
      stage.channels.a.pays(providerRef ?? '');
      return honest();
    });
    const payment = await stage.open();
    expect(attemptsOf(payment)).toEqual(['a succeeded']);
    expect(payment.status).toBe('succeeded');
  });
});

describe('a channel whose create asks nobody', () => {
  const offline = { channels: { a: { offline: true }, b: {}, c: {} } };

  test('is probed first, and left when it does not answer', async () => {
    await open(offline);
    stage.channels.a.next('probe', isLost);
    const payment = await stage.open();
    expect(attemptsOf(payment)).toEqual(['a failed', 'b open']);
    expect(stage.channels.a.asked.map((call) => call.operation)).toEqual(['probe']);
  });

  test('does not fail the payment when it is the probe that is refused', async () => {
    await open(offline);
    stage.channels.a.next('probe', refuses('INVALID_REQUEST'));
    expect(attemptsOf(await stage.open())).toEqual(['a failed', 'b open']);
  });
});

describe('a channel that needs the address of the buyer', () => {
  const h5 = { channels: { a: { ipNeeded: true }, b: {}, c: {} } };

  test('is not asked without it, and is asked with it', async () => {
    await open(h5);
    const without = await stage.open({ scene: 'wap' });
    expect(attemptsOf(without)).toEqual(['b open']);
    expect(attemptOf(without, 1).decision.candidates.find((c) => c.channelId === 'a')?.excluded).toBe(
      'customer_ip_missing',
    );
    const customer = { ip: '203.0.113.7' };
    expect(attemptsOf(await stage.open({ scene: 'wap', customer }))).toEqual(['a open']);
    expect(attemptsOf(await stage.open({ scene: 'qr' }))).toEqual(['a open']);
  });

  test('is still known to have it at a failover and at a repeat', async () => {
    await open({ channels: { a: {}, b: { ipNeeded: true }, c: { enabled: false } } });
    const order = { merchantOrderNo: 'ip', scene: 'wap' as const, customer: { ip: '203.0.113.7' } };
    stage.channels.a.next('create', refuses('CHANNEL_UNAVAILABLE'));
    stage.channels.b.next('create', refuses('CHANNEL_UNAVAILABLE'));
    expect(await stage.create(order)).toMatchObject({ ok: false });
    stage.channels.a.next('create', refuses('CHANNEL_UNAVAILABLE'));
    const again = await stage.open(order);
    expect(attemptsOf(again)).toEqual(['a failed', 'b failed', 'a failed', 'b open']);
  });

  test('is named in the refusal when no other channel is left, and by a pin in a 422', async () => {
    await open(h5);
    stage.channels.b.next('create', refuses('AUTH_MISCONFIGURED'));
    stage.loaded.delete('c');
    const refused = await stage.create({ scene: 'wap' });
    expect(refused.ok || refused.error.detail).toContain('(a: customer_ip_missing; b: already_tried)');
    const later = await stage.create({ scene: 'wap' });
    expect(later).toMatchObject({ ok: false, error: { code: 'no_channel_available' } });
    expect(later.ok || later.error.detail).toContain('(a: customer_ip_missing; b: breaker_open)');
    const pinned = await stage.create({ scene: 'wap', pinnedChannelId: 'a' });
    expect(pinned).toMatchObject({ ok: false, error: { code: 'channel_rejected' } });
    expect(pinned.ok || pinned.error.detail).toContain('customer_ip_missing');
  });

  test('is no obstacle in a quote that does not speak of the buyer', async () => {
    await open(h5);
    const request = {
      amount: { minor: 100, currency: 'CNY' },
      methods: [],
      scene: 'wap' as const,
      pinnedChannelId: null,
    };
    expect((await stage.gateway.quote(stage.merchant, request)).channelId).toBe('a');
    expect((await stage.gateway.quote(stage.merchant, { ...request, buyerIpKnown: false })).channelId).toBe('b');
  });
});

test('a refusal names a bounded number of channels', async () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`channel-${i}`, { enabled: false }]));
  const crowd = await openStage({ channels: many });
  stage = crowd as typeof stage;
  const refused = await crowd.create();
  expect(refused.ok || refused.error.detail).toMatch(/channel-0: disabled; .*; 22 more\)/);
  expect(refused.ok || refused.error.detail.length).toBeLessThan(600);
});
