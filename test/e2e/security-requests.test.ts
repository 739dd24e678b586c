import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliver } from './forger.ts';
import { anOrder, eventually, openStage, patient, type Stage } from './stage.ts';
import { ALIPAY, aTarget } from './targets.ts';

/** What a merchant's own requests must not be able to do; the rows are those of the list of others' failures. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
});
afterAll(() => stage.stop());

const url = (path: string): string => `${stage.gateway().publicUrl}${path}`;

describe('row 16: the price is the stored one', () => {
  test('the amount is fixed by the create; no later request and no page changes it', async () => {
    const order = anOrder(stage);
    const { body } = await stage.api('POST', '/v1/payments', order);
    const repeat = await stage.api('POST', '/v1/payments', { ...order, amount: 1 });
    expect(repeat).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
    await stage.api('POST', `/v1/payments/${body.id}/sync`, { amount: 1 });
    await fetch(url(`/pay/${body.id}?amount=1&total_amount=0.01`));
    await fetch(url(`/pay/${body.id}/go?amount=1`), { redirect: 'manual' });
    expect((await stage.api('GET', `/v1/payments/${body.id}`)).body.amount).toBe(1000);
    const { channel, provider_ref } = body.attempts[0];
    expect(await stage.order(channel, provider_ref)).toMatchObject({ amount: 1000 });
  });

  test.each(['1000', [1000], { minor: 1000 }, 10.5, -1, 0, 1e14, null, true, '1e3'])(
    'an amount of %j is refused, and nothing is made',
    async (amount) => {
      const order = anOrder(stage, { amount });
      const refused = await stage.api('POST', '/v1/payments', order);
      expect(refused).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
      const { body } = await stage.api('GET', `/v1/payments?merchant_order_no=${order.merchant_order_no}`);
      expect(body.data).toEqual([]);
    },
  );

  test('a second amount in the same JSON object is refused', async () => {
    const body = JSON.stringify(anOrder(stage)).replace('"amount":1000', '"amount":1000,"amount":1');
    expect(await stage.api('POST', '/v1/payments', body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_json' },
    });
  });
});

describe('row 17: what looks like SQL is text', () => {
  const INJECTION = "x' OR '1'='1'; DROP TABLE payments; --";

  test.each(['x-forwarded-for', 'x-real-ip', 'forwarded', 'x-request-id', 'user-agent', 'cookie', 'referer'])(
    'in the header %s',
    async (name) => {
      const answer = await stage.api('POST', '/v1/payments', anOrder(stage), { [name]: INJECTION });
      expect(answer.status).toBe(201);
      expect((await stage.api('GET', `/v1/payments/${answer.body.id}`)).status).toBe(200);
    },
  );

  test('in fields and filters', async () => {
    const metadata = { note: INJECTION };
    const made = await stage.api('POST', '/v1/payments', anOrder(stage, { subject: INJECTION, metadata }));
    expect(made.body).toMatchObject({ subject: INJECTION, metadata });
    for (const filter of ['merchant_order_no', 'status', 'cursor', 'created_after', 'limit']) {
      const answer = await stage.api('GET', `/v1/payments?${filter}=${encodeURIComponent(INJECTION)}`);
      expect(answer.status, filter).toBe(400);
    }
    expect((await stage.api('GET', `/v1/events?after=${encodeURIComponent(INJECTION)}`)).status).toBe(400);
    expect((await stage.api('GET', `/v1/payments/${encodeURIComponent(INJECTION)}`)).status).toBe(404);
  });
});

describe('row 22: refunds', () => {
  test('fifty at once return no more than was captured, also beside repeats of the same', async () => {
    const target = await aTarget(stage, ALIPAY);
    // Paid at the provider too: it would refuse to refund what it has not received, and what has failed is free to be asked for again.
    await stage.control(ALIPAY.channel, 'pay', { provider_ref: target.providerRef });
    await eventually(async () => (await stage.api('GET', `/v1/payments/${target.id}`)).body.status === 'succeeded');
    await stage.control(ALIPAY.channel, 'faults', { refunds: 'pending' });
    const numbers = Array.from({ length: 50 }, (_, i) => `R${i % 25}`);
    const answers = await Promise.all(
      numbers.map((merchant_refund_no) =>
        stage.api('POST', `/v1/payments/${target.id}/refunds`, { merchant_refund_no, amount: 90 }),
      ),
    );
    await stage.control(ALIPAY.channel, 'faults', {});
    const { body } = await stage.api('GET', `/v1/payments/${target.id}`);
    const held = body.refunds.filter((r: { status: string }) => r.status !== 'failed');
    expect(held.reduce((sum: number, r: { amount: number }) => sum + r.amount, 0)).toBeLessThanOrEqual(1000);
    const became = JSON.stringify(body.refunds);
    expect(new Set(answers.map(({ status }) => status)), became).toEqual(new Set([200, 201, 409]));
    expect(new Set(body.refunds.map((r: { merchant_refund_no: string }) => r.merchant_refund_no)).size).toBe(
      body.refunds.length,
    );
  });
});

describe('row 23: a repeated header is refused before anything happens', () => {
  const post = (order: Record<string, unknown>, headers: Record<string, string | string[]>) =>
    deliver(url('/v1/payments'), {
      method: 'POST',
      headers: { authorization: 'Bearer sk_sandbox_demo', 'content-type': 'application/json', ...headers },
      body: JSON.stringify(order),
    });
  const made = async ({ merchant_order_no }: Record<string, unknown>): Promise<number> =>
    (await stage.api('GET', `/v1/payments?merchant_order_no=${merchant_order_no}`)).body.data.length;

  test.each([
    ['idempotency-key', ['one', 'two'], 400],
    ['idempotency-key', ['one', 'one'], 400],
    ['authorization', ['Bearer sk_sandbox_demo', 'Bearer sk_another'], 401],
    ['authorization', ['Bearer sk_sandbox_demo', 'Bearer sk_sandbox_demo'], 401],
    ['content-type', ['application/json', 'application/json'], 400],
  ])('%s: %j', async (name, values, status) => {
    const order = anOrder(stage);
    expect((await post(order, { [name]: values })).status).toBe(status);
    expect(await made(order)).toBe(0);
  });

  test('a key that was used for another body is a conflict, also fifty times at once', async () => {
    const key = `key-${anOrder(stage).merchant_order_no}`;
    const orders = Array.from({ length: 50 }, () => anOrder(stage));
    const answers = await Promise.all(
      orders.map((order) => stage.api('POST', '/v1/payments', order, { 'idempotency-key': key })),
    );
    expect(answers.filter((a) => a.status === 201)).toHaveLength(1);
    expect(answers.filter((a) => a.status === 409 && a.body.code === 'idempotency_conflict')).toHaveLength(49);
    expect((await Promise.all(orders.map(made))).reduce((sum, count) => sum + count, 0)).toBe(1);
  });
});
