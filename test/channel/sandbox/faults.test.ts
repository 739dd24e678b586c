import { expect, test } from 'vitest';
import type { FaultsPatch } from '../../../src/channel/sandbox/index.ts';
import { anOrder, aProviderRef, type Stage, seeded, startStage } from './stage.ts';

/** A create whose answer the faults may spoil: what the client saw, and whether the order exists all the same. */
async function createUnder(stage: Stage, faults: FaultsPatch, timeoutMs = 10_000) {
  stage.host.control.faults('toy-a', faults);
  const providerRef = aProviderRef();
  const wish = anOrder(stage.receiver, providerRef);
  const seen = await stage
    .ask('POST', '/orders', wish, AbortSignal.timeout(timeoutMs))
    .then(async (answer) => ({ status: answer.status, headers: answer.headers, body: await answer.text() }))
    .catch((error: Error) => ({ lost: error.name, code: codeOf(error.cause) }));
  const orders = stage.host.control.orders('toy-a', providerRef);
  return { providerRef, seen, exists: orders.ok && orders.value.length === 1 };
}

test('without faults a create is answered and the order exists', async () => {
  const { seen, exists } = await createUnder(await startStage(), {});
  expect(seen).toMatchObject({ status: 200 });
  expect(exists).toBe(true);
});

test.each([
  ['outage', { outage: true }, false, 'UND_ERR_SOCKET'],
  ['reset_before', { answer: 'reset_before' }, false, 'ECONNRESET'],
  ['reset_after', { answer: 'reset_after' }, true, 'ECONNRESET'],
  ['truncated', { answer: 'truncated' }, true, 'UND_ERR_SOCKET'],
] as const)('under %s the connection breaks', async (_, faults, orderExists, code) => {
  const { seen, exists } = await createUnder(await startStage(), faults);
  expect(seen).toEqual({ lost: 'TypeError', code });
  expect(exists).toBe(orderExists);
});

test.each([
  ['timeout_after_create_rate', { timeout_after_create_rate: 1 }],
  ['slow_body', { answer: 'slow_body' }],
] as const)('under %s the order is made, and the client gives up waiting', async (_, faults) => {
  const { seen, exists } = await createUnder(await startStage(), faults, 300);
  expect(seen).toMatchObject({ lost: 'TimeoutError' });
  expect(exists).toBe(true);
});

test('timeout_after_create_rate leaves everything but creates alone', async () => {
  const stage = await startStage();
  const providerRef = await stage.createOrder();
  stage.host.control.faults('toy-a', { timeout_after_create_rate: 1 });
  expect((await stage.ask('GET', `/orders/${providerRef}`)).status).toBe(200);
});

test('html_502 answers a page after the order was made', async () => {
  const { seen, exists } = await createUnder(await startStage(), { answer: 'html_502' });
  expect(seen).toMatchObject({ status: 502, body: expect.stringContaining('<html>') });
  expect(exists).toBe(true);
});

test("error_rate answers the provider's own internal error and makes no order", async () => {
  const { seen, exists } = await createUnder(await startStage(), { error_rate: 1 });
  expect(seen).toMatchObject({ status: 500, body: '{"code":"INTERNAL"}' });
  expect(exists).toBe(false);
});

test('error_rate strikes at its rate', async () => {
  const stage = await startStage({ random: seeded('error_rate') });
  stage.host.control.faults('toy-a', { error_rate: 0.25 });
  const statuses = await Promise.all(
    Array.from({ length: 200 }, async () => (await stage.ask('GET', '/orders/none')).status),
  );
  const errors = statuses.filter((status) => status === 500).length;
  expect(errors).toBeGreaterThan(30);
  expect(errors).toBeLessThan(70);
});

test('latency_ms holds a request back before the simulator sees it', async () => {
  const stage = await startStage();
  const { seen, exists } = await createUnder(stage, { latency_ms: 60_000 }, 200);
  expect(seen).toMatchObject({ lost: 'TimeoutError' });
  expect(exists).toBe(false);
});

test('a small latency only delays', async () => {
  const { seen } = await createUnder(await startStage(), { latency_ms: 20 });
  expect(seen).toMatchObject({ status: 200 });
});

test.each(['unsigned', 'wrong_key', 'stale'] as const)('%s is handed to the simulator', async (fault) => {
  const stage = await startStage();
  const good = await createUnder(stage, {});
  const spoilt = await createUnder(stage, { answer: fault });
  if (!('headers' in good.seen && 'headers' in spoilt.seen)) throw new Error('both must be answered');
  expect(good.seen.headers.get('toy-sign')).toMatch(/^[0-9a-f]{64}$/);
  if (fault === 'unsigned') expect(spoilt.seen.headers.has('toy-sign')).toBe(false);
  if (fault === 'stale') expect(Number(spoilt.seen.headers.get('toy-time'))).toBeLessThan(Date.now() - 3_000_000);
});

test.each(['reset_before', 'reset_after', 'html_502', 'truncated', 'slow_body'] as const)(
  'the answer fault %s leaves buyer pages alone',
  async (answer) => {
    const { host } = await startStage();
    host.control.faults('toy-a', { answer, error_rate: 1, timeout_after_create_rate: 1 });
    const page = await fetch(`${host.url}/toy-a/pages/pay`);
    expect([page.status, await page.text()]).toEqual([400, 'bad link']);
  },
);

test('an outage takes the buyer pages too', async () => {
  const { host } = await startStage();
  host.control.faults('toy-a', { outage: true });
  await expect(fetch(`${host.url}/toy-a/pages/pay`)).rejects.toThrow(TypeError);
});

test('an outage of one channel leaves the control API alive, and clearing it heals', async () => {
  const stage = await startStage();
  stage.host.control.faults('toy-a', { outage: true });
  expect(await stage.control('POST', '/toy-a/faults', {})).toMatchObject({ status: 200, body: { outage: false } });
  expect((await stage.ask('GET', '/orders/none')).status).toBe(404);
});

test('a client that goes away while it waits is forgotten', async () => {
  const stage = await startStage();
  await createUnder(stage, { latency_ms: 60_000 }, 50);
  await createUnder(stage, { timeout_after_create_rate: 1 }, 50);
  expect(stage.problems).toEqual([]);
  const { seen } = await createUnder(stage, {});
  expect(seen).toMatchObject({ status: 200 });
});

test('pay_through: the buyer pays every created order by itself, and the callback comes', async () => {
  const stage = await startStage();
  const { providerRef } = await createUnder(stage, { pay_through: 1 });
  await expect.poll(() => stage.callbacksOf(providerRef)).toMatchObject([{ state: 'paid' }]);
});

test('pay_through pays at its rate, each order once', async () => {
  const stage = await startStage({ random: seeded('pay_through') });
  stage.host.control.faults('toy-a', { pay_through: 0.5 });
  const refs: string[] = [];
  for (let i = 0; i < 60; i += 1) refs.push(await stage.createOrder());
  for (const providerRef of refs) await stage.createOrder(providerRef); // a repeat is no new order
  const paid = () => {
    const orders = stage.host.control.orders('toy-a');
    return orders.ok
      ? orders.value.filter(({ status, callbacksAcked }) => status === 'paid' && callbacksAcked === 1)
      : [];
  };
  await expect.poll(() => paid().length).toBeGreaterThan(15);
  expect(paid().length).toBeLessThan(45);
});

test('nobody pays an order whose create was never answered', async () => {
  const stage = await startStage();
  const { providerRef } = await createUnder(stage, { pay_through: 1, answer: 'truncated' });
  const { providerRef: silent } = await createUnder(stage, { pay_through: 1, timeout_after_create_rate: 1 }, 100);
  const { providerRef: answered } = await createUnder(stage, { pay_through: 1 });
  await expect.poll(() => stage.callbacksOf(answered)).toHaveLength(1);
  expect(stage.callbacksOf(providerRef)).toEqual([]);
  expect(stage.callbacksOf(silent)).toEqual([]);
});

test('callback_before_answer: the callback has been delivered when the create is answered', async () => {
  const stage = await startStage();
  const { providerRef, seen } = await createUnder(stage, { callback_before_answer: true });
  expect(seen).toMatchObject({ status: 200 });
  expect(stage.callbacksOf(providerRef)).toMatchObject([{ state: 'paid' }]);
});

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
