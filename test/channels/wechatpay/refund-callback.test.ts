import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aCallback,
  aRefundBody,
  aRefundNotice,
  encrypt,
  MCH_ID,
  NOW,
  openAdapter,
  REF,
  REFUND_NO,
  REFUND_REF,
  strangerKey,
} from './platform.ts';
import { eventually, soon, startStage } from './stage.ts';

const parse = (raw = aCallback(aRefundBody())) => openAdapter().parseCallback(raw, soon());
const parseNotice = (set: Record<string, unknown>, event?: string) =>
  parse(aCallback(aRefundBody(aRefundNotice(set), event === undefined ? {} : { event_type: event })));

describe('a genuine callback about a refund', () => {
  test('says which refund of which order, how much, by whom and when', async () => {
    expect(await parse()).toEqual({
      ok: true,
      value: [
        {
          kind: 'refund',
          providerRef: REF,
          refundRef: REFUND_REF,
          observation: {
            state: 'succeeded',
            account: MCH_ID,
            amount: { minor: 40, currency: 'CNY' },
            channelRefundNo: REFUND_NO,
            refundedAt: NOW,
            error: null,
          },
        },
      ],
    });
  });

  test('repeated within the window is the same statement again', async () => {
    const adapter = openAdapter();
    const raw = aCallback(aRefundBody());
    expect(await adapter.parseCallback(raw, soon())).toEqual(await adapter.parseCallback(raw, soon()));
  });

  test.each([
    ['REFUND.SUCCESS', 'SUCCESS', 'succeeded', null],
    ['REFUND.CLOSED', 'CLOSED', 'failed', 'CLOSED'],
    ['REFUND.ABNORMAL', 'ABNORMAL', 'pending', 'ABNORMAL'],
    ['REFUND.SUCCESS', 'PROCESSING', 'pending', null],
    ['REFUND.SUCCESS', 'CLOSED', 'failed', 'CLOSED'],
    ['REFUND.SUCCESS', 'WHATEVER', 'unclear', null],
  ])('of type %s that says %s is %s', async (event, refund_status, state, code) => {
    expect(await parseNotice({ refund_status }, event)).toMatchObject({
      ok: true,
      value: [{ observation: { state, error: code === null ? null : { providerCode: code } } }],
    });
  });

  test('names the order as the content does, also when the refund number is another order’s', async () => {
    const out_trade_no = '01j0000000000000000000000099';
    expect(await parseNotice({ out_trade_no })).toMatchObject({
      ok: true,
      value: [{ providerRef: out_trade_no, refundRef: REFUND_REF }],
    });
  });

  test.each([
    'made-by-hand-1',
    REF,
    `${REF}r01`,
    `${REF}r0001`,
    REFUND_REF.toUpperCase(),
    `${REFUND_REF}@`,
    '5030000000202601010000',
  ])('about the refund %s, which is not ours, is acknowledged and says nothing', async (out_refund_no) => {
    expect(await parseNotice({ out_refund_no })).toEqual({ ok: true, value: [] });
  });
});

describe('a callback about a refund that is not believed', () => {
  test.each([
    ['another merchant', '1900000002'],
    ['the merchant number with a blank', `${MCH_ID} `],
  ])('of %s', async (_what, mchid) => {
    expect(await parseNotice({ mchid })).toEqual({ ok: false, error: 'foreign_account' });
    expect(await parseNotice({ mchid, out_refund_no: 'by-hand' })).toEqual({ ok: false, error: 'foreign_account' });
  });

  test('signed by a stranger, or changed after signing', async () => {
    const forged = aCallback(aRefundBody(), { signing: { key: strangerKey } });
    expect(await parse(forged)).toEqual({ ok: false, error: 'bad_signature' });
    const genuine = aCallback(aRefundBody());
    const body = Buffer.from(Buffer.from(genuine.body).toString().replace('REFUND.SUCCESS', 'REFUND.CLOSED'));
    expect(await parse({ ...genuine, body })).toEqual({ ok: false, error: 'bad_signature' });
  });

  test('replayed after the window', async () => {
    const old = aCallback(aRefundBody(), { signing: { at: NOW - 301_000 } });
    expect(await parse(old)).toEqual({ ok: false, error: 'stale' });
  });

  test('signed well, with content that was sealed otherwise', async () => {
    const plain = JSON.stringify(aRefundNotice());
    for (const resource of [
      encrypt(plain, 'fedcba9876543210fedcba9876543210', 'refund'),
      { ...encrypt(plain, undefined, 'refund'), associated_data: 'transaction' },
      { ...encrypt(plain, undefined, 'refund'), nonce: 'abcdef123457' },
    ]) {
      expect(await parse(aCallback(aRefundBody(undefined, { resource })))).toEqual({
        ok: false,
        error: 'bad_signature',
      });
    }
  });

  test.each([
    ['no refund number', { out_refund_no: undefined }],
    ['a refund number that is a list', { out_refund_no: [REFUND_REF] }],
    ['no order number', { out_trade_no: undefined }],
    ['no merchant', { mchid: undefined }],
    ['no status', { refund_status: undefined }],
    ['the status of a query', { refund_status: undefined, status: 'SUCCESS' }],
    ['an amount that is text', { amount: { total: 100, refund: '40' } }],
    ['a negative amount', { amount: { total: 100, refund: -40 } }],
    ['an amount with decimals', { amount: { total: 100, refund: 0.5 } }],
    ['no amount', { amount: undefined }],
  ])('signed well, with %s', async (_what, set) => {
    expect(await parseNotice(set)).toEqual({ ok: false, error: 'malformed' });
  });

  test('whose content is a payment', async () => {
    const { refund_status: _status, ...payment } = aRefundNotice({ trade_state: 'SUCCESS' });
    expect(await parse(aCallback(aRefundBody(payment)))).toEqual({ ok: false, error: 'malformed' });
  });

  test('whatever is inside a genuine envelope, nothing throws', async () => {
    const adapter = openAdapter();
    await fc.assert(
      fc.asyncProperty(fc.json(), async (plain) => {
        expect((await adapter.parseCallback(aCallback(aRefundBody(plain)), soon())).ok).toBe(false);
      }),
    );
  });
});

describe('the simulator’s callbacks about refunds', () => {
  test.each(['certificate', 'mixed'] as const)('are verified with the key that they name (%s)', async (keyMode) => {
    const { adapter, aPaidOrder, aRefundOf, callbacksOf } = await startStage({ keyMode });
    const refund = aRefundOf(await aPaidOrder());
    expect(await adapter.refund(refund, soon())).toMatchObject({ ok: true });
    const [raw] = await callbacksOf(refund);
    expect(raw && (await adapter.parseCallback(raw, soon()))).toMatchObject({
      ok: true,
      value: [{ refundRef: refund.refundRef }],
    });
  });

  test('are repeated under the same id and content until they are acknowledged', async () => {
    const { adapter, aPaidOrder, aRefundOf, receiver, callbacksOf } = await startStage();
    receiver.answerWith((_raw, n) => ({ status: n < 4 ? 500 : 204, contentType: 'text/plain', body: '' }));
    const refund = aRefundOf(await aPaidOrder());
    await adapter.refund(refund, soon());
    const raws = await callbacksOf(refund, 2);
    expect(new Set(raws.map(({ body }) => JSON.parse(Buffer.from(body).toString()).id)).size).toBe(1);
    const seen = await Promise.all(raws.map((raw) => adapter.parseCallback(raw, soon())));
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
  });

  test('say in every repeat what they said first, whatever has happened since', async () => {
    const { adapter, aPaidOrder, aRefundOf, faults, settings, settleRefund, callbacksOf, receiver } =
      await startStage();
    faults({ refunds: 'pending' });
    const refund = aRefundOf(await aPaidOrder());
    await adapter.refund(refund, soon());
    await settings({ stuck_refund: { refund_no: refund.refundRef } });
    await callbacksOf(refund);
    await settleRefund(refund, 'succeeded');
    const idOf = ({ body }: { body: Uint8Array }): string => JSON.parse(Buffer.from(body).toString()).id;
    const byId = await eventually(() => {
      const ours = receiver.received.filter(({ target }) => refund.callbackUrl.endsWith(target));
      const groups = [...Map.groupBy(ours, idOf).values()];
      return groups.length === 2 && groups.every(({ length }) => length >= 3) ? groups : undefined;
    });
    const told = byId.map((raws) => Promise.all(raws.map((raw) => adapter.parseCallback(raw, soon()))));
    for (const [i, state] of ['pending', 'succeeded'].entries()) {
      const seen = (await told[i])?.map((one) => one.ok && one.value.map(({ observation }) => observation.state));
      expect(new Set(seen?.flat())).toEqual(new Set([state]));
    }
  });

  test('about a refund that was decided before its time tell of that decision, and nothing undoes it', async () => {
    const { adapter, aPaidOrder, aRefundOf, settleRefund, callbacksOf, receiver, book } = await startStage();
    receiver.answerWith(() => ({ status: 204, contentType: 'text/plain', body: '' }));
    const order = await aPaidOrder();
    const refund = aRefundOf(order);
    await adapter.refund(refund, soon());
    await settleRefund(refund, 'failed');
    for (const raw of await callbacksOf(refund, 2)) {
      expect(await adapter.parseCallback(raw, soon())).toMatchObject({
        ok: true,
        value: [{ observation: { state: 'failed' } }],
      });
    }
    expect(book(order.providerRef).refunds).toMatchObject([{ status: 'failed' }]);
  });

  test('with a wrong signature are refused, with a wrong amount passed on as they were signed', async () => {
    const { adapter, aPaidOrder, aRefundOf, faults, callbacksOf } = await startStage();
    const first = aRefundOf(await aPaidOrder());
    const second = aRefundOf(await aPaidOrder());
    faults({ wrong_signature: true });
    await adapter.refund(first, soon());
    const [forged] = await callbacksOf(first);
    expect(forged && (await adapter.parseCallback(forged, soon()))).toEqual({ ok: false, error: 'bad_signature' });
    faults({ wrong_amount: true });
    await adapter.refund(second, soon());
    const [wrong] = await callbacksOf(second);
    expect(wrong && (await adapter.parseCallback(wrong, soon()))).toMatchObject({
      ok: true,
      value: [{ observation: { amount: { minor: second.amount.minor + 1 } } }],
    });
  });
});
