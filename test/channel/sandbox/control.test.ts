import { expect, test } from 'vitest';
import { aProviderRef, startStage } from './stage.ts';

test('the channels are listed with their providers', async () => {
  const { control } = await startStage();
  expect(await control('GET', '')).toEqual({ status: 200, body: { data: [{ id: 'toy-a', provider: 'toy' }] } });
});

test('pay makes the order paid, calls back, and answers the order', async () => {
  const { control, createOrder, callbacksOf } = await startStage();
  const provider_ref = await createOrder();
  expect(await control('POST', '/toy-a/pay', { provider_ref })).toMatchObject({
    status: 200,
    body: { provider_ref, amount: 1000, currency: 'CNY', status: 'paid', refunds: [], paid_amount: 1000 },
  });
  await expect.poll(() => callbacksOf(provider_ref)).toMatchObject([{ state: 'paid', amount: 1000 }]);
  expect(await control('GET', `/toy-a/orders?provider_ref=${provider_ref}`)).toMatchObject({
    status: 200,
    body: { data: [{ provider_ref, status: 'paid', callbacks_sent: 1 }] },
  });
});

test('pay takes another amount and a way of delivery', async () => {
  const { control, createOrder, callbacksOf } = await startStage();
  const provider_ref = await createOrder();
  const body = { provider_ref, amount: 999, callback: 'duplicate' };
  expect(await control('POST', '/toy-a/pay', body)).toMatchObject({ status: 200, body: { paid_amount: 999 } });
  await expect.poll(() => callbacksOf(provider_ref)).toMatchObject([{ amount: 999 }, { amount: 999 }]);
});

test('pay with delay_ms calls back later', async () => {
  const { control, createOrder, callbacksOf } = await startStage();
  const [slow, quick] = [await createOrder(), await createOrder()];
  await control('POST', '/toy-a/pay', { provider_ref: slow, callback: 'delay_ms:250' });
  await control('POST', '/toy-a/pay', { provider_ref: quick });
  await expect.poll(() => callbacksOf(quick)).toHaveLength(1);
  expect(callbacksOf(slow)).toHaveLength(0);
  await expect.poll(() => callbacksOf(slow)).toHaveLength(1);
});

test('fail declines the order', async () => {
  const { control, createOrder } = await startStage();
  const provider_ref = await createOrder();
  expect(await control('POST', '/toy-a/fail', { provider_ref })).toMatchObject({
    status: 200,
    body: { status: 'failed' },
  });
});

test('an order that is not open can be neither paid nor failed', async () => {
  const { control, createOrder } = await startStage();
  const provider_ref = await createOrder();
  await control('POST', '/toy-a/pay', { provider_ref });
  for (const action of ['pay', 'fail']) {
    expect(await control('POST', `/toy-a/${action}`, { provider_ref })).toMatchObject({
      status: 409,
      body: { status: 409, detail: 'the order is paid' },
    });
  }
});

test('an expired order cannot be paid', async () => {
  let now = Date.now();
  const { control, createOrder } = await startStage({ now: () => now });
  const provider_ref = await createOrder();
  now += 1_000_000;
  expect(await control('POST', '/toy-a/pay', { provider_ref })).toMatchObject({
    status: 409,
    body: { detail: 'the order has expired' },
  });
});

test('two buyers who pay at the same time pay once', async () => {
  const { host, createOrder } = await startStage();
  const providerRef = await createOrder();
  const both = await Promise.all([1, 2].map(() => host.control.pay('toy-a', { providerRef })));
  expect(both.map((paid) => (paid.ok ? 'paid' : paid.error.status))).toEqual(['paid', 409]);
});

test('faults are replaced whole, told, and cleared by an empty object', async () => {
  const { control } = await startStage();
  const off = await control('GET', '/toy-a/faults');
  await control('POST', '/toy-a/faults', { outage: true, latency_ms: 5 });
  await control('POST', '/toy-a/faults', { error_rate: 0.5 });
  expect(await control('GET', '/toy-a/faults')).toMatchObject({
    body: { outage: false, latency_ms: 0, error_rate: 0.5, answer: 'normal' },
  });
  expect(await control('POST', '/toy-a/faults', {})).toEqual(off);
});

test.each([
  ['pay', 'not json'],
  ['pay', '[]'],
  ['pay', {}],
  ['pay', { provider_ref: '' }],
  ['pay', { provider_ref: 'x', amount: 0 }],
  ['pay', { provider_ref: 'x', amount: 1.5 }],
  ['pay', { provider_ref: 'x', amount: '1' }],
  ['pay', { provider_ref: 'x', callback: 'later' }],
  ['pay', { provider_ref: 'x', callback: 'delay_ms:-1' }],
  ['pay', { provider_ref: 'x', callback: 'delay_ms:999999999' }],
  ['pay', { provider_ref: 'x', colour: 'red' }],
  ['fail', { provider_ref: 'x', amount: 1 }],
  ['faults', { latency: 5 }],
  ['faults', { latency_ms: -1 }],
  ['faults', { error_rate: 1.1 }],
  ['faults', { outage: 'yes' }],
  ['faults', { answer: 'late' }],
  ['connect', { public_url: 'ftp://somewhere' }],
])('%s refuses %j with a reason and does nothing', async (action, body) => {
  const { control } = await startStage();
  const before = await control('GET', '/toy-a/faults');
  const { status, body: problem } = await control('POST', `/toy-a/${action}`, body);
  expect(status).toBe(400);
  expect(problem).toMatchObject({ status: 400, detail: expect.any(String) });
  expect(await control('GET', '/toy-a/faults')).toEqual(before);
});

test.each([
  ['POST', '/toy-z/pay', { provider_ref: 'x' }],
  ['POST', '/toy-z/faults', {}],
  ['GET', '/toy-z/orders', undefined],
  ['GET', '/toy-a/pay', undefined],
  ['POST', '/toy-a/orders', {}],
  ['POST', '/toy-a/pay', { provider_ref: 'nobody-knows-it' }],
  ['POST', '/toy-a/fail', { provider_ref: 'nobody-knows-it' }],
] as const)('%s %s is not found', async (method, path, value) => {
  const { control } = await startStage();
  expect(await control(method, path, value)).toMatchObject({ status: 404, body: { detail: expect.any(String) } });
});

test('an unknown provider_ref lists nothing, a misspelt filter is refused', async () => {
  const { control } = await startStage();
  expect(await control('GET', '/toy-a/orders?provider_ref=x')).toEqual({ status: 200, body: { data: [] } });
  expect(await control('GET', '/toy-a/orders?ref=x')).toMatchObject({ status: 400 });
});

test('connect tells a gateway in another process what it needs, and is remembered', async () => {
  const { control, host } = await startStage();
  expect(await control('POST', '/toy-a/connect', { public_url: 'http://127.0.0.1:8080' })).toEqual({
    status: 200,
    body: { base_url: `${host.url}/toy-a`, credentials: host.credentials('toy-a') },
  });
});

test('an order that nobody ever made cannot be paid, whatever the cashier says', async () => {
  const { control, receiver } = await startStage();
  const provider_ref = aProviderRef();
  for (const cashier of [404, 200, 302]) {
    receiver.answerWith(() => ({ status: cashier, contentType: 'text/html', body: '' }));
    expect(await control('POST', '/toy-a/pay', { provider_ref })).toMatchObject({
      status: 404,
      body: { detail: "no buyer has opened this order; open the payment's action url first" },
    });
  }
  const paymentId = `pay_${provider_ref.slice(0, 26)}`;
  expect(receiver.received.map(({ target }) => target)).toEqual(Array(3).fill(`/pay/${paymentId}/go`));
});
