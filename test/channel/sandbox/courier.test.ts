import { expect, test } from 'vitest';
import { OK_ANSWER, REFUSAL, type Stage, seeded, startStage, toyCredentials } from './stage.ts';
import { toySign } from './toy/sign.ts';
import { TOY_RETRIES_MS } from './toy/simulated-wire.ts';

/** Longer than all repeats together: a callback delayed so long shows that an earlier one's schedule is over. */
const FENCE_MS = 300;
const DELIVERIES_MAX = TOY_RETRIES_MS.length + 1;

function counts({ host }: Stage, providerRef: string) {
  const orders = host.control.orders('toy-a', providerRef);
  const [order] = orders.ok ? orders.value : [];
  return { sent: order?.callbacksSent, acked: order?.callbacksAcked };
}

async function aPaidOrder(stage: Stage, set: Parameters<Stage['host']['control']['pay']>[1] | object = {}) {
  const providerRef = await stage.createOrder();
  const paid = await stage.host.control.pay('toy-a', { providerRef, ...set });
  expect(paid).toMatchObject({ ok: true, value: { status: 'paid' } });
  return providerRef;
}

test('an acknowledged callback is sent once', async () => {
  const stage = await startStage();
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => counts(stage, providerRef)).toEqual({ sent: 1, acked: 1 });
  const next = await aPaidOrder(stage, { delivery: { mode: 'delay', delayMs: FENCE_MS } });
  await expect.poll(() => counts(stage, next).acked).toBe(1);
  expect(stage.callbacksOf(providerRef)).toHaveLength(1);
});

test.each([
  ['a refusal', () => REFUSAL],
  ['a redirect', () => ({ status: 302, contentType: 'text/plain', body: 'OK' })],
  ['the wrong word', () => ({ ...OK_ANSWER, body: 'success' })],
])('after %s a callback is repeated to the end of the schedule, and no longer', async (_, answer) => {
  const stage = await startStage();
  stage.receiver.answerWith(answer);
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => counts(stage, providerRef)).toEqual({ sent: DELIVERIES_MAX, acked: 0 });
  stage.receiver.answerWith(() => OK_ANSWER);
  const next = await aPaidOrder(stage, { delivery: { mode: 'delay', delayMs: FENCE_MS } });
  await expect.poll(() => counts(stage, next).acked).toBe(1);
  expect(stage.callbacksOf(providerRef)).toHaveLength(DELIVERIES_MAX);
});

test('repeats stop at the first acknowledgement', async () => {
  const stage = await startStage();
  stage.receiver.answerWith((_, n) => (n < 3 ? REFUSAL : OK_ANSWER));
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => counts(stage, providerRef)).toEqual({ sent: 3, acked: 1 });
});

test('a receiver that cannot be reached is tried again', async () => {
  const stage = await startStage();
  const providerRef = await stage.createOrder();
  await stage.receiver.close();
  await stage.host.control.pay('toy-a', { providerRef });
  await expect.poll(() => counts(stage, providerRef)).toEqual({ sent: DELIVERIES_MAX, acked: 0 });
  expect(stage.problems).toEqual([]);
});

test('waiting times are the schedule times the factor', async () => {
  const stage = await startStage({ retryTimeFactor: 1 });
  stage.receiver.answerWith(() => REFUSAL);
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => stage.callbacksOf(providerRef)).toHaveLength(1);
  const next = await aPaidOrder(stage, { delivery: { mode: 'delay', delayMs: 200 } });
  await expect.poll(() => stage.callbacksOf(next)).toHaveLength(1);
  expect(counts(stage, providerRef)).toEqual({ sent: 1, acked: 0 }); // the first repeat is ten seconds away
});

test('delivery drop: no callback ever', async () => {
  const stage = await startStage();
  const providerRef = await aPaidOrder(stage, { delivery: { mode: 'drop' } });
  const next = await aPaidOrder(stage, { delivery: { mode: 'delay', delayMs: FENCE_MS } });
  await expect.poll(() => counts(stage, next).acked).toBe(1);
  expect(counts(stage, providerRef)).toEqual({ sent: 0, acked: 0 });
});

test('delivery duplicate: two at the same time', async () => {
  const stage = await startStage();
  const both = Promise.withResolvers<void>();
  stage.receiver.answerWith(async (_, n) => {
    if (n === 2) both.resolve();
    await both.promise; // answers the first only when the second is there
    return OK_ANSWER;
  });
  const providerRef = await aPaidOrder(stage, { delivery: { mode: 'duplicate' } });
  await expect.poll(() => counts(stage, providerRef)).toEqual({ sent: 2, acked: 2 });
});

test('duplicate_callbacks sends that many more at the same time', async () => {
  const stage = await startStage();
  stage.host.control.faults('toy-a', { duplicate_callbacks: 4 });
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => counts(stage, providerRef)).toEqual({ sent: 5, acked: 5 });
});

test('drop_callbacks loses deliveries on the way; their repeats come as planned', async () => {
  const stage = await startStage({ random: seeded('drop') });
  stage.host.control.faults('toy-a', { drop_callbacks: 0.5 });
  const refs = await Promise.all(Array.from({ length: 20 }, () => aPaidOrder(stage)));
  await expect.poll(() => refs.filter((ref) => counts(stage, ref).acked === 1).length).toBeGreaterThan(15);
  expect(stage.receiver.received.length).toBeLessThanOrEqual(20);
});

test('drop_callbacks at 1 loses a callback and every repeat', async () => {
  let draws = 0;
  const random = () => {
    draws += 1;
    return 0.999;
  };
  const stage = await startStage({ random });
  stage.host.control.faults('toy-a', { drop_callbacks: 1 });
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => draws).toBe(DELIVERIES_MAX);
  expect(counts(stage, providerRef)).toEqual({ sent: 0, acked: 0 });
  expect(stage.receiver.received).toEqual([]);
});

test('during an outage nothing is sent; later repeats go on', async () => {
  const stage = await startStage({ retryTimeFactor: 0.02 });
  const providerRef = await stage.createOrder();
  stage.host.control.faults('toy-a', { outage: true });
  await stage.host.control.pay('toy-a', { providerRef });
  for (let i = 0; i < 10; i += 1) await stage.control('GET', '/toy-a/faults'); // time for a delivery to arrive
  expect(stage.receiver.received).toEqual([]);
  stage.host.control.faults('toy-a', {});
  await expect.poll(() => counts(stage, providerRef), { timeout: 5_000 }).toEqual({ sent: 1, acked: 1 });
});

test('reorder: a callback is overtaken by the next one', async () => {
  const stage = await startStage();
  stage.host.control.faults('toy-a', { reorder: true });
  const first = await aPaidOrder(stage);
  const second = await aPaidOrder(stage);
  await expect.poll(() => stage.receiver.received).toHaveLength(2);
  const order = stage.receiver.received.map(({ target }) => target.split('/').at(-1));
  expect(order).toEqual([second, first]);
});

test('reorder: without a next one the callback comes a little later', async () => {
  const stage = await startStage();
  stage.host.control.faults('toy-a', { reorder: true });
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => counts(stage, providerRef), { timeout: 5_000 }).toEqual({ sent: 1, acked: 1 });
});

test('wrong_amount and wrong_signature spoil what is sent, and only while they are on', async () => {
  const stage = await startStage();
  stage.receiver.answerWith((_, n) => {
    stage.host.control.faults('toy-a', n === 1 ? { wrong_signature: true } : {});
    return n < 3 ? REFUSAL : OK_ANSWER;
  });
  stage.host.control.faults('toy-a', { wrong_amount: true });
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => counts(stage, providerRef)).toEqual({ sent: 3, acked: 1 });
  expect(stage.callbacksOf(providerRef).map(({ amount }) => amount)).toEqual([1001, 1000, 1000]);
  const { secret } = toyCredentials(stage.host);
  const genuine = stage.receiver.received.map(({ headers, body }) => {
    const expected = toySign(secret, Number(headers.get('toy-time')?.[0]), 'callback', Buffer.from(body).toString());
    return headers.get('toy-sign')?.[0] === expected;
  });
  expect(genuine).toEqual([true, false, true]);
});

test('a callback that hangs is given up and repeated', async () => {
  const stage = await startStage();
  stage.receiver.answerWith((_, n) => (n === 1 ? new Promise(() => {}) : OK_ANSWER));
  const providerRef = await aPaidOrder(stage);
  await expect.poll(() => counts(stage, providerRef), { timeout: 10_000 }).toEqual({ sent: 2, acked: 1 });
});

test('many callbacks at once all arrive', async () => {
  const stage = await startStage();
  const refs = await Promise.all(Array.from({ length: 150 }, () => stage.createOrder()));
  await Promise.all(refs.map((providerRef) => stage.host.control.pay('toy-a', { providerRef })));
  await expect.poll(() => refs.filter((ref) => counts(stage, ref).acked === 1).length, { timeout: 10_000 }).toBe(150);
});
