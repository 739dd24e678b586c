import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anOrder, eventually, openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  // What the first payments teach moves the channels by more than a tenth of a per cent of fee keeps them apart.
  stage = await openStage({ editConfig: (yaml) => yaml.replace('rate: 0.7%', 'rate: 5%') });
});
afterAll(() => stage.stop());

describe('a payment goes end to end', () => {
  test.each([
    ['alipay', 'qr', 'qr_code'],
    ['alipay', 'redirect', 'redirect'],
    ['alipay', 'wap', 'redirect'],
    ['wechatpay', 'qr', 'qr_code'],
    ['wechatpay', 'wap', 'redirect'],
    ['wechatpay', 'redirect', 'redirect'],
    ['card', 'redirect', 'redirect'],
    ['card', 'inapp', 'client_secret'],
  ])('%s by %s: created with a %s, paid, and the shop hears it once, signed', async (method, scene, action) => {
    const customer = { ip: '203.0.113.7', email: 'buyer@example.com' };
    const created = await stage.api('POST', '/v1/payments', anOrder(stage, { methods: [method], scene, customer }));
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      object: 'payment',
      status: 'pending',
      method,
      amount: 1000,
      action: { type: action },
    });
    const [attempt] = created.body.attempts;
    expect(attempt).toMatchObject({ seq: 1, status: 'open', error_code: null });

    const paid = await stage.control(attempt.channel, 'pay', { provider_ref: attempt.provider_ref });
    expect(paid.status).toBe(200);
    const event = await eventually(() => stage.shop.eventsOf(created.body.id)[0]);
    expect(event).toMatchObject({ type: 'payment.succeeded', verified: true });
    expect(event.headers['webhook-id']).toBe(event.id);
    expect(event.data).toMatchObject({ status: 'succeeded', amount: 1000, currency: 'CNY' });

    const now = await stage.api('GET', `/v1/payments/${created.body.id}`);
    expect(now.body).toMatchObject({ status: 'succeeded', action: { type: 'none' } });
    expect(now.body.paid_at).not.toBeNull();
    await eventually(async () => (await stage.order(attempt.channel, attempt.provider_ref))?.callbacks_acked);
    expect(stage.shop.eventsOf(created.body.id)).toHaveLength(1);
  });

  test('what the decision rested on is kept and can be read', async () => {
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
    const routing = await stage.api('GET', `/v1/payments/${body.id}/routing`);
    const [decision] = routing.body.data;
    expect(decision).toMatchObject({ attempt: 1, channel: 'alipay-main', position: 'first' });
    expect(decision.explanation).toContain('alipay-main over alipay-backup');
    const excluded = Object.fromEntries(
      decision.candidates.map((c: { channel: string; excluded: string }) => [c.channel, c.excluded]),
    );
    expect(excluded).toMatchObject({
      'alipay-main': null,
      'alipay-backup': null,
      'wechatpay-main': 'method',
      'stripe-main': 'method',
    });
  });

  test('a quote tells what would be chosen and makes nothing', async () => {
    const { merchant_order_no: _no, ...request } = anOrder(stage);
    const quote = await stage.api('POST', '/v1/routing/quote', request);
    expect(quote.body.channel).toBe('alipay-main');
    expect(quote.body.candidates.find((c: { channel: string }) => c.channel === 'alipay-main')).toMatchObject({
      fee: 6,
      excluded: null,
    });
  });

  test('an event that the shop refuses is sent again under the same id with the same body', async () => {
    stage.shop.answerWith({ status: 500 });
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
    const { channel, provider_ref } = body.attempts[0];
    await stage.control(channel, 'pay', { provider_ref });
    const first = await eventually(() => stage.shop.eventsOf(body.id)[0]);
    stage.shop.answerWith({ status: 200, body: '{"fulfilment":"delivered"}' });
    const asked = await stage.api('POST', `/v1/events/${first.id}/redeliver`, {});
    expect(asked.status).toBeLessThan(300);
    const second = await eventually(() => stage.shop.eventsOf(body.id)[1]);
    expect(second.id).toBe(first.id);
    expect(second.body).toBe(first.body);
    expect(second.verified).toBe(true);
    await eventually(async () => (await stage.api('GET', `/v1/payments/${body.id}`)).body.fulfilment === 'delivered');
    stage.shop.answerWith({ status: 200 });
  });

  test('events can be listed, oldest first, also by a shop without an address', async () => {
    const { notify_url: _url, ...order } = anOrder(stage);
    const { body } = await stage.api('POST', '/v1/payments', order);
    const { channel, provider_ref } = body.attempts[0];
    await stage.control(channel, 'pay', { provider_ref });
    const mine = await eventually(async () => {
      const { body: page } = await stage.api('GET', '/v1/events?limit=100');
      return page.data.find((e: { data: { id: string } }) => e.data.id === body.id);
    });
    expect(mine).toMatchObject({ type: 'payment.succeeded' });
  });

  test('a lost callback is made up for by asking', async () => {
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
    const { channel, provider_ref } = body.attempts[0];
    await stage.control(channel, 'pay', { provider_ref, callback: 'drop' });
    const synced = await stage.api('POST', `/v1/payments/${body.id}/sync`, {});
    expect(synced.body.status).toBe('succeeded');
    const lost = await stage.api('POST', '/v1/payments', anOrder(stage));
    await stage.control(channel, 'pay', { provider_ref: lost.body.attempts[0].provider_ref, callback: 'drop' });
    const event = await eventually(() => stage.shop.eventsOf(lost.body.id)[0], 15_000);
    expect(event.type).toBe('payment.succeeded');
  });

  test('closing an unpaid payment closes it at the provider and tells the shop', async () => {
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage, { methods: ['wechatpay'] }));
    const { channel, provider_ref } = body.attempts[0];
    const closed = await stage.api('POST', `/v1/payments/${body.id}/close`, {});
    expect(closed.body).toMatchObject({ status: 'closed', action: { type: 'none' } });
    expect(await stage.order(channel, provider_ref)).toMatchObject({ status: 'closed' });
    const event = await eventually(() => stage.shop.eventsOf(body.id)[0]);
    expect(event.type).toBe('payment.closed');
  });

  test('a payment that was paid first is not closed', async () => {
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage, { methods: ['wechatpay'] }));
    const { channel, provider_ref } = body.attempts[0];
    await stage.control(channel, 'pay', { provider_ref, callback: 'drop' });
    const refused = await stage.api('POST', `/v1/payments/${body.id}/close`, {});
    expect(refused.status).toBe(409);
    expect(refused.body.code).toBe('invalid_state');
    expect((await stage.api('GET', `/v1/payments/${body.id}`)).body.status).toBe('succeeded');
  });
});

describe('the same order twice', () => {
  test('fifty times at once is one payment and one order at the provider', async () => {
    const order = anOrder(stage);
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.api('POST', '/v1/payments', order)));
    expect(new Set(answers.map((a) => a.body.id)).size).toBe(1);
    expect(answers.filter((a) => a.status === 201)).toHaveLength(1);
    expect(answers.filter((a) => a.status === 200)).toHaveLength(49);
    expect(answers.every((a) => a.body.action.type === 'qr_code')).toBe(true);
    const { data } = (await stage.control('alipay-main', 'orders')).body;
    const suffix = answers[0]?.body.id.slice(4);
    expect(data.filter((o: { provider_ref: string }) => o.provider_ref.startsWith(suffix))).toHaveLength(1);
  });

  test('with another body is a conflict, and changes nothing', async () => {
    const order = anOrder(stage);
    const first = await stage.api('POST', '/v1/payments', order);
    const second = await stage.api('POST', '/v1/payments', { ...order, amount: 1001 });
    expect(second).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
    expect((await stage.api('GET', `/v1/payments/${first.body.id}`)).body.amount).toBe(1000);
  });

  test('an Idempotency-Key that was used for something else is a conflict', async () => {
    const key = { 'idempotency-key': `key-${Math.trunc(performance.now() * 1000)}` };
    const order = anOrder(stage);
    const first = await stage.api('POST', '/v1/payments', order, key);
    const repeat = await stage.api('POST', '/v1/payments', order, key);
    expect([first.status, repeat.status]).toEqual([201, 200]);
    expect(repeat.body.id).toBe(first.body.id);
    const other = await stage.api('POST', '/v1/payments', anOrder(stage), key);
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
  });
});
