import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import WxPay from 'wechatpay-node-v3';
import { eventually, soon, startStage } from './stage.ts';

/** What of the library must never run (docs/decisions/001): it accepts forged content, or brings its own transport. */
const FORBIDDEN = [
  'verifySign',
  'decipher_gcm',
  'get_certificates',
  'fetchCertificates',
  'publicEncrypt',
  'privateDecrypt',
  'postRequest',
  'postRequestV2',
  'getRequest',
  'getRequestV2',
] as const;

describe('of wechatpay-node-v3 only the request builder is used', () => {
  const touched: string[] = [];
  // Some of these are private or protected in the library's types.
  const prototype: Record<string, () => unknown> = Object(WxPay.prototype);

  beforeEach(() => {
    touched.length = 0;
    for (const name of FORBIDDEN) {
      if (typeof prototype[name] !== 'function') throw new Error(`the library has no ${name} any more: look again`);
      vi.spyOn(prototype, name).mockImplementation(() => {
        touched.push(name);
        throw new Error(`${name} was called`);
      });
    }
  });
  afterEach(() => vi.restoreAllMocks());

  test.each(['public_key', 'certificate', 'mixed'] as const)('in every operation with key mode %s', async (keyMode) => {
    const { adapter, anOrder, refOf, pay, receiver, aRefundOf } = await startStage({ keyMode });
    const build = [
      vi.spyOn(prototype, 'transactions_native'),
      vi.spyOn(prototype, 'transactions_h5'),
      vi.spyOn(prototype, 'query'),
      vi.spyOn(prototype, 'close'),
      vi.spyOn(prototype, 'refunds'),
      vi.spyOn(prototype, 'find_refunds'),
      vi.spyOn(prototype, 'getSignature'),
      vi.spyOn(prototype, 'getAuthorization'),
    ];
    const order = anOrder();
    const wap = anOrder({ scene: 'wap' });
    expect(await adapter.create(order, soon())).toMatchObject({ ok: true });
    expect(await adapter.create(wap, soon())).toMatchObject({ ok: true });
    expect(await adapter.close(refOf(wap), soon())).toMatchObject({ ok: true });
    expect(await adapter.probe(soon())).toMatchObject({ ok: true });
    await pay(order);
    expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'succeeded' } });
    const raw = await eventually(() => receiver.received[0]);
    expect(await adapter.parseCallback(raw, soon())).toMatchObject({ ok: true });
    const refund = aRefundOf(refOf(order));
    expect(await adapter.refund(refund, soon())).toMatchObject({ ok: true });
    expect(await adapter.queryRefund(refund, soon())).toMatchObject({ ok: true });

    expect(touched).toEqual([]);
    expect(Reflect.get(WxPay, 'certificates')).toEqual({});
    for (const used of build) expect(used).toHaveBeenCalled();
  });
});
