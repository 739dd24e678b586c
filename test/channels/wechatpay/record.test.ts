import { createVerify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { WireExchange } from '../../../src/channel/index.ts';
import {
  aTransaction,
  merchantPublicKey,
  openAdapter,
  REF,
  type ScriptedAnswer,
  signedAnswer,
  someCredentials,
  startScripted,
} from './platform.ts';
import { soon, startStage } from './stage.ts';

const ORDER = { providerRef: REF, channelTradeNo: null, amount: { minor: 100, currency: 'CNY' } };

async function queryRecorded(answer: ScriptedAnswer, signal = soon(), set: Record<string, unknown> = {}) {
  const recorded: WireExchange[] = [];
  const { url, calls } = await startScripted(() => answer);
  const adapter = openAdapter({ base_url: url, ...set }, undefined, (exchange) => recorded.push(exchange));
  const result = await adapter.query(ORDER, signal);
  return { result, recorded, url, calls };
}

describe('the record of requests', () => {
  test('holds what went over the wire, so that both signatures can be checked again', async () => {
    const answer = signedAnswer(200, JSON.stringify(aTransaction()));
    const { recorded, url } = await queryRecorded(answer);
    const path = `/v3/pay/transactions/out-trade-no/${REF}?mchid=1900000001`;
    expect(recorded).toEqual([
      {
        method: 'GET',
        url: url + path,
        requestHeaders: expect.objectContaining({ accept: 'application/json' }),
        requestBody: '',
        status: 200,
        responseHeaders: expect.objectContaining(answer.headers ?? {}),
        responseBody: answer.body,
        failure: null,
      },
    ]);
    const authorization = recorded[0]?.requestHeaders.authorization ?? '';
    const field = (name: string) => new RegExp(`${name}="([^"]+)"`).exec(authorization)?.[1] ?? '';
    const text = `GET\n${path}\n${field('timestamp')}\n${field('nonce_str')}\n\n`;
    expect(createVerify('RSA-SHA256').update(text).verify(merchantPublicKey, field('signature'), 'base64')).toBe(true);
  });

  test('has one entry for each request of every operation, and no secret in any', async () => {
    const { adapter, host, aPaidOrder, anOrder, refOf, aRefundOf, recorded, base } = await startStage();
    const order = await aPaidOrder();
    const unpaid = anOrder({ scene: 'wap' });
    await adapter.create(unpaid, soon());
    await adapter.close(refOf(unpaid), soon());
    await adapter.query(order, soon());
    await adapter.probe(soon());
    await adapter.refund(aRefundOf(order), soon());
    await adapter.queryRefund(aRefundOf(order), soon());
    const pay = '/v3/pay/transactions';
    const refunds = '/v3/refund/domestic/refunds';
    expect(recorded.map(({ method, url }) => `${method} ${url.slice(base.length).split('?')[0]}`)).toEqual([
      `POST ${pay}/native`,
      `POST ${pay}/h5`,
      `POST ${pay}/out-trade-no/${unpaid.providerRef}/close`,
      `GET ${pay}/out-trade-no/${order.providerRef}`,
      expect.stringMatching(/^GET .*\/probe[0-9a-f]+$/),
      `POST ${refunds}`,
      `GET ${refunds}/${aRefundOf(order).refundRef}`,
    ]);
    expect(recorded.map(({ status, failure }) => [status, failure])).toEqual([
      ...[200, 200, 204, 200, 404, 200, 200].map((status) => [status, null]),
    ]);
    const text = JSON.stringify(recorded);
    const { private_key, api_v3_key } = Object(host.credentials('wechatpay-main'));
    expect(text).not.toContain(api_v3_key);
    const key = private_key.replaceAll(/-----[^-]+-----|\n/g, '');
    expect(key.length).toBeGreaterThan(1_000);
    for (let at = 0; at + 20 <= key.length; at += 1) expect(text.includes(key.slice(at, at + 20))).toBe(false);
  });

  test('holds the fetch of certificates, and what was not believed', async () => {
    const unsigned = { status: 200, body: '{"data":[]}' };
    const set = { public_key: undefined, public_key_id: undefined };
    const { recorded, calls, result } = await queryRecorded(unsigned, soon(), set);
    expect(result.ok).toBe(false);
    expect(calls).toEqual(['GET /v3/certificates']);
    expect(recorded).toMatchObject([{ status: 200, responseBody: unsigned.body, failure: null }]);
    expect(JSON.stringify(recorded)).not.toContain(String(someCredentials().api_v3_key));
  });

  test('holds an answer that was refused for its signature', async () => {
    const { result, recorded } = await queryRecorded({ status: 200, body: JSON.stringify(aTransaction()) });
    expect(result).toMatchObject({ ok: false, error: { reason: 'forged_response' } });
    expect(recorded).toMatchObject([{ status: 200, responseBody: JSON.stringify(aTransaction()) }]);
  });

  test('holds a request that nobody answers', async () => {
    const recorded: WireExchange[] = [];
    const adapter = openAdapter({ base_url: 'http://127.0.0.1:1' }, undefined, (exchange) => recorded.push(exchange));
    await adapter.query(ORDER, soon());
    expect(recorded).toMatchObject([
      { method: 'GET', status: null, responseHeaders: {}, responseBody: null, failure: 'econnrefused' },
    ]);
  });

  test.each([
    ['is reset', { answer: 'reset_after' }, null],
    ['is cut in half', { answer: 'truncated' }, /^\{/],
  ] as const)('holds a request whose answer %s, with what came of it', async (_what, faults, came) => {
    const { adapter, anOrder, faults: setFaults, recorded } = await startStage();
    setFaults(faults);
    await adapter.create(anOrder(), soon());
    expect(recorded).toMatchObject([
      {
        status: null,
        failure: expect.stringMatching(/^[a-z_]+$/),
        responseBody: came === null ? null : expect.stringMatching(came),
      },
    ]);
  });

  test('holds an aborted request once, whatever comes after the abort', async () => {
    const { adapter, anOrder, faults, recorded } = await startStage();
    faults({ answer: 'slow_body' });
    await adapter.create(anOrder(), AbortSignal.timeout(200));
    faults({});
    await adapter.probe(soon()); // on the same connections: whatever was on its way has arrived
    expect(recorded).toHaveLength(2);
    expect(recorded[0]).toMatchObject({ method: 'POST', status: null, failure: 'aborted' });
    expect(recorded[1]).toMatchObject({ status: 404, failure: null });
  });

  test('holds nothing of a request that was aborted before it was tried', async () => {
    const { recorded, calls } = await queryRecorded(signedAnswer(200, '{}'), AbortSignal.abort());
    expect([recorded, calls]).toEqual([[], []]);
  });

  test('cuts an answer that is longer than any real one', async () => {
    const long = signedAnswer(200, JSON.stringify(aTransaction({ attach: 'x'.repeat(2_000_000) })));
    const { recorded } = await queryRecorded(long);
    expect(recorded).toMatchObject([{ status: null, failure: 'answer_too_long' }]);
    expect(recorded[0]?.responseBody?.length).toBeLessThanOrEqual(1_048_576);
  });

  test('keeps apart what runs at the same time', async () => {
    const { adapter, anOrder, recorded } = await startStage();
    const orders = Array.from({ length: 20 }, () => anOrder());
    await Promise.all(orders.map((order) => adapter.create(order, soon())));
    const sent = recorded.map(({ requestBody }) => JSON.parse(requestBody).out_trade_no);
    expect([...sent].sort()).toEqual(orders.map(({ providerRef }) => providerRef).sort());
  });
});
