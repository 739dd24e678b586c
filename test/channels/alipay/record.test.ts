import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import type { WireExchange } from '../../../src/channel/index.ts';
import {
  createQr,
  ORDER,
  openAdapter,
  PAID,
  REF,
  signedBody,
  startScriptedGateway,
  unknown,
} from './scripted-gateway.ts';
import { aPaidOrder, aRefund, aRequest, patient, refOf, startStage } from './stage.ts';

const ANSWER = signedBody('alipay_trade_query_response', JSON.stringify(PAID));

test('a request and its answer are reported as they went over the wire, the signatures included', async () => {
  const gateway = await startScriptedGateway();
  gateway.answerWith((response) =>
    response.writeHead(200, { 'content-type': 'text/html;charset=utf-8', trace_id: 'abc' }).end(ANSWER),
  );
  await gateway.adapter.query(ORDER, patient());
  expect(gateway.recorded).toHaveLength(1);
  const [exchange] = gateway.recorded;
  expect(exchange).toMatchObject({ method: 'POST', status: 200, responseBody: ANSWER, failure: null });
  expect(exchange?.responseHeaders).toMatchObject({ 'content-type': 'text/html;charset=utf-8', trace_id: 'abc' });
  expect(exchange?.requestHeaders).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' });
  const [arrived] = gateway.arrived;
  expect(new URL(exchange?.url ?? '').search).toBe(`?${arrived?.query}`);
  expect(new URL(exchange?.url ?? '').searchParams.get('sign')).toMatch(/^[A-Za-z0-9+/]{342}==$/);
  expect(new URLSearchParams(exchange?.requestBody).get('biz_content')).toBe(`{"out_trade_no":"${REF}"}`);
});

test.each<[string, (response: ServerResponse) => void, Partial<WireExchange>]>([
  ['is not believed', (response) => response.end('{"forged":1}'), { status: 200, responseBody: '{"forged":1}' }],
  ['is an error page', (response) => response.writeHead(502).end('<h1>'), { status: 502, responseBody: '<h1>' }],
  ['is empty', (response) => response.end(), { status: 200, responseBody: '' }],
  [
    'sends us elsewhere',
    (response) => response.writeHead(307, { location: '/elsewhere' }).end(),
    { status: 307, responseBody: '' },
  ],
])('an answer that %s is reported all the same', async (_how, answer, expected) => {
  const gateway = await startScriptedGateway();
  gateway.answerWith(answer);
  await gateway.adapter.query(ORDER, patient());
  expect(gateway.recorded).toEqual([expect.objectContaining({ ...expected, failure: null })]);
});

test.each<[string, (response: ServerResponse) => void, string | null]>([
  ['reset', (response) => void response.socket?.resetAndDestroy(), null],
  ['closed', (response) => void response.socket?.destroy(), null],
  [
    'cut in half',
    (response) => void response.writeHead(200, { 'content-length': '100' }).write('{"a', () => response.destroy()),
    '{"a',
  ],
])('a connection that is %s is reported once, with what came of it', async (_how, answer, responseBody) => {
  const gateway = await startScriptedGateway();
  gateway.answerWith(answer);
  expect(await createQr(gateway.adapter)).toEqual(unknown());
  expect(gateway.recorded).toEqual([
    expect.objectContaining({ status: null, responseBody, failure: expect.stringMatching(/^\w+$/) }),
  ]);
});

test('a refused connection and an unknown host are reported with their reason', async () => {
  for (const [host, failure] of [
    ['127.0.0.1:1', 'econnrefused'],
    ['no-such-host.invalid', /^(enotfound|eai_again)$/],
  ] as const) {
    const recorded: WireExchange[] = [];
    await openAdapter(`http://${host}/gateway.do`, (exchange) => void recorded.push(exchange)).query(ORDER, patient());
    expect(recorded).toEqual([
      expect.objectContaining({ status: null, responseBody: null, failure: expect.stringMatching(failure) }),
    ]);
    expect(recorded[0]?.url).toMatch(`http://${host}/gateway.do?`);
  }
});

test('a request that is given up is reported once; one that was never begun is not', async () => {
  const gateway = await startScriptedGateway();
  gateway.answerWith((response) => void response.writeHead(200).write('{"half'));
  const abort = new AbortController();
  const answer = gateway.adapter.query(ORDER, abort.signal);
  await expect.poll(() => gateway.arrived.length).toBe(1);
  abort.abort();
  await answer;
  await gateway.adapter.query(ORDER, abort.signal);
  await gateway.adapter.dispose();
  expect(gateway.recorded).toEqual([expect.objectContaining({ status: null, failure: 'aborted' })]);
});

test('it is told before the call ends, and in the context of the call', async () => {
  const gateway = await startScriptedGateway();
  gateway.answerWith((response) => response.end(ANSWER));
  const context = new AsyncLocalStorage<number>();
  const seen: (number | undefined)[] = [];
  const adapter = openAdapter(gateway.url, () => void seen.push(context.getStore()));
  // The second and third come over a connection that the first has opened.
  for (const call of [1, 2, 3]) {
    await context.run(call, () => adapter.query(ORDER, patient()));
    expect(seen).toHaveLength(call);
  }
  expect(seen).toEqual([1, 2, 3]);
});

test('a page that the buyer opens is no request of ours', async () => {
  const stage = await startStage();
  expect(await stage.adapter.create(aRequest(stage, { scene: 'redirect' }), patient())).toMatchObject({ ok: true });
  expect(stage.recorded).toEqual([]);
});

test('every call is reported exactly once, and no secret is in any report', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refund = aRefund(request, 1, { reason: 'broken' });
  await stage.adapter.query(refOf(request), patient());
  await stage.adapter.close(refOf(request), patient()); // asks afterwards what the order is: two requests
  await stage.adapter.refund(refund, patient());
  await stage.adapter.queryRefund(refund, patient());
  await stage.adapter.probe(patient());
  stage.host.control.faults('alipay-main', { answer: 'reset_after' });
  await stage.adapter.refund(refund, patient());
  const methods = stage.recorded.map(({ url }) => new URL(url).searchParams.get('method'));
  expect(methods).toEqual([
    'alipay.trade.precreate',
    'alipay.trade.query',
    'alipay.trade.close',
    'alipay.trade.query',
    'alipay.trade.refund',
    'alipay.trade.fastpay.refund.query',
    'alipay.trade.query',
    'alipay.trade.refund',
  ]);
  const told = JSON.stringify(stage.recorded);
  const keyLines = `${stage.credentials.private_key}`.split('\n').filter((line) => /^[A-Za-z0-9+/=]{16,}$/.test(line));
  expect(keyLines.length).toBeGreaterThan(10);
  for (const line of keyLines) expect(told).not.toContain(line);
  expect(told).not.toMatch(/PRIVATE KEY|authorization|cookie|auth_token/i);
});
