import { afterEach, describe, expect, test } from 'vitest';
import { anObservation, held, isLost, losesItsAnswer, refuses } from './scripted-channel.ts';
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
  stage = await openStage({ channels: { a: {}, b: {}, c: {} }, running: true, ...options });
}

describe('a process that dies while it asks a channel', () => {
  async function dieDuringCreate(): Promise<string> {
    stage.channels.a.next('create', (honest) => {
      const answer = honest();
      dying.resolve(stage.crash());
      return answer;
    });
    const dying = Promise.withResolvers<Stage<'a' | 'b' | 'c'>>();
    await expect(stage.create({ merchantOrderNo: 'crashed' })).rejects.toThrow('update');
    stage = await dying.promise;
    const found = await stage.store.findByOrderNo('m_demo', 'crashed');
    if (!found) throw new Error('the payment is not stored');
    expect(attemptsOf(found.payment)).toEqual(['a creating']);
    return found.payment.id;
  }

  test("leaves an attempt that the shop's repeat gives up at once where no other process can be at work on it", async () => {
    await open({ alone: true });
    const id = await dieDuringCreate();
    stage.clock.advance(SECOND);
    const again = await stage.open({ merchantOrderNo: 'crashed' });
    expect(again.id).toBe(id);
    expect(attemptsOf(again)).toEqual(['a closed', 'a open']);
    expect([...stage.channels.a.orders.values()].map(({ state }) => state)).toEqual(['closed', 'open']);
  });

  test('leaves an attempt that becomes unknown after a minute, is closed, and makes room for the next', async () => {
    await open();
    const id = await dieDuringCreate();
    await stage.elapse(59 * SECOND);
    expect(attemptsOf(await stage.read(id))).toEqual(['a creating']);
    await stage.elapse(SECOND);
    expect(attemptsOf(await stage.read(id))).toEqual(['a closed']);
    expect(stage.channels.a.asked.map((call) => call.operation).filter((op) => op !== 'probe')).toEqual([
      'create',
      'close',
    ]);
    const again = await stage.open({ merchantOrderNo: 'crashed' });
    expect(again.id).toBe(id);
    expect(attemptsOf(again)).toEqual(['a closed', 'a open']);
  });

  test('does not make a second order for a repeat that comes at once: the repeat waits and shows no way to pay', async () => {
    await open();
    const id = await dieDuringCreate();
    const repeating = stage.create({ merchantOrderNo: 'crashed' });
    await stage.elapse();
    await stage.elapse(8 * SECOND);
    const repeat = await repeating;
    expect(repeat).toMatchObject({ ok: true, value: { repeat: true, payment: { id, status: 'created' } } });
    expect(stage.channels.a.count('create')).toBe(1);
  });

  test('does not lose the money of a buyer who has paid that order', async () => {
    await open();
    const id = await dieDuringCreate();
    stage.channels.a.pays(attemptOf(await stage.read(id), 1).providerRef);
    await stage.elapse(MINUTE);
    const paid = await stage.read(id);
    expect(attemptsOf(paid)).toEqual(['a succeeded']);
    expect(eventsOf(paid)).toEqual(['payment.succeeded']);
  });
});

describe('an unknown attempt beside an open one', () => {
  async function lostThenOpen() {
    stage.channels.a.next('create', losesItsAnswer);
    stage.channels.a.next('close', isLost);
    const payment = await stage.open();
    expect(attemptsOf(payment)).toEqual(['a unknown', 'b open']);
    return payment;
  }

  test('is closed at its provider as soon as that answers', async () => {
    await open();
    const payment = await lostThenOpen();
    await stage.elapse(5 * SECOND);
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['a closed', 'b open']);
    expect([...stage.channels.a.orders.values()].map((order) => order.state)).toEqual(['closed']);
  });

  test('that the buyer pays is found by asking, counts, and closes the other', async () => {
    await open();
    const payment = await lostThenOpen();
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    await stage.elapse(5 * SECOND);
    const paid = await stage.read(payment.id);
    expect(attemptsOf(paid)).toEqual(['a succeeded', 'b closed']);
    expect(eventsOf(paid)).toEqual(['payment.succeeded']);
    expect(stage.channels.b.orders.get(attemptOf(payment, 2).providerRef)?.state).toBe('closed');
  });

  test('that is paid after the other one is surplus: reported, kept, and no second event', async () => {
    await open();
    const payment = await lostThenOpen();
    const [first, second] = [attemptOf(payment, 1), attemptOf(payment, 2)];
    stage.channels.b.pays(second.providerRef);
    expect(await stage.callback(second, stage.channels.b)).toBe('SUCCESS');
    stage.channels.a.pays(first.providerRef);
    expect(await stage.callback(first, stage.channels.a)).toBe('SUCCESS');
    const twice = await stage.read(payment.id);
    expect(twice.attempts.map((a) => a.status === 'succeeded' && a.effect)).toEqual(['surplus', 'effective']);
    // The refund of the surplus may have an event of its own by now.
    expect(eventsOf(twice).filter((type) => type.startsWith('payment.'))).toEqual(['payment.succeeded']);
    expect(stage.reports).toContainEqual(['surplusPayment', 'a']);
    expect(stage.reports).toContainEqual(['anomaly', 'surplus_payment']);
  });

  test('whose provider knows no such order is closed once that is a proof', async () => {
    await open();
    stage.channels.a.next('create', isLost);
    const payment = await stage.open();
    expect(attemptsOf(payment)).toEqual(['a unknown', 'b open']);
    await stage.elapse(9 * SECOND);
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['a unknown', 'b open']);
    await stage.elapse(20 * SECOND);
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['a closed', 'b open']);
  });

  test('is not taken for dead by an answer that is as old as its question', async () => {
    await open({ channels: { a: { timeoutMs: 60_000 }, b: {}, c: {} } });
    stage.channels.a.next('create', isLost);
    stage.channels.a.next('close', isLost, isLost);
    const asked = Promise.withResolvers<void>();
    const answering = Promise.withResolvers<void>();
    stage.channels.a.next('query', async (honest) => {
      const early = honest();
      asked.resolve();
      await answering.promise;
      return early;
    });
    const payment = await stage.open();
    stage.clock.advance(2 * SECOND);
    await stage.drive(asked.promise);
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    stage.clock.advance(20 * SECOND);
    answering.resolve();
    await stage.elapse();
    await stage.elapse(MINUTE);
    expect(attemptOf(await stage.read(payment.id), 1)).toMatchObject({ status: 'succeeded' });
  });

  test('stays unknown until its expiry where "no such order" proves nothing, and is still found when it is paid', async () => {
    await open({ channels: { a: { absence: 'until_expiry' }, b: {}, c: {} } });
    stage.channels.a.next('create', isLost);
    const kept = await stage.open();
    const paid = await (async () => {
      stage.channels.a.next('create', losesItsAnswer);
      return stage.open();
    })();
    await stage.elapse(MINUTE);
    stage.channels.b.pays(attemptOf(kept, 2).providerRef);
    await stage.callback(attemptOf(kept, 2), stage.channels.b);
    await stage.elapse(13 * MINUTE);
    expect(attemptsOf(await stage.read(kept.id))).toEqual(['a unknown', 'b succeeded']);
    stage.channels.a.pays(attemptOf(paid, 1).providerRef);
    await stage.elapse(3 * MINUTE);
    expect(attemptsOf(await stage.read(kept.id))).toEqual(['a closed', 'b succeeded']);
    expect(attemptOf(await stage.read(paid.id), 1)).toMatchObject({ status: 'succeeded' });
  });

  test('that fails at its provider does not end a payment that goes on elsewhere', async () => {
    await open({ channels: { a: {}, b: { timeoutMs: 30_000 }, c: {} } });
    stage.channels.a.next('create', losesItsAnswer);
    stage.channels.a.always('close', isLost);
    const answer = held();
    stage.channels.b.next('create', answer.reply);
    const creating = stage.open({ merchantOrderNo: 'goes on' });
    await stage.drive(answer.begun);
    const found = await stage.store.findByOrderNo('m_demo', 'goes on');
    if (!found) throw new Error('not stored');
    await stage.callback(attemptOf(found.payment, 1), stage.channels.a, { state: 'failed' });
    answer.release(refuses('CHANNEL_UNAVAILABLE'));
    const payment = await creating;
    expect(attemptsOf(payment)).toEqual(['a failed', 'b failed', 'c open']);
    expect(payment).toMatchObject({ status: 'pending', statusReason: null });
  });

  test('is not taken for dead on the word of another account', async () => {
    await open();
    stage.channels.a.next('create', losesItsAnswer);
    stage.channels.a.next('close', isLost);
    const payment = await stage.open();
    const { channel } = stage.channels.a;
    const adapter = { ...channel.adapter, account: 'a new account', query: stage.channels.c.channel.adapter.query };
    stage.loaded.set('a', { ...channel, adapter: { ...adapter, close: stage.channels.c.channel.adapter.close } });
    await stage.elapse(MINUTE);
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['a unknown', 'b open']);
    stage.loaded.set('a', channel);
    await stage.elapse(10 * MINUTE);
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['a closed', 'b open']);
  });
});

describe('money that comes after the end', () => {
  async function closedThenPaid(lateSuccess: 'accept' | 'refund') {
    await open({ policies: { lateSuccess } });
    const payment = await stage.open();
    const attempt = attemptOf(payment, 1);
    stage.channels.a.next('close', anObservation({ state: 'closed' }));
    await stage.drive(stage.gateway.closePayment(stage.merchant, payment.id));
    expect((await stage.read(payment.id)).status).toBe('closed');
    stage.channels.a.pays(attempt.providerRef);
    expect(await stage.callback(attempt, stage.channels.a)).toBe('SUCCESS');
    expect(stage.reports).toContainEqual(['anomaly', 'late_success']);
    await stage.elapse();
    return stage.read(payment.id);
  }

  test('is taken by the policy "accept": the shop hears that it was closed and then that it was paid', async () => {
    const late = await closedThenPaid('accept');
    expect(late).toMatchObject({ status: 'succeeded', statusReason: null });
    expect(late.attempts[0]).toMatchObject({ effect: 'effective' });
    expect(stage.shop.requests.map(({ body }) => JSON.parse(body).type)).toEqual([
      'payment.closed',
      'payment.succeeded',
    ]);
  });

  test('goes back by the policy "refund": the payment stays closed, and the refund is told', async () => {
    const late = await closedThenPaid('refund');
    expect(late).toMatchObject({ status: 'closed', statusReason: 'paid_after_end' });
    expect(late.attempts[0]).toMatchObject({ status: 'succeeded', effect: 'late' });
    expect(eventsOf(late)).toEqual(['payment.closed', 'refund.succeeded']);
  });
});

describe('an order that its provider never settles', () => {
  test('is asked about for ever, and a person is called after a day', async () => {
    await open();
    const payment = await stage.open();
    stage.channels.a.always('query', isLost);
    stage.channels.a.always('close', isLost);
    await stage.elapse(15 * MINUTE);
    await stage.elapse(26 * HOUR);
    const stuck = await stage.read(payment.id);
    expect(stuck).toMatchObject({ status: 'review', statusReason: 'unresolved_at_provider' });
    expect(stuck.nextDueAt).not.toBeNull();
    expect(stage.reports).toContainEqual(['anomaly', 'unresolved_at_provider']);
    stage.channels.a.always('query', null);
    stage.channels.a.always('close', null);
    await stage.elapse(6 * HOUR);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'closed', nextDueAt: null });
  });

  test('and that speaks in words nobody knows is no different', async () => {
    await open();
    const payment = await stage.open();
    const mumbles = () => anObservation({ state: 'unclear' });
    stage.channels.a.next('query', ...Array.from({ length: 200 }, mumbles));
    stage.channels.a.next('close', ...Array.from({ length: 200 }, mumbles));
    await stage.elapse(15 * MINUTE);
    await stage.elapse(26 * HOUR);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'review' });
    expect(stage.reports).toContainEqual(['anomaly', 'unresolved_at_provider']);
  });
});
