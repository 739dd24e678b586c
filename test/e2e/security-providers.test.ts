import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROVIDERS } from '../../channels/index.ts';
import { type SandboxHost, startSandboxHost } from '../../src/channel/sandbox/index.ts';
import { money } from '../../src/payment/index.ts';
import { eventually, openStage, patient, type Stage } from './stage.ts';
import { ALIPAY, anomalies, aTarget, expectUntouched, LINES, refusals, type Target, WECHAT } from './targets.ts';

/** What a provider itself says wrongly, or says to the wrong one; everything goes over the wire between real parts. */
let stage: Stage;
let stranger: SandboxHost;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
  stranger = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    channels: LINES.map(({ channel }) => ({ id: channel, provider: providerOf(channel) })),
    publicUrl: () => stage.gateway().publicUrl,
    dataDir: null,
    now: Date.now,
    randomBytes,
    random: Math.random,
    retryTimeFactor: 1,
    onError: () => {},
  });
});
afterAll(async () => {
  await stranger.close();
  await stage.stop();
});

function providerOf(channel: string) {
  const found = PROVIDERS.find(({ id }) => channel.startsWith(id));
  if (!found) throw new Error(`no provider for ${channel}`);
  return found;
}

const pay = (target: Target, how: Record<string, unknown> = {}) =>
  stage.control(target.line.channel, 'pay', { provider_ref: target.providerRef, ...how });

describe.each(LINES)('$channel', (line) => {
  test('row 3: a foreign account of the same provider takes our order number, is paid and calls us: refused', async () => {
    const target = await aTarget(stage, line);
    const provider = providerOf(line.channel);
    const credentials = provider.configSchema.parse(stranger.credentials(line.channel));
    const adapter = provider.openAdapter(credentials, { now: Date.now, randomBytes, record: () => {} });
    const { providerRef } = target;
    const created = await adapter.create(
      {
        providerRef,
        amount: money(1000, 'CNY'),
        method: line.method,
        scene: line.scene === 'qr' ? 'qr' : 'redirect',
        subject: 'Game key',
        expiresAt: Date.now() + 3_600_000,
        callbackUrl: target.url,
        returnUrl: 'http://127.0.0.1/',
        buyer: { ip: null },
      },
      AbortSignal.timeout(5_000),
    );
    expect(created.ok).toBe(true);
    const before = await refusals(stage, line.channel);
    expect((await stranger.control.pay(line.channel, { providerRef })).ok).toBe(true);
    await eventually(async () => (await refusals(stage, line.channel)) > before);
    await expectUntouched(stage, target);
    const books = stranger.control.orders(line.channel, providerRef);
    expect(books.ok && books.value[0]?.callbacksAcked).toBe(0);
    await adapter.dispose();
  });

  test('row 5: a callback that names a fen too much is refused; the true amount is asked for and counts', async () => {
    const target = await aTarget(stage, line);
    const before = await anomalies(stage, 'amount_mismatch');
    await stage.control(line.channel, 'faults', { wrong_amount: true });
    await pay(target);
    await eventually(async () => (await anomalies(stage, 'amount_mismatch')) > before);
    // Nothing that the message says is taken; but the provider is asked at once, and what it says counts.
    const paid = await eventually(async () => {
      const { body } = await stage.api('GET', `/v1/payments/${target.id}`);
      return body.status === 'succeeded' && body;
    });
    expect(paid.attempts[0]).toMatchObject({ amount_paid: 1000, effect: 'effective' });
    await stage.control(line.channel, 'faults', {});
  });

  test.each([999, 1001])(
    'row 8: a buyer who has really paid %i for 1000 has not paid, however often we ask: the money is held for a person',
    async (amount) => {
      const target = await aTarget(stage, line);
      const before = await anomalies(stage, 'amount_mismatch');
      await pay(target, { amount });
      await eventually(async () => (await anomalies(stage, 'amount_mismatch')) > before);
      await stage.api('POST', `/v1/payments/${target.id}/sync`, {});
      await stage.api('POST', `/v1/payments/${target.id}/sync`, {});
      expect(await stage.order(line.channel, target.providerRef)).toMatchObject({
        status: 'paid',
        paid_amount: amount,
      });
      const { body } = await stage.api('GET', `/v1/payments/${target.id}`);
      expect(body).toMatchObject({
        ...{ status: 'review', status_reason: 'amount_mismatch', amount: 1000, paid_at: null },
        ...{ action: { type: 'none' }, attempts: [{ effect: 'mismatch', amount_paid: amount, disposition: 'hold' }] },
      });
      expect(stage.shop.eventsOf(target.id)).toEqual([]);
    },
  );

  test('row 10: a callback with a wrong signature changes nothing and is counted; the true repeat pays', async () => {
    const target = await aTarget(stage, line);
    const before = await stage.metric(`switchyard_callbacks_total{channel="${line.channel}",outcome="bad_signature"}`);
    await stage.control(line.channel, 'faults', { wrong_signature: true });
    await pay(target);
    await eventually(
      async () =>
        (await stage.metric(`switchyard_callbacks_total{channel="${line.channel}",outcome="bad_signature"}`)) > before,
    );
    await expectUntouched(stage, target);
    await stage.control(line.channel, 'faults', {});
    await eventually(() => stage.shop.eventsOf(target.id)[0]);
  });
});

describe.each([ALIPAY, WECHAT])('$channel', (line) => {
  test.each(['unsigned', 'wrong_key', 'truncated', 'html_502'])(
    'row 8: an answer to our query that says "paid" but is %s does not make the payment paid',
    async (answer) => {
      const target = await aTarget(stage, line);
      await stage.control(line.channel, 'faults', { answer });
      await pay(target, { callback: 'drop' });
      expect(await stage.order(line.channel, target.providerRef)).toMatchObject({ status: 'paid' });
      for (let i = 0; i < 2; i += 1) {
        const { status, body } = await stage.api('POST', `/v1/payments/${target.id}/sync`, {});
        expect({ status, payment: body.status }).toEqual({ status: 200, payment: 'pending' });
      }
      expect(stage.shop.eventsOf(target.id)).toEqual([]);
      await stage.control(line.channel, 'faults', {});
      const taken = await eventually(async () => {
        const { body } = await stage.api('POST', `/v1/payments/${target.id}/sync`, {});
        return body.status === 'succeeded' ? body : undefined;
      });
      expect(taken.paid_at).not.toBeNull();
    },
  );
});

test('row 14: WeChat tests us with a wrong signature: refused, not acknowledged, and its repeat pays', async () => {
  const target = await aTarget(stage, WECHAT);
  await fetch(`${stage.gateway().sandboxUrl}/${WECHAT.channel}/_sandbox`, {
    method: 'POST',
    body: JSON.stringify({ sign_test_callbacks: 1 }),
  });
  await pay(target);
  await eventually(() => stage.shop.eventsOf(target.id)[0]);
  const order = await eventually(async () => {
    const seen = await stage.order(WECHAT.channel, target.providerRef);
    return seen?.callbacks_acked === 1 ? seen : undefined;
  });
  expect(order.callbacks_sent).toBe(2);
});
