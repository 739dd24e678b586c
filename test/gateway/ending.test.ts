import { afterEach, describe, expect, test } from 'vitest';
import { anObservation, held, isLost, refuses } from './scripted-channel.ts';
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

let stage: Stage<'a' | 'b'>;
afterEach(() => stage.stop());

async function open(options: Partial<StageOptions<'a' | 'b'>> = {}): Promise<void> {
  stage = await openStage({ channels: { a: {}, b: {} }, running: true, ...options });
}

const close = (id: string) => stage.drive(stage.gateway.closePayment(stage.merchant, id));

describe('expiry', () => {
  test('closes the order at the provider first and tells the shop then', async () => {
    await open();
    const payment = await stage.open();
    const told: number[] = [];
    stage.channels.a.next('close', (honest) => {
      told.push(stage.shop.requests.length);
      return honest();
    });
    await stage.elapse(15 * MINUTE);
    expect(told).toEqual([0]);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'closed', statusReason: 'expired', nextDueAt: null });
    expect(stage.channels.a.orders.get(attemptOf(payment, 1).providerRef)?.state).toBe('closed');
    expect(stage.shop.requests.map(({ body }) => JSON.parse(body).type)).toEqual(['payment.closed']);
  });

  test('of a payment that was just paid is a success: the provider decides', async () => {
    await open();
    const payment = await stage.open();
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    await stage.elapse(15 * MINUTE);
    const paid = await stage.read(payment.id);
    expect(paid).toMatchObject({ status: 'succeeded', statusReason: null });
    expect(eventsOf(paid)).toEqual(['payment.succeeded']);
  });

  test('of a payment whose channel is down waits for the channel, and is never forgotten', async () => {
    await open();
    const payment = await stage.open();
    stage.channels.a.always('close', refuses('CHANNEL_UNAVAILABLE'));
    stage.channels.a.always('query', refuses('CHANNEL_UNAVAILABLE'));
    for (const ms of [15 * MINUTE, 5 * SECOND, 15 * SECOND, MINUTE, 10 * MINUTE]) await stage.elapse(ms);
    const waiting = await stage.read(payment.id);
    expect(waiting).toMatchObject({ status: 'pending', closeRequested: { by: 'expiry' } });
    expect(waiting.nextDueAt).toBeGreaterThan(stage.clock.now());
    expect(stage.shop.requests).toEqual([]);
    stage.channels.a.always('close', null);
    await stage.elapse(10 * MINUTE);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'closed', statusReason: 'expired', nextDueAt: null });
  });

  test('of a payment whose channel is not configured any more waits for it or for a person', async () => {
    await open();
    const payment = await stage.open();
    stage.loaded.delete('a');
    await stage.elapse(15 * MINUTE);
    await stage.elapse(10 * MINUTE);
    const waiting = await stage.read(payment.id);
    expect(waiting).toMatchObject({ status: 'pending', closeRequested: { by: 'expiry' } });
    expect(waiting.nextDueAt).toBeGreaterThan(stage.clock.now());
    await stage.elapse(25 * HOUR);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'review' });
    stage.loaded.set('a', stage.channels.a.channel);
    await stage.elapse(6 * HOUR);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'closed', nextDueAt: null });
  });

  test('of a payment on a channel that cannot close waits until the provider says that it is over', async () => {
    await open({ channels: { a: { capabilities: [] }, b: {} } });
    const payment = await stage.open();
    await stage.elapse(15 * MINUTE);
    expect((await stage.read(payment.id)).status).toBe('pending');
    expect(stage.channels.a.count('close')).toBe(0);
    const order = stage.channels.a.orders.get(attemptOf(payment, 1).providerRef);
    if (order) order.state = 'closed';
    await stage.elapse(MINUTE);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'closed', nextDueAt: null });
  });

  test('of an order that nobody has seen tells the shop at once, and still finds money that came late', async () => {
    await open({ channels: { a: { absence: 'until_expiry' }, b: {} } });
    const payment = await stage.open();
    await stage.elapse(15 * MINUTE);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'closed', statusReason: 'expired' });
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    await stage.elapse(2 * MINUTE);
    const late = await stage.read(payment.id);
    expect(late).toMatchObject({ status: 'closed', statusReason: 'paid_after_end', nextDueAt: null });
    expect(late.attempts[0]).toMatchObject({ status: 'succeeded', effect: 'late' });
  });

  test('of a payment that found no channel closes it without asking anybody', async () => {
    await open();
    for (const channel of Object.values(stage.channels)) channel.always('create', refuses('CHANNEL_UNAVAILABLE'));
    expect(await stage.create({ merchantOrderNo: 'nobody' })).toMatchObject({ ok: false });
    await stage.elapse(15 * MINUTE);
    const found = await stage.store.findByOrderNo('m_demo', 'nobody');
    expect(found?.payment).toMatchObject({ status: 'closed', statusReason: 'expired', nextDueAt: null });
    expect(eventsOf(found?.payment ?? (await stage.read('')))).toEqual(['payment.closed']);
    const repeat = await stage.create({ merchantOrderNo: 'nobody' });
    expect(repeat).toMatchObject({ ok: true, value: { payment: { status: 'closed' } } });
  });
});

describe('a close that the merchant asks for', () => {
  test('while the buyer pays is decided by the answer of the provider', async () => {
    await open();
    const payment = await stage.open();
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    expect(await close(payment.id)).toMatchObject({ ok: false, error: { code: 'invalid_state' } });
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
  });

  test('twice is once', async () => {
    await open();
    const payment = await stage.open();
    const both = await Promise.all([close(payment.id), close(payment.id)]);
    for (const closed of both) expect(closed).toMatchObject({ ok: true, value: { status: 'closed' } });
    expect(await close(payment.id)).toMatchObject({ ok: true, value: { status: 'closed' } });
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.closed']);
  });

  test('takes the way to pay away at once, also when the provider does not answer', async () => {
    await open();
    const payment = await stage.open();
    stage.channels.a.next('close', isLost);
    const waiting = await close(payment.id);
    expect(waiting).toMatchObject({ ok: true, value: { status: 'pending', closeRequested: { by: 'merchant' } } });
    await stage.elapse(5 * SECOND);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'closed', statusReason: 'merchant' });
  });

  test('during the create closes the order as soon as it exists, and it is never shown', async () => {
    await open({ channels: { a: { timeoutMs: 30_000 }, b: {} } });
    const answer = held();
    stage.channels.a.next('create', answer.reply);
    const creating = stage.open({ merchantOrderNo: 'raced' });
    await stage.drive(answer.begun);
    const found = await stage.store.findByOrderNo('m_demo', 'raced');
    const id = found?.payment.id ?? '';
    expect(await close(id)).toMatchObject({ ok: true, value: { status: 'created' } });
    answer.release();
    expect((await creating).closeRequested).not.toBeNull();
    await stage.elapse();
    const closed = await stage.read(id);
    expect(attemptsOf(closed)).toEqual(['a closed']);
    expect(closed).toMatchObject({ status: 'closed', statusReason: 'merchant' });
    expect(stage.channels.b.count('create')).toBe(0);
  });

  test('during a create that then fails ends the failover', async () => {
    await open({ channels: { a: { timeoutMs: 30_000 }, b: {} } });
    const answer = held();
    stage.channels.a.next('create', answer.reply);
    const creating = stage.open({ merchantOrderNo: 'raced' });
    await stage.drive(answer.begun);
    const found = await stage.store.findByOrderNo('m_demo', 'raced');
    await close(found?.payment.id ?? '');
    answer.release(refuses('CHANNEL_UNAVAILABLE'));
    expect(await creating).toMatchObject({ status: 'closed', statusReason: 'merchant' });
    expect(stage.channels.b.count('create')).toBe(0);
  });
});

describe('an answer that does not fit the order', () => {
  test('changes nothing, raises an anomaly, and is asked for again on schedule and not at once', async () => {
    await open();
    const payment = await stage.open();
    const { account } = attemptOf(payment, 1);
    const wrong = { state: 'succeeded', account, channelTradeNo: 't', paidAt: 1 } as const;
    stage.channels.a.next('query', anObservation({ ...wrong, amount: { minor: 1_000, currency: 'USD' } }));
    await stage.elapse(5 * SECOND);
    const now = await stage.read(payment.id);
    expect(attemptsOf(now)).toEqual(['a open']);
    expect(stage.reports).toContainEqual(['anomaly', 'currency_mismatch']);
    expect(now.agenda.find((item) => item.kind === 'query')).toMatchObject({
      tries: 1,
      at: stage.clock.now() + 10_000,
    });
    expect(stage.channels.a.count('query')).toBe(1);
  });

  test('because it names the trade number of another payment counts for neither twice', async () => {
    await open();
    const [first, second] = [await stage.open(), await stage.open()];
    const { tradeNo } = stage.channels.a.pays(attemptOf(first, 1).providerRef);
    await stage.callback(attemptOf(first, 1), stage.channels.a);
    stage.channels.a.pays(attemptOf(second, 1).providerRef);
    const answer = await stage.callback(attemptOf(second, 1), stage.channels.a, { channelTradeNo: tradeNo });
    expect(answer).toBe('FAIL');
    expect((await stage.read(second.id)).status).toBe('pending');
    expect(stage.reports).toContainEqual(['anomaly', 'trade_number_reused']);
  });
});

test('a query that settles an order leaves nothing for the close that was due with it', async () => {
  await open();
  const payment = await stage.open();
  stage.channels.a.always('close', isLost);
  stage.channels.a.always('query', isLost);
  await stage.elapse(15 * MINUTE);
  stage.channels.a.always('query', null);
  stage.channels.a.pays(attemptOf(payment, 1).providerRef);
  const before = stage.channels.a.count('close');
  await stage.elapse(10 * MINUTE);
  expect((await stage.read(payment.id)).status).toBe('succeeded');
  expect(stage.channels.a.count('close')).toBe(before);
});
