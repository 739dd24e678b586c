import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { aRef, aRequest, CHANNEL, MINUTE, openStage, orderOf, patience, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => {
  stage.host.control.faults(CHANNEL, {});
  expect(stage.bugs).toEqual([]);
});
afterAll(() => stage.close());

async function created(set: Parameters<typeof aRequest>[1] = {}) {
  const request = aRequest(stage.now(), set);
  const made = await stage.adapter.create(request, patience());
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return { request, ...made.value, order: orderOf(request, made.value.channelTradeNo) };
}

const query = async (order: Parameters<Stage['adapter']['query']>[0]) => {
  const seen = await stage.adapter.query(order, patience());
  if (!seen.ok) throw new Error(JSON.stringify(seen.error));
  return seen.value;
};

test('an order whose create was never answered is found, queried, and closed', async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const request = aRequest(stage.now(), { scene });
    stage.host.control.faults(CHANNEL, { timeout_after_create_rate: 1 });
    const lost = await stage.adapter.create(request, AbortSignal.timeout(300));
    expect(lost).toMatchObject({
      ok: false,
      error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'timeout' },
    });
    stage.host.control.faults(CHANNEL, {});
    const order = orderOf(request, null);
    expect(await query(order)).toMatchObject({
      state: 'open',
      amount: request.amount,
      channelTradeNo: expect.stringMatching(scene === 'inapp' ? /^pi_/ : /^cs_/),
    });
    expect(await stage.adapter.close(order, patience())).toMatchObject({ ok: true, value: { state: 'closed' } });
    expect(stage.host.control.orders(CHANNEL, request.providerRef)).toMatchObject({ value: [{ status: 'closed' }] });
  }
});

test('a lost order is found behind many newer ones, and hours later', async () => {
  const { request, channelTradeNo } = await created();
  await Promise.all(Array.from({ length: 130 }, () => created()));
  expect(await query(orderOf(request, null))).toMatchObject({ state: 'open', channelTradeNo });
  // An attempt that was opened long after its payment was made.
  const late = { ...aRequest(stage.now()), providerRef: aRef(stage.now() - 5 * 60 * MINUTE, 2) };
  const made = await stage.adapter.create(late, patience());
  if (!made.ok) throw new Error(made.error.kind);
  expect(await query(orderOf(late, null))).toMatchObject({ state: 'open', channelTradeNo: made.value.channelTradeNo });
});

test('a lost create that was paid all the same is found paid', async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const request = aRequest(stage.now(), { scene });
    stage.host.control.faults(CHANNEL, { answer: 'reset_after' });
    expect(await stage.adapter.create(request, patience())).toMatchObject({ ok: false, error: { created: 'maybe' } });
    stage.host.control.faults(CHANNEL, {});
    await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef });
    for (const asked of [stage.adapter.query, stage.adapter.close]) {
      const seen = await asked(orderOf(request, null), patience());
      expect(seen).toMatchObject({ ok: true, value: { state: 'succeeded', amount: request.amount } });
    }
  }
});
