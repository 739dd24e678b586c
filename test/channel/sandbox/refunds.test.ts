import { expect, test } from 'vitest';
import { type Stage, startStage } from './stage.ts';

async function aPaidOrder(stage: Stage): Promise<string> {
  const providerRef = await stage.createOrder();
  await stage.host.control.pay('toy-a', { providerRef });
  return providerRef;
}

async function refund(stage: Stage, providerRef: string, refund_no: string, amount = 300, signal?: AbortSignal) {
  return stage.ask('POST', `/orders/${providerRef}/refunds`, { refund_no, amount, reason: null }, signal);
}

function booked({ host }: Stage, providerRef: string) {
  const orders = host.control.orders('toy-a', providerRef);
  return orders.ok ? orders.value[0]?.refunds.map(({ refundNo, status }) => `${refundNo} ${status}`) : [];
}

test('the orders view tells number, amount and status of every refund', async () => {
  const stage = await startStage();
  const provider_ref = await aPaidOrder(stage);
  await refund(stage, provider_ref, 'r1', 300);
  await stage.control('POST', '/toy-a/faults', { refunds: 'pending' });
  await refund(stage, provider_ref, 'r2', 200);
  const { body } = await stage.control('GET', `/toy-a/orders?provider_ref=${provider_ref}`);
  const refunds = [
    { refund_no: 'r1', amount: 300, status: 'succeeded' },
    { refund_no: 'r2', amount: 200, status: 'pending' },
  ];
  expect(body).toMatchObject({ data: [{ provider_ref, status: 'paid', refunds }] });
});

test.each(['succeeded', 'failed'] as const)(
  'a pending refund is decided as %s, called back, and then decided for ever',
  async (outcome) => {
    const stage = await startStage();
    const providerRef = await aPaidOrder(stage);
    stage.host.control.faults('toy-a', { refunds: 'pending' });
    await refund(stage, providerRef, 'r1');
    const settle = () => stage.control('POST', '/toy-a/refunds', { refund_no: 'r1', outcome });
    expect(await settle()).toMatchObject({
      status: 200,
      body: { provider_ref: providerRef, refunds: [{ refund_no: 'r1', amount: 300, status: outcome }] },
    });
    const said = { succeeded: 'made', failed: 'impossible' }[outcome];
    await expect.poll(() => stage.callbacksOf(providerRef).at(-1)).toMatchObject({ refund_state: said });
    expect(await settle()).toMatchObject({ status: 409, body: { detail: `the refund has ${outcome}` } });
  },
);

test('a refund that is decided twice at the same time is decided once', async () => {
  const stage = await startStage();
  const providerRef = await aPaidOrder(stage);
  stage.host.control.faults('toy-a', { refunds: 'pending' });
  await refund(stage, providerRef, 'r1');
  const both = await Promise.all(
    (['succeeded', 'failed'] as const).map((outcome) =>
      stage.host.control.settleRefund('toy-a', { refundNo: 'r1', outcome }),
    ),
  );
  expect(both.map((settled) => (settled.ok ? 'done' : settled.error.status))).toEqual(['done', 409]);
  expect(booked(stage, providerRef)).toEqual(['r1 succeeded']);
});

test('a refund that is unknown, or known to another channel, cannot be decided', async () => {
  const stage = await startStage();
  await refund(stage, await aPaidOrder(stage), 'r1');
  for (const [path, refund_no] of [
    ['/toy-a/refunds', 'r2'],
    ['/toy-z/refunds', 'r1'],
  ]) {
    const answer = await stage.control('POST', path ?? '', { refund_no, outcome: 'succeeded' });
    expect(answer).toMatchObject({ status: 404, body: { detail: expect.any(String) } });
  }
});

test.each([
  {},
  { refund_no: 'r1' },
  { refund_no: '', outcome: 'failed' },
  { refund_no: 'r1', outcome: 'pending' },
  { refund_no: 'r1', outcome: 'failed', amount: 1 },
])('a decision like %j is refused with a reason', async (body) => {
  const { control } = await startStage();
  expect(await control('POST', '/toy-a/refunds', body)).toMatchObject({
    status: 400,
    body: { detail: expect.any(String), errors: expect.any(Array) },
  });
});

test('timeout_after_refund_rate: the refund is made, its answer never comes, and all else is answered', async () => {
  const stage = await startStage();
  const providerRef = await aPaidOrder(stage);
  stage.host.control.faults('toy-a', { timeout_after_refund_rate: 1 });
  await expect(refund(stage, providerRef, 'r1', 300, AbortSignal.timeout(200))).rejects.toThrow(/timeout/);
  expect(booked(stage, providerRef)).toEqual(['r1 succeeded']);
  await stage.createOrder();
  expect((await stage.ask('GET', '/refunds/r1')).status).toBe(200);
});

test('timeout_after_create_rate leaves refunds alone', async () => {
  const stage = await startStage();
  const providerRef = await aPaidOrder(stage);
  stage.host.control.faults('toy-a', { timeout_after_create_rate: 1 });
  expect((await refund(stage, providerRef, 'r1')).status).toBe(200);
});
