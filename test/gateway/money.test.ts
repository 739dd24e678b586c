import { afterEach, describe, expect, test } from 'vitest';
import type { MoneyPolicy, Payment } from '../../src/payment/index.ts';
import type { ChannelSetup } from './scripted-channel.ts';
import { attemptOf, eventsOf, HOUR, MINUTE, openStage, SECOND, type Stage } from './stage.ts';

let stage: Stage<'a'>;
afterEach(() => stage.stop());

/** A payment of 1000 whose buyer paid 900; its callback is refused, and the channel says the same when it is asked. */
async function paidTooLittle(amountMismatch: MoneyPolicy): Promise<Payment> {
  stage = await openStage({ channels: { a: {} }, running: true, policies: { amountMismatch } });
  const payment = await stage.open();
  const attempt = attemptOf(payment, 1);
  stage.channels.a.pays(attempt.providerRef, 900);
  expect(await stage.callback(attempt, stage.channels.a)).toBe('FAIL');
  await stage.elapse();
  return stage.read(payment.id);
}

/** A payment that is closed for us and the shop, and then paid all the same. */
async function paidLate(lateSuccess: MoneyPolicy, channel: ChannelSetup = {}): Promise<Payment> {
  const channels = { a: { absence: 'until_expiry', ...channel } } as const;
  stage = await openStage({ channels, running: true, policies: { lateSuccess } });
  const payment = await stage.open({ expiresInMs: 10 * MINUTE });
  await stage.drive(stage.gateway.closePayment(stage.merchant, payment.id));
  const attempt = attemptOf(payment, 1);
  stage.channels.a.pays(attempt.providerRef);
  await stage.callback(attempt, stage.channels.a);
  await stage.elapse();
  return stage.read(payment.id);
}

const anomalies = () => stage.reports.flatMap(([name, kind]) => (name === 'anomaly' ? [kind] : []));

describe('another amount than asked for', () => {
  test('by a callback changes nothing, and the channel is asked at once', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    const payment = await stage.open();
    const attempt = attemptOf(payment, 1);
    stage.channels.a.pays(attempt.providerRef);
    const asked = stage.channels.a.count('query');
    const wrong = { amount: { minor: 1, currency: 'CNY' } };
    expect(await stage.callback(attempt, stage.channels.a, wrong)).toBe('FAIL');
    await stage.elapse();
    // The provider itself says that the whole amount was paid: the message was wrong, the payment is not.
    expect(stage.channels.a.count('query')).toBe(asked + 1);
    const paid = await stage.read(payment.id);
    expect(paid.status).toBe('succeeded');
    expect(paid.attempts[0]).toMatchObject({ effect: 'effective', paidMinor: 1_000 });
  });

  test('is held by default: no more is asked of the buyer, and a person is reminded until they decide', async () => {
    const payment = await paidTooLittle('hold');
    expect(payment).toMatchObject({ status: 'review', statusReason: 'amount_mismatch' });
    expect(payment.attempts[0]).toMatchObject({ status: 'succeeded', effect: 'mismatch', paidMinor: 900 });
    expect(anomalies().filter((kind) => kind === 'money_held')).toHaveLength(1);
    await stage.elapse(25 * HOUR);
    expect((await stage.read(payment.id)).status).toBe('review');
    expect(anomalies().filter((kind) => kind === 'money_held')).toHaveLength(2);
  });

  test('that is known is no news: the same message again is acknowledged', async () => {
    const payment = await paidTooLittle('hold');
    const before = anomalies().length;
    expect(await stage.callback(attemptOf(payment, 1), stage.channels.a)).toBe('SUCCESS');
    expect(anomalies()).toHaveLength(before);
  });

  test('for an order that had been closed is asked about all the same, and goes the way of late money', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    const payment = await stage.open();
    const attempt = attemptOf(payment, 1);
    await stage.drive(stage.gateway.closePayment(stage.merchant, payment.id));
    expect((await stage.read(payment.id)).attempts[0]?.status).toBe('closed');
    stage.channels.a.orders.delete(attempt.providerRef);
    stage.channels.a.pays(attempt.providerRef, 900);
    expect(await stage.callback(attempt, stage.channels.a)).toBe('FAIL');
    await stage.elapse();
    const after = await stage.read(payment.id);
    expect(after.attempts[0]).toMatchObject({ effect: 'late', paidMinor: 900 });
    expect(after.refunds).toMatchObject([{ cause: 'late', amountMinor: 900, status: 'succeeded' }]);
  });

  test('that is held counts when a person keeps it', async () => {
    const payment = await paidTooLittle('hold');
    expect(await stage.drive(stage.gateway.disposeMoney(payment.id, 'keep'))).toMatchObject({ ok: true });
    const after = await stage.read(payment.id);
    expect(after.status).toBe('succeeded');
    expect(eventsOf(after)).toEqual(['payment.succeeded']);
    expect(await stage.drive(stage.gateway.disposeMoney(payment.id, 'refund'))).toMatchObject({
      ok: false,
      error: { code: 'invalid_state' },
    });
  });

  test('that is held goes back whole when a person returns it', async () => {
    const payment = await paidTooLittle('hold');
    await stage.drive(stage.gateway.disposeMoney(payment.id, 'refund'));
    await stage.elapse();
    const after = await stage.read(payment.id);
    expect(after.status).toBe('failed');
    expect(after.refunds).toMatchObject([{ cause: 'mismatch', amountMinor: 900, status: 'succeeded' }]);
    expect(eventsOf(after)).toEqual(['payment.failed', 'refund.succeeded']);
  });

  test('goes back by itself where the policy says so', async () => {
    const payment = await paidTooLittle('refund');
    await stage.elapse();
    const after = await stage.read(payment.id);
    expect(after).toMatchObject({ status: 'failed', statusReason: 'amount_mismatch' });
    expect(after.refunds).toMatchObject([{ cause: 'mismatch', amountMinor: 900, status: 'succeeded' }]);
  });

  test('counts where the policy says so, and no more than was paid can be refunded', async () => {
    const payment = await paidTooLittle('accept');
    expect(payment.status).toBe('succeeded');
    const refund = (amountMinor: number | null, no: string) =>
      stage.drive(
        stage.gateway.refundPayment(
          stage.merchant,
          payment.id,
          { merchantRefundNo: no, amountMinor, reason: null, requestHash: no },
          null,
        ),
      );
    expect(await refund(901, 'R1')).toMatchObject({ ok: false, error: { code: 'refund_exceeds_amount' } });
    expect(await refund(null, 'R2')).toMatchObject({ ok: true, value: { refund: { amountMinor: 900 } } });
    expect((await stage.read(payment.id)).status).toBe('refunded');
  });
});

describe('a success after the end', () => {
  test('goes back by itself and leaves the payment as the shop was told', async () => {
    const payment = await paidLate('refund');
    expect(payment).toMatchObject({ status: 'closed', statusReason: 'paid_after_end' });
    expect(payment.refunds).toMatchObject([{ cause: 'late', amountMinor: 1_000, status: 'succeeded' }]);
    expect(eventsOf(payment)).toEqual(['payment.closed', 'refund.succeeded']);
  });

  test('counts where the policy accepts it, and the shop is told', async () => {
    const payment = await paidLate('accept');
    expect(payment.status).toBe('succeeded');
    expect(eventsOf(payment)).toEqual(['payment.closed', 'payment.succeeded']);
  });

  test('that is held counts, or goes back, when a person says so', async () => {
    const kept = await paidLate('hold');
    expect(kept).toMatchObject({ status: 'closed', refunds: [] });
    await stage.drive(stage.gateway.disposeMoney(kept.id, 'keep'));
    expect((await stage.read(kept.id)).status).toBe('succeeded');
    await stage.stop();
    const returned = await paidLate('hold');
    await stage.drive(stage.gateway.disposeMoney(returned.id, 'refund'));
    await stage.elapse();
    const after = await stage.read(returned.id);
    expect(after.status).toBe('closed');
    expect(after.refunds).toMatchObject([{ cause: 'late', status: 'succeeded' }]);
  });
});

describe('money on a channel that makes no refunds', () => {
  test('is held, is not promised back, and is settled when a person has returned it', async () => {
    const held = await paidLate('refund', { capabilities: ['close'] });
    expect(held.attempts).toMatchObject([{ effect: 'late', disposition: 'hold' }]);
    expect(await stage.drive(stage.gateway.disposeMoney(held.id, 'refund'))).toMatchObject({
      ok: false,
      error: { code: 'invalid_state', detail: expect.stringContaining('payments returned') },
    });
    const recorded = await stage.drive(stage.gateway.recordReturn(held.id, 'TX-1'));
    expect(recorded).toMatchObject({ ok: true, value: { status: 'closed', nextDueAt: null } });
    const after = await stage.read(held.id);
    expect(after.attempts).toMatchObject([{ disposition: 'returned', returned: { reference: 'TX-1' } }]);
    expect(after.refunds).toEqual([]);
    expect((await stage.store.counts()).held).toBe(0);
    // Told twice, and with another word: once it has gone back it is decided.
    for (const again of [stage.gateway.recordReturn(held.id, 'TX-2'), stage.gateway.disposeMoney(held.id, 'keep')]) {
      expect(await stage.drive(again)).toMatchObject({ ok: false, error: { code: 'invalid_state' } });
    }
    expect(await stage.read(held.id)).toEqual(after);
  });

  test('that our refund may return is not said to be returned by other means', async () => {
    const refunded = await paidLate('refund');
    expect(refunded.refunds).toMatchObject([{ status: 'succeeded' }]);
    expect(await stage.drive(stage.gateway.recordReturn(refunded.id, 'TX-1'))).toMatchObject({
      ok: false,
      error: { code: 'invalid_state' },
    });
    expect((await stage.read(refunded.id)).attempts).toMatchObject([{ disposition: 'refund' }]);
  });

  test('owed in vain is asked for no longer once a person has returned it', async () => {
    stage = await openStage({ channels: { a: {} }, running: true, policies: { amountMismatch: 'refund' } });
    const payment = await stage.open();
    const attempt = attemptOf(payment, 1);
    stage.channels.a.refundsBecome = 'failed';
    stage.channels.a.pays(attempt.providerRef, 900);
    await stage.callback(attempt, stage.channels.a);
    await stage.until(async () => (await stage.read(payment.id)).refunds.some(({ status }) => status === 'failed'));
    expect(await stage.drive(stage.gateway.recordReturn(payment.id, 'TX-1'))).toMatchObject({ ok: true });
    const asked = stage.channels.a.count('refund');
    await stage.elapse(48 * HOUR);
    expect(stage.channels.a.count('refund')).toBe(asked);
    expect(await stage.read(payment.id)).toMatchObject({ status: 'failed', nextDueAt: null });
  });
});

describe('a clock that is set back by an hour', () => {
  test('delays neither questions nor deliveries', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    stage.shop.answer = () => ({ outcome: 'answered', status: 500, body: '' });
    const waiting = await stage.open();
    const failing = await stage.open();
    const attempt = attemptOf(failing, 1);
    stage.channels.a.pays(attempt.providerRef);
    await stage.callback(attempt, stage.channels.a);
    await stage.until(() => stage.shop.requests.length === 1);
    stage.clock.advance(-HOUR);
    stage.channels.a.pays(attemptOf(waiting, 1).providerRef);
    stage.shop.answer = () => ({ outcome: 'answered', status: 200, body: '' });
    // One turn of the agenda notices it.
    await stage.until(async () => (await stage.read(waiting.id)).updatedAt < waiting.createdAt);
    await stage.elapse(MINUTE);
    expect((await stage.read(waiting.id)).status).toBe('succeeded');
    await stage.until(async () => (await stage.read(failing.id)).events[0]?.delivery.state === 'delivered');
  });

  test('is noticed by a process that starts after it', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    const payment = await stage.open();
    stage.clock.advance(-HOUR);
    stage = await stage.crash();
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    await stage.until(async () => (await stage.read(payment.id)).updatedAt < payment.createdAt);
    await stage.elapse(MINUTE);
    expect((await stage.read(payment.id)).status).toBe('succeeded');
  });

  test('forward closes what has expired by it, and the channel decides the race', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    const unpaid = await stage.open();
    const justPaid = await stage.open();
    stage.channels.a.pays(attemptOf(justPaid, 1).providerRef);
    await stage.elapse(HOUR + SECOND);
    expect((await stage.read(unpaid.id)).status).toBe('closed');
    expect((await stage.read(justPaid.id)).status).toBe('succeeded');
    expect(stage.channels.a.orders.get(attemptOf(unpaid, 1).providerRef)?.state).toBe('closed');
  });
});
