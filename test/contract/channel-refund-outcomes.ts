import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CHANNEL_ERROR_KINDS, type RefundRequest } from '../../src/channel/index.ts';
import { REFUND_ABSENT } from '../../src/payment/index.ts';
import {
  aCase,
  aPaidOrder,
  aRefund,
  ask,
  decided,
  movedMinor,
  send,
  settle,
  waitBetweenRefunds,
} from './channel-refund-stage.ts';
import { type ChannelStage, patience, startChannelStage } from './channel-stage.ts';
import type { ChannelSubject } from './channel-subject.ts';

/** Refunds that are not simply made: undecided for a while, impossible, or too much for our account. */
export function describeRefundOutcomes(subject: ChannelSubject): void {
  const knowsAll = subject.refunds?.queried !== 'made_ones';
  const total = aCase(subject).amount.minor;
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  /** A refund that the provider has taken and not decided. */
  const aPendingRefund = async () => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    stage.host.control.faults('one', { refunds: 'pending' });
    const answer = await send(stage, request);
    return { paid, request, answer };
  };

  /** Told by a query or, where a query knows only refunds that were made, by the refusal of a repeat. */
  const expectFailed = async (request: RefundRequest): Promise<void> => {
    const seen = await ask(stage, request);
    if (knowsAll) {
      expect(seen).toMatchObject({ state: 'failed', error: { kind: expect.any(String) } });
      return;
    }
    expect(seen).toEqual(REFUND_ABSENT);
    const again = await stage.adapter.refund(request, patience());
    expect(again).toMatchObject({ ok: false, error: { created: 'no' } });
    if (!again.ok) expect(CHANNEL_ERROR_KINDS[again.error.kind].afterRefund).toBe('fail');
  };

  describe.skipIf(subject.refunds?.decided === 'at_once')('that the provider has not decided yet', () => {
    test('is pending, in the answer and in every query, and repeating it changes nothing', async () => {
      const { paid, request, answer } = await aPendingRefund();
      expect(answer).toMatchObject({ state: 'pending', error: null, refundedAt: null });
      const seen = await ask(stage, request);
      if (knowsAll) expect(seen).toMatchObject({ state: 'pending', error: null, refundedAt: null });
      else expect(seen).toEqual(REFUND_ABSENT);
      expect(await send(stage, request)).toMatchObject({ state: 'pending', error: null });
      expect(movedMinor(stage, paid)).toBe(total);
    });

    test('holds its amount: no second refund can return it too', async () => {
      const { paid } = await aPendingRefund();
      waitBetweenRefunds(stage);
      await stage.adapter.refund(aRefund(paid, { seq: 2 }), patience());
      expect(movedMinor(stage, paid)).toBe(total);
    });

    test('is succeeded once it is made', async () => {
      const { paid, request } = await aPendingRefund();
      await settle(stage, request, 'succeeded');
      expect(await ask(stage, request)).toMatchObject({ state: 'succeeded', error: null });
      expect(['succeeded', 'pending']).toContain((await send(stage, request)).state);
      expect(await decided(stage, request)).toMatchObject({ state: 'succeeded' });
      expect(movedMinor(stage, paid)).toBe(total);
    });

    test('is failed once it has turned out to be impossible, and its amount is free for another one', async () => {
      const { paid, request } = await aPendingRefund();
      await settle(stage, request, 'failed');
      await expectFailed(request);
      expect(movedMinor(stage, paid)).toBe(0);
      stage.host.control.faults('one', {});
      waitBetweenRefunds(stage);
      const next = aRefund(paid, { seq: 2 });
      await send(stage, next);
      expect(await decided(stage, next)).toMatchObject({ state: 'succeeded' });
      expect(movedMinor(stage, paid)).toBe(total);
    });
  });

  test('one that cannot be made is refused or ends as failed, and the order is as it was', async () => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    stage.host.control.faults('one', { refunds: 'failed' });
    const answer = await stage.adapter.refund(request, patience());
    if (!answer.ok) expect(answer.error.created).toBe('no');
    const ends = answer.ok ? ['failed'] : ['failed', 'absent'];
    await expect.poll(async () => (await ask(stage, request)).state).toSatisfy((state) => ends.includes(state));
    expect(movedMinor(stage, paid)).toBe(0);
    const seen = await stage.adapter.query(paid.order, patience());
    expect(seen).toMatchObject({ ok: true, value: { state: 'succeeded', amount: paid.request.amount } });
  });

  test('one that our account cannot pay for is refused, and the same number is made once it can', async () => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    stage.host.control.faults('one', { refunds: 'no_balance' });
    for (const _ of [1, 2]) {
      expect(await stage.adapter.refund(request, patience())).toMatchObject({
        ok: false,
        error: { kind: 'INSUFFICIENT_BALANCE', created: 'no' },
      });
    }
    expect(await ask(stage, request)).toMatchObject({ state: expect.stringMatching(/^(absent|failed)$/) });
    expect(movedMinor(stage, paid)).toBe(0);
    stage.host.control.faults('one', {});
    await send(stage, request);
    expect(await decided(stage, request)).toMatchObject({ state: 'succeeded' });
    expect(movedMinor(stage, paid)).toBe(total);
  });
}
