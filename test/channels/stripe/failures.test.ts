import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelError } from '../../../src/channel/index.ts';
import type { Result } from '../../../src/payment/index.ts';
import { withServer } from './scripted-server.ts';
import { aRequest, CHANNEL, openStage, orderOf, patience, type Stage } from './stage.ts';

let stage: Stage;
const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);
beforeAll(async () => {
  process.on('unhandledRejection', onRejection);
  stage = await openStage();
});
afterEach(() => {
  stage.host.control.faults(CHANNEL, {});
  expect(stage.bugs).toEqual([]);
  expect(rejections).toEqual([]);
});
afterAll(async () => {
  process.off('unhandledRejection', onRejection);
  await stage.close();
});

test.each([
  ['the connection is cut before anything happened', { answer: 'reset_before' }],
  ['the connection is cut after the order was made', { answer: 'reset_after' }],
  ['a proxy answers in HTML', { answer: 'html_502' }],
  ['the answer is cut in half', { answer: 'truncated' }],
  ['Stripe fails inside', { error_rate: 1 }],
] as const)('%s: the outcome of a create, a query and a close is unknown', async (_what, faults) => {
  const made = await stage.adapter.create(aRequest(stage.now()), patience());
  if (!made.ok) throw new Error(made.error.kind);
  stage.host.control.faults(CHANNEL, faults);
  const request = aRequest(stage.now());
  const unknown = { ok: false, error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' } };
  expect(await stage.adapter.create(request, patience())).toMatchObject(unknown);
  const inApp = aRequest(stage.now(), { scene: 'inapp' });
  expect(await stage.adapter.create(inApp, patience())).toMatchObject(unknown);
  for (const channelTradeNo of [made.value.channelTradeNo, null]) {
    expect(await stage.adapter.query(orderOf(request, channelTradeNo), patience())).toMatchObject(unknown);
    expect(await stage.adapter.close(orderOf(request, channelTradeNo), patience())).toMatchObject(unknown);
  }
  expect(await stage.adapter.probe(patience())).toMatchObject(unknown);
});

test.each([
  ['does not answer', { latency_ms: 60_000 }],
  ['answers drop by drop', { answer: 'slow_body' }],
] as const)('when Stripe %s, our signal ends the wait', async (_what, faults) => {
  stage.host.control.faults(CHANNEL, faults);
  const request = aRequest(stage.now());
  const timedOut = { ok: false, error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'timeout' } };
  expect(await stage.adapter.create(request, AbortSignal.timeout(150))).toMatchObject(timedOut);
  expect(await stage.adapter.query(orderOf(request, 'cs_test_a1x'), AbortSignal.timeout(150))).toMatchObject(timedOut);
  expect(await stage.adapter.close(orderOf(request, 'cs_test_a1x'), AbortSignal.timeout(150))).toMatchObject(timedOut);
});

test('a signal that has ended before the call certainly sent nothing', async () => {
  const request = aRequest(stage.now());
  const answer = await stage.adapter.create(request, AbortSignal.abort());
  expect(answer).toMatchObject({ ok: false, error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no' } });
  expect(stage.host.control.orders(CHANNEL, request.providerRef)).toEqual({ ok: true, value: [] });
});

test.each([
  ['nobody listens', 'http://127.0.0.1:1/stripe-main', 'ECONNREFUSED'],
  ['the name does not exist', 'https://stripe.invalid', /ENOTFOUND|EAI_AGAIN/],
])('when %s, another channel can be tried at once', async (_what, base_url, providerCode) => {
  const answer = await stage.adapterWith({ base_url }).create(aRequest(stage.now()), patience());
  expect(answer).toMatchObject({
    ok: false,
    error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no', providerCode: expect.stringMatching(providerCode) },
  });
});

test('when the other side speaks no TLS, another channel can be tried at once', async () => {
  const base_url = stage.config.base_url?.replace('http:', 'https:');
  const answer = await stage.adapterWith({ base_url }).create(aRequest(stage.now()), patience());
  expect(answer).toMatchObject({ ok: false, error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no' } });
});

test('a wrong key is a misconfiguration', async () => {
  const adapter = stage.adapterWith({ secret_key: 'sk_test_thisIsNotTheRightOne123' });
  expect(await adapter.create(aRequest(stage.now()), patience())).toMatchObject({
    ok: false,
    error: { kind: 'AUTH_MISCONFIGURED', created: 'no' },
  });
});

test('a failure that Stripe has stored under the key is told again, and never taken for a success', async () => {
  const request = aRequest(stage.now());
  stage.host.control.faults(CHANNEL, { error_rate: 1 });
  const first = await stage.adapter.create(request, patience());
  stage.host.control.faults(CHANNEL, {});
  expect(await stage.adapter.create(request, patience())).toEqual(first);
  expect(await stage.adapter.query(orderOf(request, null), patience())).toMatchObject({ value: { state: 'absent' } });
});

test.each([
  ['JSON that is no object', '"ok"'],
  ['a number', '1'],
  ['null', 'null'],
  ['a list', '[]'],
  ['nothing', ''],
  ['an empty object', '{}'],
  ['an error that is a number', '{"error":5}'],
  ['an error that is a text', '{"error":"invalid_grant"}'],
  ['an error without a type', '{"error":{}}'],
  ['an object of another kind', '{"id":"cus_1","object":"customer"}'],
])('%s with status 200 means that the outcome is unknown', async (_what, body) => {
  await withServer(
    stage,
    (response) => response.end(body),
    async (adapter) => {
      const unknown = (answer: Result<unknown, ChannelError>) =>
        expect(answer).toMatchObject({ ok: false, error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' } });
      unknown(await adapter.create(aRequest(stage.now()), patience()));
      unknown(await adapter.query(orderOf(aRequest(stage.now()), 'cs_test_a1x'), patience()));
      unknown(await adapter.query(orderOf(aRequest(stage.now()), null), patience()));
      unknown(await adapter.probe(patience()));
    },
  );
});

test('a redirect is not followed, so that the key goes nowhere else', async () => {
  await withServer(
    stage,
    (response) => response.writeHead(307, { location: 'http://127.0.0.1:1/elsewhere' }).end('{}'),
    async (adapter, requests) => {
      expect(await adapter.create(aRequest(stage.now()), patience())).toMatchObject({
        ok: false,
        error: { created: 'maybe' },
      });
      expect(requests()).toBe(1);
    },
  );
});

test('a request that was reset is not sent again by itself', async () => {
  await withServer(
    stage,
    (response) => response.socket?.destroy(),
    async (adapter, requests) => {
      await adapter.create(aRequest(stage.now()), patience());
      expect(requests()).toBe(1);
    },
  );
});

test('an endless answer is cut off', async () => {
  await withServer(
    stage,
    (response) => {
      response.on('error', () => {});
      const chunk = Buffer.alloc(1 << 20, 0x20);
      const pour = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', pour);
      pour();
    },
    async (adapter) => {
      expect(await adapter.probe(patience())).toEqual({
        ok: false,
        error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' },
      });
    },
  );
});

test('a Session that is paid between our look and our close is told as paid', async () => {
  const request = aRequest(stage.now());
  const made = await stage.adapter.create(request, patience());
  if (!made.ok) throw new Error(made.error.kind);
  const { channelTradeNo } = made.value;
  const look = () => stage.api('GET', `/v1/checkout/sessions/${channelTradeNo}`, { 'expand[]': 'payment_intent' });
  const open = await look();
  await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef });
  const refused = await stage.api('POST', `/v1/checkout/sessions/${channelTradeNo}/expire`);
  expect(refused).toMatchObject({ status: 400, json: { error: { type: 'invalid_request_error' } } });
  const answers = [open, refused, await look()];
  await withServer(
    stage,
    (response) => {
      const answer = answers.shift();
      response.writeHead(answer?.status ?? 500).end(JSON.stringify(answer?.json));
    },
    async (adapter, requests) => {
      const seen = await adapter.close(orderOf(request, channelTradeNo), patience());
      expect(seen).toMatchObject({ ok: true, value: { state: 'succeeded', amount: request.amount } });
      expect(requests()).toBe(3);
    },
  );
});

test('an account too busy to look through proves nothing about a lost order', async () => {
  await withServer(
    stage,
    (response) => response.end('{"object":"list","has_more":true,"data":[{"id":"cs_x"},{"id":"cs_y"}]}'),
    async (adapter) => {
      expect(await adapter.query(orderOf(aRequest(stage.now()), null), patience())).toMatchObject({
        ok: true,
        value: { state: 'unclear' },
      });
    },
  );
});
