import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, anOrder, call, eventually, openStage, patient, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
});
afterAll(() => stage.stop());

const METHODS = ['alipay', 'wechatpay', 'card'] as const;

/** A payment of 1000 that is paid and known to be. */
async function aPaidPayment(method: string, set: Record<string, unknown> = {}): Promise<Answer['body']> {
  const scene = method === 'card' ? 'redirect' : 'qr';
  const { body } = await stage.api('POST', '/v1/payments', anOrder(stage, { methods: [method], scene, ...set }));
  const [attempt] = body.attempts;
  await stage.control(attempt.channel, 'pay', { provider_ref: attempt.provider_ref });
  return eventually(() => looksLike(body.id, 'succeeded'));
}

async function looksLike(id: string, status: string): Promise<Answer['body']> {
  const { body } = await stage.api('GET', `/v1/payments/${id}`);
  return body.status === status && body;
}

const refund = (id: string, body: Record<string, unknown>) => stage.api('POST', `/v1/payments/${id}/refunds`, body);

const atProvider = async (payment: Answer['body'], attempt = 0) => {
  const { channel, provider_ref: ref } = payment.attempts[attempt];
  return ((await stage.order(channel, ref))?.refunds ?? []) as { refund_no: string; amount: number; status: string }[];
};

const channelOf = (payment: Answer['body']): string => payment.attempts[0].channel;

describe.each(METHODS)('a refund by %s', (method) => {
  test('in parts: the shop hears of each once, and provider and gateway agree', async () => {
    const payment = await aPaidPayment(method);
    const first = await refund(payment.id, { merchant_refund_no: 'R1', amount: 300, reason: 'one key too many' });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ object: 'refund', amount: 300, cause: 'merchant', channel: channelOf(payment) });
    expect(
      (await refund(payment.id, { merchant_refund_no: 'R1', amount: 300, reason: 'one key too many' })).status,
    ).toBe(200);
    await eventually(() => looksLike(payment.id, 'partially_refunded'));
    await refund(payment.id, { merchant_refund_no: 'R2' });
    const after = await eventually(() => looksLike(payment.id, 'refunded'));
    expect(after).toMatchObject({ amount_refunded: 1_000, refunds: [{ amount: 300 }, { amount: 700 }] });
    expect(await atProvider(payment)).toMatchObject([
      { amount: 300, status: 'succeeded' },
      { amount: 700, status: 'succeeded' },
    ]);
    const told = await eventually(() => {
      const events = stage.shop.eventsOf(payment.id);
      return events.length === 3 && events;
    });
    expect(told.map(({ type }) => type)).toEqual(['payment.succeeded', 'refund.succeeded', 'refund.succeeded']);
    expect(told.map(({ data }) => data.refund?.merchant_refund_no)).toEqual([undefined, 'R1', 'R2']);
    const seen = await stage.api('GET', `/v1/payments/${payment.id}/refunds/${first.body.id}`);
    expect(seen.body).toMatchObject({ id: first.body.id, status: 'succeeded' });
  });

  test('asked for a hundred times at once moves no more than was captured (I6)', async () => {
    const payment = await aPaidPayment(method);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => refund(payment.id, { merchant_refund_no: `R${i}`, amount: 70 })),
    );
    const taken = answers.filter(({ status }) => status === 201);
    expect(taken).toHaveLength(14);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
      new Set(['409 refund_exceeds_amount']),
    );
    const done = await eventually(async () => {
      const { body } = await stage.api('GET', `/v1/payments/${payment.id}`);
      return body.amount_refunded === 980 && body;
    });
    expect(done.status).toBe('partially_refunded');
    expect((await atProvider(payment)).reduce((sum, r) => sum + r.amount, 0)).toBe(980);
  });

  test('that the provider decides later is pending, and known when it has decided', async () => {
    const payment = await aPaidPayment(method);
    const channel = channelOf(payment);
    await stage.control(channel, 'faults', { refunds: 'pending' });
    const [good, bad] = [
      await refund(payment.id, { merchant_refund_no: 'R1', amount: 400 }),
      await refund(payment.id, { merchant_refund_no: 'R2', amount: 600 }),
    ];
    await stage.control(channel, 'faults', {});
    expect([good?.body.status, bad?.body.status]).toEqual(['pending', 'pending']);
    expect((await refund(payment.id, { merchant_refund_no: 'R3', amount: 1 })).body.code).toBe('refund_exceeds_amount');
    const [first, second] = await atProvider(payment);
    await stage.control(channel, 'refunds', { refund_no: first?.refund_no, outcome: 'succeeded' });
    await stage.control(channel, 'refunds', { refund_no: second?.refund_no, outcome: 'failed' });
    const decided = await eventually(async () => {
      const { body } = await stage.api('POST', `/v1/payments/${payment.id}/sync`);
      return body.refunds.every((r: { status: string }) => r.status !== 'pending') && body;
    }, 30_000);
    expect(decided).toMatchObject({
      status: 'partially_refunded',
      amount_refunded: 400,
      refunds: [{ status: 'succeeded' }, { status: 'failed' }],
    });
    // What failed is free again.
    expect((await refund(payment.id, { merchant_refund_no: 'R4', amount: 600 })).status).toBe(201);
    await eventually(() => looksLike(payment.id, 'refunded'));
  }, 60_000);

  test('whose answer never comes is made once', async () => {
    const payment = await aPaidPayment(method);
    const channel = channelOf(payment);
    await stage.control(channel, 'faults', { timeout_after_refund_rate: 1, drop_callbacks: 1 });
    const sent = await refund(payment.id, { merchant_refund_no: 'R1' });
    expect(sent.body.status).toBe('pending');
    await stage.control(channel, 'faults', {});
    await eventually(async () => {
      await stage.api('POST', `/v1/payments/${payment.id}/sync`);
      return looksLike(payment.id, 'refunded');
    }, 30_000);
    expect(await atProvider(payment)).toMatchObject([{ amount: 1_000, status: 'succeeded' }]);
  }, 60_000);
});

test('a refund of somebody else is not found, and one of an unpaid payment is refused', async () => {
  const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
  expect((await refund(body.id, { merchant_refund_no: 'R1' })).body).toMatchObject({
    status: 409,
    code: 'invalid_state',
  });
  const foreign = await stage.api(
    'POST',
    `/v1/payments/${body.id}/refunds`,
    { merchant_refund_no: 'R1' },
    {
      authorization: 'Bearer sk_nobody_at_all_here',
    },
  );
  expect(foreign.status).toBe(401);
});

test('an Idempotency-Key that was used for another refund is a conflict', async () => {
  const payment = await aPaidPayment('alipay');
  const key = { 'idempotency-key': `key-${payment.id}` };
  const path = `/v1/payments/${payment.id}/refunds`;
  expect((await stage.api('POST', path, { merchant_refund_no: 'R1', amount: 1 }, key)).status).toBe(201);
  expect((await stage.api('POST', path, { merchant_refund_no: 'R1', amount: 1 }, key)).status).toBe(200);
  expect((await stage.api('POST', path, { merchant_refund_no: 'R2', amount: 1 }, key)).body.code).toBe(
    'idempotency_conflict',
  );
});

describe('another amount than asked for', () => {
  /** The buyer pays 900 of 1000; the callback says so, and so does the provider when it is asked. */
  async function aHeldPayment(): Promise<Answer['body']> {
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
    const [attempt] = body.attempts;
    await stage.control(attempt.channel, 'pay', { provider_ref: attempt.provider_ref, amount: 900 });
    return eventually(() => looksLike(body.id, 'review'));
  }
  const decide = (id: string, word: string, headers: Record<string, string> = {}) =>
    call('POST', `${stage.gateway().adminUrl}/admin/payments/${id}/${word}`, {}, headers);

  test('is held, and counts when an operator keeps it', async () => {
    const payment = await aHeldPayment();
    expect(payment).toMatchObject({
      status_reason: 'amount_mismatch',
      action: { type: 'none' },
      attempts: [{ status: 'succeeded', effect: 'mismatch', amount_paid: 900, disposition: 'hold' }],
    });
    expect(await stage.metric('switchyard_payments_held')).toBe(1);
    expect((await decide(payment.id, 'keep')).body).toMatchObject({ status: 'succeeded', held: false });
    await eventually(() => stage.shop.eventsOf(payment.id)[0]?.type === 'payment.succeeded');
    expect((await decide(payment.id, 'return')).status).toBe(409);
    expect(await stage.metric('switchyard_payments_held')).toBe(0);
  });

  test('goes back when an operator returns it', async () => {
    const payment = await aHeldPayment();
    expect((await decide(payment.id, 'return')).body).toMatchObject({ status: 'failed' });
    const after = await eventually(async () => {
      const { body } = await stage.api('GET', `/v1/payments/${payment.id}`);
      return body.refunds[0]?.status === 'succeeded' && body;
    });
    expect(after.refunds).toMatchObject([{ cause: 'mismatch', amount: 900, merchant_refund_no: null }]);
    expect(await atProvider(payment)).toMatchObject([{ amount: 900, status: 'succeeded' }]);
  });

  test('is decided by nobody who merely opens a page in the operator’s browser', async () => {
    const payment = await aHeldPayment();
    const form = await fetch(`${stage.gateway().adminUrl}/admin/payments/${payment.id}/keep`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=b',
    });
    expect(form.status).toBe(415);
    expect((await stage.api('GET', `/v1/payments/${payment.id}`)).body.status).toBe('review');
  });
});

test('a lost callback is found by asking, and the metrics tell which way payments became known', async () => {
  const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
  const [attempt] = body.attempts;
  await stage.control(attempt.channel, 'pay', { provider_ref: attempt.provider_ref, callback: 'drop' });
  await eventually(() => looksLike(body.id, 'succeeded'), 20_000);
  const count = (by: string) =>
    stage.metric(`switchyard_payment_known_seconds_count{channel="${attempt.channel}",by="${by}"}`);
  expect(await count('query')).toBeGreaterThanOrEqual(1);
  await aPaidPayment('alipay');
  expect(await count('callback')).toBeGreaterThanOrEqual(1);
}, 30_000);
