import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { withServer } from './scripted-server.ts';
import { aPaidOrder, aRefund, aRequest, CHANNEL, openStage, patience, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => {
  stage.host.control.faults(CHANNEL, {});
  expect(stage.bugs).toEqual([]);
});
afterAll(() => stage.close());

async function recordedDuring(work: () => Promise<unknown>) {
  const before = stage.exchanges.length;
  await work();
  return stage.exchanges.slice(before);
}

test('a create is recorded with all that proves it, and without what pays or charges', async () => {
  const request = aRequest(stage.now(), { scene: 'inapp' });
  const seen = await recordedDuring(() => stage.adapter.create(request, patience()));
  expect(seen).toHaveLength(1);
  const [exchange] = seen;
  expect(exchange).toMatchObject({
    method: 'POST',
    url: `${stage.config.base_url}/v1/payment_intents`,
    status: 200,
    failure: null,
  });
  expect(exchange?.requestHeaders).toMatchObject({
    'idempotency-key': `${request.providerRef}:create`,
    'stripe-version': '2026-10-28.endive',
  });
  expect(Object.keys(exchange?.requestHeaders ?? {})).not.toContain('authorization');
  expect(exchange?.responseHeaders['request-id']).toMatch(/^req_/);
  expect(exchange?.responseBody).toContain(request.providerRef);
  // With a client secret and the publishable key, which is public, anybody can pay with this PaymentIntent.
  expect(exchange?.responseBody).toMatch(/"client_secret": "pi_\w+_secret_\[left out\]"/);
});

test('a key that somebody on the way repeats is left out', async () => {
  await withServer(
    stage,
    (response, { headers }) => {
      response.writeHead(407, { 'x-debug': String(headers.authorization) });
      response.end(`<pre>your request had ${headers.authorization}</pre>`);
    },
    async (adapter) => {
      const seen = await recordedDuring(() => adapter.probe(patience()));
      expect(seen).toMatchObject([{ status: 407, responseBody: '<pre>your request had Bearer [left out]</pre>' }]);
      expect(JSON.stringify(seen)).not.toContain(stage.config.secret_key);
    },
  );
});

test('an answer that broke off is recorded as far as it came', async () => {
  await withServer(
    stage,
    (response) => {
      response.writeHead(200, { 'content-length': '100', 'request-id': 'req_1' });
      response.write('{"id":"cs_te', () => response.destroy());
    },
    async (adapter) => {
      const seen = await recordedDuring(() => adapter.probe(patience()));
      expect(seen).toMatchObject([
        { status: null, responseHeaders: { 'request-id': 'req_1' }, responseBody: '{"id":"cs_te' },
      ]);
      expect(seen[0]?.failure).toMatch(/^[a-z_]+$/);
    },
  );
});

test.each([
  ['nobody listens', 'http://127.0.0.1:1', 'econnrefused'],
  ['the name does not exist', 'https://stripe.invalid', expect.stringMatching(/^(enotfound|eai_again)$/)],
])('when %s, that is recorded', async (_what, base_url, failure) => {
  const adapter = stage.adapterWith({ base_url });
  expect(await recordedDuring(() => adapter.probe(patience()))).toMatchObject([
    { status: null, responseHeaders: {}, responseBody: null, failure },
  ]);
});

test('a refund that we stop waiting for is recorded once, as aborted', async () => {
  const order = await aPaidOrder(stage);
  stage.host.control.faults(CHANNEL, { timeout_after_refund_rate: 1 });
  const seen = await recordedDuring(() => stage.adapter.refund(aRefund(order), AbortSignal.timeout(300)));
  expect(seen).toMatchObject([
    { method: 'GET', status: 200, failure: null },
    { method: 'POST', status: null, responseBody: null, failure: 'aborted' },
  ]);
});
