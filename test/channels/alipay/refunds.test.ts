import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { provider } from '../../../channels/alipay/index.ts';
import { CHANNEL_ERROR_KINDS, type CreateRequest, type RefundRequest } from '../../../src/channel/index.ts';
import { issueDurableReceipt } from '../../../src/payment/durable.ts';
import { money, REFUND_ABSENT, refundRefOf } from '../../../src/payment/index.ts';
import { aPaidOrder, aRefund, aRequest, patient, refOf, type Stage, startStage } from './stage.ts';

const yuan = (minor: number) => money(minor, 'CNY');
const refused = (kind: string, providerCode: string, created = 'no') => ({
  ok: false,
  error: { kind, created, providerCode },
});
const returned = (stage: Stage, refund: RefundRequest) => stage.adapter.refund(refund, patient());
const asked = (stage: Stage, refund: RefundRequest) => stage.adapter.queryRefund(refund, patient());
const faults = (stage: Stage, refunds: 'normal' | 'pending' | 'failed' | 'no_balance') =>
  stage.host.control.faults('alipay-main', { refunds });

/** What the provider believes of the refunds of an order. */
function book({ host }: Stage, { providerRef }: CreateRequest) {
  const orders = host.control.orders('alipay-main', providerRef);
  return orders.ok ? (orders.value[0]?.refunds.map(({ amountMinor, status }) => [amountMinor, status]) ?? []) : [];
}

/** The refunds that the callbacks of an order speak of, in the order of their arrival. */
async function told(stage: Stage, request: CreateRequest) {
  const parsed = await Promise.all(
    stage.callbacksOf(request).map((raw) => stage.adapter.parseCallback(raw, patient())),
  );
  return parsed.flatMap((notices) => (notices.ok ? notices.value : [])).filter(({ kind }) => kind === 'refund');
}

test('the channel says that it refunds', () => {
  expect(provider.capabilities).toEqual(expect.arrayContaining(['refund', 'partial_refund']));
});

test('a full refund succeeds at once, and the query then names its amount and time', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refund = aRefund(request, 1, { reason: '不想要了 & 100%' });
  const account = stage.credentials.app_id;
  const answer = await returned(stage, refund);
  expect(answer).toMatchObject({
    ok: true,
    value: { state: 'succeeded', account, amount: null, channelRefundNo: null, error: null },
  });
  const refundedAt = answer.ok ? (answer.value.refundedAt ?? 0) : 0;
  expect(Math.abs(refundedAt - Date.now())).toBeLessThan(60_000);
  expect(await asked(stage, refund)).toEqual({
    ok: true,
    value: { state: 'succeeded', account, amount: yuan(1050), channelRefundNo: null, refundedAt, error: null },
  });
  expect(book(stage, request)).toEqual([[1050, 'succeeded']]);
});

test('parts add up to the whole and not to a fen more; each is asked for by its own number', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const parts = [1, 349, 700].map((minor, i) => aRefund(request, i + 1, { amount: yuan(minor) }));
  for (const part of parts) expect(await returned(stage, part)).toMatchObject({ value: { state: 'succeeded' } });
  for (const part of parts) expect(await asked(stage, part)).toMatchObject({ value: { amount: part.amount } });
  const over = aRefund(request, 4, { amount: yuan(1) });
  expect(await returned(stage, over)).toEqual(refused('INVALID_REQUEST', 'ACQ.TRADE_HAS_CLOSE'));
  expect(book(stage, request)).toHaveLength(3);
});

test('more than is left is refused while something is left, too', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  await returned(stage, aRefund(request, 1, { amount: yuan(1000) }));
  const over = aRefund(request, 2, { amount: yuan(51) });
  expect(await returned(stage, over)).toEqual(refused('INVALID_REQUEST', 'ACQ.REASON_TRADE_REFUND_FEE_ERR'));
  expect(await asked(stage, over)).toEqual({ ok: true, value: REFUND_ABSENT });
});

test('the same number moves money once, however often and with whatever amount it comes again', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refund = aRefund(request, 1, { amount: yuan(300) });
  await Promise.all(Array.from({ length: 20 }, () => returned(stage, refund)));
  // Alipay says fund_change=N: without the query nobody knows whether money has moved.
  expect(await returned(stage, refund)).toMatchObject({ ok: true, value: { state: 'pending' } });
  expect(await asked(stage, refund)).toMatchObject({ value: { state: 'succeeded', amount: yuan(300) } });
  expect(await returned(stage, { ...refund, amount: yuan(301) })).toEqual(
    refused('DUPLICATE', 'ACQ.DISCORDANT_REPEAT_REQUEST', 'maybe'),
  );
  expect(book(stage, request)).toEqual([[300, 'succeeded']]);
});

test('a repeat after a full refund is still the first result and no refusal', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refund = aRefund(request, 1);
  await returned(stage, refund);
  expect(await returned(stage, refund)).toMatchObject({ ok: true, value: { state: 'pending' } });
  expect(await asked(stage, refund)).toMatchObject({ value: { state: 'succeeded' } });
});

test('an answer that was lost is found by asking, and sending again moves nothing', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refund = aRefund(request, 1, { amount: yuan(300) });
  stage.host.control.faults('alipay-main', { answer: 'reset_after' });
  expect(await returned(stage, refund)).toMatchObject({ error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' } });
  stage.host.control.faults('alipay-main', {});
  expect(await asked(stage, refund)).toMatchObject({ value: { state: 'succeeded', amount: yuan(300) } });
  await returned(stage, refund);
  expect(book(stage, request)).toEqual([[300, 'succeeded']]);
});

test('an order that nobody has paid, opened or placed is not refunded', async () => {
  const stage = await startStage();
  const unseen = aRequest(stage);
  const created = await stage.adapter.create(unseen, patient());
  expect(await returned(stage, aRefund(unseen, 1))).toEqual(refused('NOT_FOUND', 'ACQ.TRADE_NOT_EXIST'));
  expect(await asked(stage, aRefund(unseen, 1))).toEqual({ ok: true, value: REFUND_ABSENT });
  if (created.ok && created.value.action.type === 'qr_code') await fetch(created.value.action.qrCode);
  expect(await returned(stage, aRefund(unseen, 1))).toEqual(refused('INVALID_REQUEST', 'ACQ.TRADE_STATUS_ERROR'));
  expect(await returned(stage, aRefund(aRequest(stage), 1))).toEqual(refused('NOT_FOUND', 'ACQ.TRADE_NOT_EXIST'));
});

test('past its refund window an order is finished: still paid, and not refunded any more', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  await returned(stage, aRefund(request, 1, { amount: yuan(300) }));
  stage.clock.offsetMs = 366 * 86_400_000;
  expect(await stage.adapter.query(refOf(request), patient())).toMatchObject({ value: { state: 'succeeded' } });
  const late = aRefund(request, 2, { amount: yuan(300) });
  expect(await returned(stage, late)).toEqual(refused('INVALID_REQUEST', 'ACQ.TRADE_HAS_FINISHED'));
});

test('an empty account of ours refuses for now: the same number works when there is money', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refund = aRefund(request, 1);
  faults(stage, 'no_balance');
  expect(await returned(stage, refund)).toEqual(refused('INSUFFICIENT_BALANCE', 'ACQ.SELLER_BALANCE_NOT_ENOUGH'));
  expect(CHANNEL_ERROR_KINDS.INSUFFICIENT_BALANCE.afterRefund).toBe('repeat');
  expect(await asked(stage, refund)).toEqual({ ok: true, value: REFUND_ABSENT });
  faults(stage, 'normal');
  expect(await returned(stage, refund)).toMatchObject({ value: { state: 'succeeded' } });
  expect(book(stage, request)).toEqual([[1050, 'succeeded']]);
});

test('a buyer whose account takes no money is a final refusal, and nothing is booked', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  faults(stage, 'failed');
  expect(await returned(stage, aRefund(request, 1))).toEqual(refused('DECLINED', 'ACQ.BUYER_ERROR'));
  expect(CHANNEL_ERROR_KINDS.DECLINED.afterRefund).toBe('fail');
  expect(book(stage, request)).toEqual([]);
});

test('a refund that is not decided yet is pending, reads like an unknown one, and keeps its amount', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refund = aRefund(request, 1, { amount: yuan(800) });
  faults(stage, 'pending');
  expect(await returned(stage, refund)).toMatchObject({ value: { state: 'pending', refundedAt: null } });
  expect(await asked(stage, refund)).toEqual({ ok: true, value: REFUND_ABSENT });
  faults(stage, 'normal');
  expect(await returned(stage, refund)).toMatchObject({ value: { state: 'pending' } });
  expect(await returned(stage, aRefund(request, 2, { amount: yuan(251) }))).toMatchObject({
    error: { kind: 'INVALID_REQUEST' },
  });
  const settled = await stage.host.control.settleRefund('alipay-main', {
    refundNo: refund.refundRef,
    outcome: 'succeeded',
  });
  expect(settled.ok).toBe(true);
  expect(await asked(stage, refund)).toMatchObject({ value: { state: 'succeeded', amount: yuan(800) } });
  await expect.poll(() => told(stage, request)).toHaveLength(1);
});

test('a pending refund that fails is refused when it is sent again, and frees its amount', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refund = aRefund(request, 1, { amount: yuan(800) });
  faults(stage, 'pending');
  await returned(stage, refund);
  await stage.host.control.settleRefund('alipay-main', { refundNo: refund.refundRef, outcome: 'failed' });
  faults(stage, 'normal');
  expect(await asked(stage, refund)).toEqual({ ok: true, value: REFUND_ABSENT });
  expect(await returned(stage, refund)).toEqual(refused('DECLINED', 'ACQ.BUYER_ERROR'));
  expect(await returned(stage, aRefund(request, 2))).toMatchObject({ value: { state: 'succeeded' } });
  expect(book(stage, request)).toEqual([
    [800, 'failed'],
    [1050, 'succeeded'],
  ]);
});

test('after a full refund the order still reads as paid, by query and by close; its notice pays nothing', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const before = await stage.adapter.query(refOf(request), patient());
  await returned(stage, aRefund(request, 1));
  expect(before).toMatchObject({ value: { state: 'succeeded', amount: yuan(1050) } });
  expect(await stage.adapter.query(refOf(request), patient())).toEqual(before);
  expect(await stage.adapter.close(refOf(request), patient())).toEqual(before);
  await expect.poll(() => stage.callbacksOf(request).length).toBe(2);
  const raw = stage.callbacksOf(request)[1];
  if (raw === undefined) throw new Error('no callback');
  expect(new URLSearchParams(Buffer.from(raw.body).toString()).get('trade_status')).toBe('TRADE_CLOSED');
  const notices = await stage.adapter.parseCallback(raw, patient());
  expect(notices).toMatchObject({ value: [{ kind: 'order', observation: { state: 'unclear' } }, { kind: 'refund' }] });
});

test("each refund is told of at the trade's own address, under our number, until it is acknowledged", async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const parts = [300, 750].map((minor, i) => aRefund(request, i + 1, { amount: yuan(minor) }));
  for (const part of parts) await returned(stage, part);
  await expect.poll(() => told(stage, request)).toHaveLength(2);
  for (const { refundRef } of parts) {
    expect(await told(stage, request)).toContainEqual({
      kind: 'refund',
      providerRef: request.providerRef,
      refundRef,
      observation: {
        state: 'succeeded',
        account: stage.credentials.app_id,
        amount: null,
        channelRefundNo: null,
        refundedAt: expect.any(Number),
        error: null,
      },
    });
  }
  const success = stage.adapter.acknowledge({ kind: 'durable', receipt: issueDurableReceipt() });
  expect(success.body).toBe('success');
  expect(stage.callbacksOf(request)).toHaveLength(3);
});

test('a refund in another currency is refused before anything is sent', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const before = stage.recorded.length;
  const foreign = aRefund(request, 1, { amount: money(1050, 'USD') });
  expect(await returned(stage, foreign)).toEqual({
    ok: false,
    error: { kind: 'INVALID_REQUEST', created: 'no', providerCode: null },
  });
  expect(stage.recorded).toHaveLength(before);
});

test('refunds outlive a restart of the simulator, and so does their idempotency', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'alipay-refunds-'));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  const first = await startStage({ dataDir });
  const request = await aPaidOrder(first);
  const refund = aRefund(request, 1, { amount: yuan(300) });
  await returned(first, refund);
  await first.stop();
  const second = await startStage({ dataDir });
  expect(await asked(second, refund)).toMatchObject({ value: { state: 'succeeded', amount: yuan(300) } });
  expect(await returned(second, refund)).toMatchObject({ value: { state: 'pending' } });
  expect(book(second, request)).toEqual([[300, 'succeeded']]);
});

test('our longest refund number is taken', async () => {
  const stage = await startStage();
  const request = await aPaidOrder(stage);
  const refundRef = refundRefOf(request.providerRef, 100);
  expect(refundRef).toHaveLength(32);
  expect(await returned(stage, aRefund(request, 100))).toMatchObject({ value: { state: 'succeeded' } });
});
