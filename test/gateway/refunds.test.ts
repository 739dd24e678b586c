import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RefundOrder } from '../../src/gateway/index.ts';
import type { Payment } from '../../src/payment/index.ts';
import { hangs, losesItsAnswer, refuses } from './scripted-channel.ts';
import { attemptOf, eventsOf, HOUR, MINUTE, openStage, SECOND, type Stage } from './stage.ts';

let stage: Stage<'a' | 'b'>;
beforeEach(async () => {
  stage = await openStage({ channels: { a: {}, b: { capabilities: ['close', 'refund'] } }, running: true });
});
afterEach(() => stage.stop());

/** A payment of 1000 that channel a has taken and the buyer has paid. */
async function paid(): Promise<Payment> {
  const payment = await stage.open();
  const attempt = attemptOf(payment, 1);
  stage.channels.a.pays(attempt.providerRef);
  await stage.callback(attempt, stage.channels.a);
  return stage.read(payment.id);
}

const order = (no: string, amountMinor: number | null = null): RefundOrder => ({
  merchantRefundNo: no,
  amountMinor,
  reason: null,
  requestHash: `${no}/${amountMinor}`,
});

const refund = (payment: Payment, wanted: RefundOrder) =>
  stage.drive(stage.gateway.refundPayment(stage.merchant, payment.id, wanted, null));

const statuses = (payment: Payment) => payment.refunds.map(({ status, amountMinor }) => `${status} ${amountMinor}`);
const returnedAtProvider = () =>
  [...stage.channels.a.refunds.values()].reduce((sum, r) => (r.state === 'failed' ? sum : sum + r.amountMinor), 0);

describe('a refund', () => {
  test('of the whole payment is answered when the channel has made it, and told by one event', async () => {
    const payment = await paid();
    const made = await refund(payment, order('R1'));
    expect(made).toMatchObject({
      ok: true,
      value: { repeat: false, refund: { status: 'succeeded', amountMinor: 1_000 } },
    });
    const after = await stage.read(payment.id);
    expect(after.status).toBe('refunded');
    expect(eventsOf(after)).toEqual(['payment.succeeded', 'refund.succeeded']);
    await stage.elapse();
    const told = stage.shop.requests.map(({ body }) => JSON.parse(body));
    expect(told.at(-1)).toMatchObject({
      type: 'refund.succeeded',
      data: { status: 'refunded', amount_refunded: 1_000, refund: { merchant_refund_no: 'R1', amount: 1_000 } },
    });
  });

  test('in parts ends in a fully refunded payment, and no further part is taken', async () => {
    const payment = await paid();
    for (const [no, minor] of [
      ['R1', 300],
      ['R2', 300],
      ['R3', 400],
    ] as const)
      await refund(payment, order(no, minor));
    expect((await stage.read(payment.id)).status).toBe('refunded');
    expect(await refund(payment, order('R4', 1))).toMatchObject({
      ok: false,
      error: { code: 'refund_exceeds_amount' },
    });
    expect(await refund(payment, order('R5'))).toMatchObject({ ok: false, error: { code: 'refund_exceeds_amount' } });
    expect(returnedAtProvider()).toBe(1_000);
  });

  test('under the same number is the same refund; with other content it is a conflict', async () => {
    const payment = await paid();
    const first = await refund(payment, order('R1', 200));
    expect(await refund(payment, order('R1', 200))).toMatchObject({
      ok: true,
      value: { repeat: true, refund: { id: first.ok ? first.value.refund.id : '' } },
    });
    expect(await refund(payment, order('R1', 300))).toMatchObject({
      ok: false,
      error: { code: 'idempotency_conflict' },
    });
    expect(returnedAtProvider()).toBe(200);
  });

  test('asked for a hundred times at once never exceeds what was captured (I6)', async () => {
    const payment = await paid();
    const asked = Array.from({ length: 100 }, (_, i) =>
      stage.gateway.refundPayment(stage.merchant, payment.id, order(`R${i}`, 30), null),
    );
    const answers = await stage.drive(Promise.all(asked));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(33);
    expect(answers.flatMap((a) => (a.ok ? [] : [a.error.code]))).toEqual(Array(67).fill('refund_exceeds_amount'));
    expect(returnedAtProvider()).toBe(990);
    expect((await stage.read(payment.id)).status).toBe('partially_refunded');
  });

  test('of an unpaid payment is refused without asking anybody', async () => {
    const payment = await stage.open();
    expect(await refund(payment, order('R1'))).toMatchObject({ ok: false, error: { code: 'invalid_state' } });
    expect(stage.channels.a.count('refund')).toBe(0);
  });

  test('of a part is refused where the channel refunds only whole payments', async () => {
    const payment = await stage.open({ pinnedChannelId: 'b' });
    const attempt = attemptOf(payment, 1);
    stage.channels.b.pays(attempt.providerRef);
    await stage.callback(attempt, stage.channels.b);
    expect(await refund(payment, order('R1', 1))).toMatchObject({ ok: false, error: { code: 'invalid_state' } });
    expect(await refund(payment, order('R2'))).toMatchObject({ ok: true, value: { refund: { status: 'succeeded' } } });
  });
});

describe('a refund that the channel decides later', () => {
  test('is pending, and becomes known by its callback', async () => {
    stage.channels.a.refundsBecome = 'pending';
    const payment = await paid();
    const made = await refund(payment, order('R1', 400));
    if (!made.ok) throw new Error(made.error.detail);
    expect(made.value.refund.status).toBe('pending');
    const { refundRef } = made.value.refund;
    const known = stage.channels.a.refunds.get(refundRef);
    if (!known) throw new Error('the channel has no such refund');
    known.state = 'succeeded';
    const attempt = attemptOf(payment, 1);
    const answer = () =>
      stage.drive(stage.gateway.receiveCallback('a', attempt.callbackToken, stage.channels.a.refundNotice(refundRef)));
    expect((await answer()).body).toBe('SUCCESS');
    expect((await answer()).body).toBe('SUCCESS');
    const after = await stage.read(payment.id);
    expect(after.status).toBe('partially_refunded');
    expect(eventsOf(after)).toEqual(['payment.succeeded', 'refund.succeeded']);
  });

  test('becomes known by asking when no callback comes', async () => {
    stage.channels.a.refundsBecome = 'pending';
    const payment = await paid();
    await refund(payment, order('R1'));
    for (const known of stage.channels.a.refunds.values()) known.state = 'succeeded';
    await stage.elapse(MINUTE);
    expect((await stage.read(payment.id)).status).toBe('refunded');
    expect(stage.channels.a.count('refund')).toBe(1);
  });

  test('and then fails frees its amount for another', async () => {
    stage.channels.a.refundsBecome = 'pending';
    const payment = await paid();
    await refund(payment, order('R1'));
    for (const known of stage.channels.a.refunds.values()) known.state = 'failed';
    await stage.elapse(MINUTE);
    const failed = await stage.read(payment.id);
    expect(failed.status).toBe('succeeded');
    expect(eventsOf(failed)).toEqual(['payment.succeeded', 'refund.failed']);
    stage.channels.a.refundsBecome = 'succeeded';
    expect(await refund(payment, order('R2'))).toMatchObject({ ok: true, value: { refund: { status: 'succeeded' } } });
  });

  test.each(['account', 'amount'] as const)('is not believed when its callback names another %s', async (what) => {
    stage.channels.a.refundsBecome = 'pending';
    const payment = await paid();
    await refund(payment, order('R1'));
    const [refundRef = ''] = stage.channels.a.refunds.keys();
    const other = what === 'account' ? { account: 'other' } : { amount: { minor: 1, currency: 'CNY' } };
    const raw = stage.channels.a.refundNotice(refundRef, { state: 'succeeded', ...other });
    const { callbackToken } = attemptOf(payment, 1);
    expect((await stage.drive(stage.gateway.receiveCallback('a', callbackToken, raw))).body).toBe('FAIL');
    expect((await stage.read(payment.id)).refunds[0]?.status).toBe('pending');
  });
});

describe('a refund whose answer is lost', () => {
  test.each([
    ['its answer gets lost', losesItsAnswer],
    ['the channel hangs', hangs],
  ])('because %s is sent again under the same number, and money moves once', async (_what, reply) => {
    const payment = await paid();
    stage.channels.a.next('refund', reply);
    const made = await refund(payment, order('R1'));
    expect(made).toMatchObject({ ok: true, value: { refund: { status: 'pending' } } });
    await stage.elapse(20 * SECOND);
    const after = await stage.read(payment.id);
    expect(statuses(after)).toEqual(['succeeded 1000']);
    expect(returnedAtProvider()).toBe(1_000);
    expect(new Set(stage.channels.a.asked.flatMap((c) => (c.operation === 'refund' ? [c.providerRef] : []))).size).toBe(
      1,
    );
  });

  test('and is then "refused" is looked up before anybody believes it', async () => {
    const payment = await paid();
    stage.channels.a.next('refund', losesItsAnswer, refuses('INVALID_REQUEST'));
    await refund(payment, order('R1'));
    await stage.elapse(20 * SECOND);
    expect(statuses(await stage.read(payment.id))).toEqual(['succeeded 1000']);
  });

  test('survives the death of the process that had recorded it', async () => {
    const payment = await paid();
    stage.channels.a.always('refund', hangs);
    await refund(payment, order('R1'));
    stage = await stage.crash();
    stage.channels.a.always('refund', null);
    await stage.elapse(MINUTE);
    expect(statuses(await stage.read(payment.id))).toEqual(['succeeded 1000']);
    expect(returnedAtProvider()).toBe(1_000);
  });
});

describe('a refund that is refused', () => {
  test('for good fails at once and is told', async () => {
    const payment = await paid();
    stage.channels.a.next('refund', refuses('DECLINED', { providerCode: 'ACCOUNT_CLOSED' }));
    const made = await refund(payment, order('R1'));
    expect(made).toMatchObject({
      ok: true,
      value: { refund: { status: 'failed', error: { kind: 'DECLINED', providerCode: 'ACCOUNT_CLOSED' } } },
    });
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded', 'refund.failed']);
  });

  test('because our account is empty stays pending and is made when there is money', async () => {
    const payment = await paid();
    stage.channels.a.always('refund', refuses('INSUFFICIENT_BALANCE'));
    await refund(payment, order('R1'));
    await stage.elapse(HOUR);
    expect(statuses(await stage.read(payment.id))).toEqual(['pending 1000']);
    stage.channels.a.always('refund', null);
    await stage.elapse(7 * HOUR);
    expect(statuses(await stage.read(payment.id))).toEqual(['succeeded 1000']);
  });
});

describe('money that should not have come', () => {
  /** The first attempt got lost, the second one is paid, and then the buyer pays the first one too. */
  async function surplus(): Promise<Payment> {
    stage.channels.a.next('create', losesItsAnswer);
    stage.channels.a.always('close', refuses('CHANNEL_UNAVAILABLE'));
    const payment = await stage.open();
    const [first, second] = [attemptOf(payment, 1), attemptOf(payment, 2)];
    stage.channels.b.pays(second.providerRef);
    await stage.callback(second, stage.channels.b);
    stage.channels.a.pays(first.providerRef);
    await stage.callback(first, stage.channels.a);
    return stage.read(payment.id);
  }

  test('goes back by itself, and the payment that counts stays paid', async () => {
    const payment = await surplus();
    await stage.elapse();
    const after = await stage.read(payment.id);
    expect(after.status).toBe('succeeded');
    expect(after.refunds).toMatchObject([
      { cause: 'surplus', status: 'succeeded', attemptSeq: 1, merchantRefundNo: null },
    ]);
    expect(returnedAtProvider()).toBe(1_000);
    expect(eventsOf(after)).toEqual(['payment.succeeded', 'refund.succeeded']);
  });

  test('is sent back again and again until it is done', async () => {
    stage.channels.a.refundsBecome = 'failed';
    const payment = await surplus();
    await stage.elapse();
    await stage.elapse(2 * MINUTE);
    await stage.elapse(11 * MINUTE);
    expect((await stage.read(payment.id)).refunds.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
    stage.channels.a.refundsBecome = 'succeeded';
    await stage.elapse(2 * HOUR);
    const after = await stage.read(payment.id);
    expect(after.refunds.at(-1)?.status).toBe('succeeded');
    expect(after.nextDueAt).toBeNull();
    expect(returnedAtProvider()).toBe(1_000);
  });
});
