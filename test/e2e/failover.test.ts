import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOrder, eventually, openStage, patient, type Stage } from './stage.ts';

let stage: Stage;
/** Without the weight of latency, so that a busy machine does not decide which of two like channels is better. */
const steady = (yaml: string): string => yaml.replace('latency: 10', 'latency: 0');

afterEach(() => stage.stop());

const CREATE_BREAKER = 'switchyard_channel_breaker_state{channel="alipay-main",operation="create"}';

async function createMany(count: number, set: Readonly<Record<string, unknown>> = {}) {
  const answers = [];
  for (let i = 0; i < count; i += 1) answers.push(await stage.api('POST', '/v1/payments', anOrder(stage, set)));
  return answers;
}

describe('a channel that is out', () => {
  // Its calls are refused at once. A busy machine must not make slow answers of the others lost ones.
  beforeEach(async () => {
    stage = await openStage({ editConfig: (yaml) => patient(steady(yaml)) });
  });

  test.each(['qr', 'redirect', 'wap'])('is left: 100 of 100 payments by %s go over the backup', async (scene) => {
    await stage.control('alipay-main', 'faults', { outage: true });
    const answers = await createMany(100, { scene });
    expect(answers.map((a) => a.status)).toEqual(Array(100).fill(201));
    expect(answers.every((a) => a.body.channel === 'alipay-backup' && a.body.action.type !== 'none')).toBe(true);
  });

  test('opens its breaker without any traffic, and gets its traffic back after the outage', async () => {
    await stage.control('alipay-main', 'faults', { outage: true });
    await eventually(async () => (await stage.metric(CREATE_BREAKER)) === 2, 15_000);
    // The backup proves itself with every one of these; that must not keep the traffic there.
    const [meanwhile] = await createMany(40);
    expect(meanwhile?.body.attempts).toHaveLength(1);
    expect(meanwhile?.body.channel).toBe('alipay-backup');
    const { body } = await stage.api('GET', `/v1/payments/${meanwhile?.body.id}/routing`);
    expect(body.data[0].candidates.find((c: { channel: string }) => c.channel === 'alipay-main').excluded).toBe(
      'breaker_open',
    );

    await stage.control('alipay-main', 'faults', {});
    await eventually(async () => (await stage.metric(CREATE_BREAKER)) === 0, 10_000);
    const after = await createMany(10);
    expect(after.map(({ body }) => body.channel)).toEqual(Array(10).fill('alipay-main'));
  });

  test('with all others out as well is answered by 503 and Retry-After, and the same request succeeds later', async () => {
    for (const channel of ['alipay-main', 'alipay-backup']) await stage.control(channel, 'faults', { outage: true });
    const order = anOrder(stage);
    const refused = await stage.api('POST', '/v1/payments', order);
    expect(refused).toMatchObject({ status: 503, body: { code: 'no_channel_available' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const channel of ['alipay-main', 'alipay-backup']) await stage.control(channel, 'faults', {});
    const taken = await eventually(async () => {
      const again = await stage.api('POST', '/v1/payments', order);
      return again.status < 300 && again.body.action.type === 'qr_code' ? again : undefined;
    }, 15_000);
    const { channel, provider_ref } = taken.body.attempts.at(-1);
    await stage.control(channel, 'pay', { provider_ref });
    expect((await eventually(() => stage.shop.eventsOf(taken.body.id)[0])).type).toBe('payment.succeeded');
  });

  test('is not blamed for buyers who do not pay or whose cards are declined', async () => {
    const answers = await createMany(15, { methods: ['card'], scene: 'redirect' });
    for (const { body } of answers) {
      const { channel, provider_ref } = body.attempts[0];
      await stage.control(channel, 'fail', { provider_ref });
    }
    const [next] = await createMany(1, { methods: ['card'], scene: 'redirect' });
    expect(next?.body).toMatchObject({ status: 'pending', channel: 'stripe-main' });
    expect(await stage.metric('switchyard_channel_breaker_state{channel="stripe-main",operation="create"}')).toBe(0);
  });
});

describe('a channel that takes the order and does not answer', () => {
  beforeEach(async () => {
    stage = await openStage({ editConfig: steady });
  });

  test('is recorded as unknown while the payment goes on over the next one', async () => {
    await stage.control('alipay-main', 'faults', { timeout_after_create_rate: 1 });
    const { status, body } = await stage.api('POST', '/v1/payments', anOrder(stage));
    expect(status).toBe(201);
    expect(body.attempts.map((a: { channel: string; status: string }) => [a.channel, a.status])).toEqual([
      ['alipay-main', 'unknown'],
      ['alipay-backup', 'open'],
    ]);
    expect(body.channel).toBe('alipay-backup');
    expect(await stage.metric('switchyard_payments_unknown')).toBe(1);
  });

  test('has its order found and closed at the provider where that is possible', async () => {
    const yaml = (text: string) =>
      text.replace(
        '  stripe-main:',
        '  wechatpay-backup:\n    provider: wechatpay\n    mode: sandbox\n    methods: [wechatpay]\n    currencies: [CNY]\n    scenes: [qr]\n    fee: { rate: 0.9% }\n    timeouts: { create: 400ms, query: 400ms, refund: 5s }\n\n  stripe-main:',
      );
    const other = await openStage({ editConfig: yaml });
    try {
      await other.control('wechatpay-main', 'faults', { timeout_after_create_rate: 1 });
      const { body } = await other.api('POST', '/v1/payments', anOrder(other, { methods: ['wechatpay'] }));
      expect(body.channel).toBe('wechatpay-backup');
      const [lost] = body.attempts;
      await eventually(async () => (await other.order('wechatpay-main', lost.provider_ref))?.status === 'closed');
      const now = await eventually(async () => {
        const answer = await other.api('GET', `/v1/payments/${body.id}`);
        return answer.body.attempts[0].status === 'closed' ? answer : undefined;
      });
      expect(now.body).toMatchObject({ status: 'pending', channel: 'wechatpay-backup' });
    } finally {
      await other.stop();
    }
  });

  test('and is paid all the same, beside its successor: one counts, the other is found as surplus', async () => {
    await stage.control('alipay-main', 'faults', { timeout_after_create_rate: 1 });
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
    const [lost, open] = body.attempts;
    await stage.control('alipay-backup', 'pay', { provider_ref: open.provider_ref });
    await eventually(() => stage.shop.eventsOf(body.id)[0]);
    await stage.control('alipay-main', 'pay', { provider_ref: lost.provider_ref });
    const now = await eventually(async () => {
      const answer = await stage.api('GET', `/v1/payments/${body.id}`);
      return answer.body.attempts[0].status === 'succeeded' ? answer : undefined;
    });
    expect(now.body.status).toBe('succeeded');
    expect(now.body.attempts.map((a: { effect: string }) => a.effect)).toEqual(['surplus', 'effective']);
    expect(await stage.metric('switchyard_surplus_payments_total{channel="alipay-main"}')).toBe(1);
    const told = await eventually(() => {
      const events = stage.shop.eventsOf(body.id);
      return events.length === 2 && events;
    });
    expect(told.map(({ type }) => type)).toEqual(['payment.succeeded', 'refund.succeeded']);
    expect(told[1]?.data).toMatchObject({ status: 'succeeded', amount_refunded: 0, refund: { cause: 'surplus' } });
    expect((await stage.order('alipay-main', lost.provider_ref))?.refunds).toMatchObject([
      { amount: 1000, status: 'succeeded' },
    ]);
  });
});
