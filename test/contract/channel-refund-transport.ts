import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelAdapter, RefundRequest } from '../../src/channel/index.ts';
import { REFUND_ABSENT } from '../../src/payment/index.ts';
import { aDeadPort, backInTime, isSeen, SIGNAL_MS, SPOILT_ANSWERS, TRANSPORT_FAULTS } from './channel-faults.ts';
import { aPaidOrder, aRefund, ask, decided, movedMinor, send } from './channel-refund-stage.ts';
import { type ChannelStage, type Placed, patience, startChannelStage } from './channel-stage.ts';
import { type ChannelSubject, credentialAt, withCredential } from './channel-subject.ts';

const UNKNOWN = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' };

/** What can happen to a refund on the wire: it is never wrongly called done, and sending it again returns the money once. */
export function describeRefundTransport(subject: ChannelSubject): void {
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const refund = (request: RefundRequest, adapter: ChannelAdapter = stage.adapter) =>
    backInTime(adapter.refund(request, AbortSignal.timeout(SIGNAL_MS)));
  const queryRefund = (request: RefundRequest, adapter: ChannelAdapter = stage.adapter) =>
    backInTime(adapter.queryRefund(request, AbortSignal.timeout(SIGNAL_MS)));
  /** Whatever has happened: the same number again, and the money has moved once. */
  const expectMovedOnce = async (paid: Placed, request: RefundRequest): Promise<void> => {
    stage.host.control.faults('one', {});
    await send(stage, request);
    expect(await decided(stage, request)).toMatchObject({ state: 'succeeded', error: null });
    expect(movedMinor(stage, paid)).toBe(request.amount.minor);
    expect(stage.book(paid.request.providerRef)?.refunds.filter(({ status }) => status !== 'failed')).toHaveLength(1);
  };
  const withDeadPort = async (): Promise<unknown> => {
    const credentials = JSON.stringify(stage.host.credentials('one'));
    return JSON.parse(credentials.replaceAll(stage.host.url, `http://127.0.0.1:${await aDeadPort()}`));
  };

  test.each(TRANSPORT_FAULTS)(
    'when $name, a refund may be made, and sent again it is made once',
    async ({ faults }) => {
      const paid = await aPaidOrder(stage);
      const request = aRefund(paid);
      stage.host.control.faults('one', faults);
      expect(await refund(request)).toMatchObject({ ok: false, error: UNKNOWN });
      expect(await queryRefund(request)).toMatchObject({ ok: false, error: UNKNOWN });
      await expectMovedOnce(paid, request);
    },
  );

  test('a refund whose answer never came is found by a query, and sent again it is made once', async () => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    stage.host.control.faults('one', { timeout_after_refund_rate: 1 });
    expect(await refund(request)).toMatchObject({ ok: false, error: UNKNOWN });
    expect(movedMinor(stage, paid), 'the refund was made').toBe(request.amount.minor);
    expect(await decided(stage, request)).toMatchObject({ state: 'succeeded', error: null });
    await expectMovedOnce(paid, request);
  });

  test('when nobody listens, there certainly is no refund', async () => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    const adapter = stage.openAdapter(await withDeadPort());
    const unavailable = { ok: false, error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no' } };
    expect(await refund(request, adapter)).toMatchObject(unavailable);
    expect(await queryRefund(request, adapter)).toMatchObject(unavailable);
    expect(await ask(stage, request)).toEqual(REFUND_ABSENT);
    await expectMovedOnce(paid, request);
  });

  test.each(
    SPOILT_ANSWERS.map(
      (answer) => [answer, isSeen(subject, answer) ? 'not believed' : 'no different: none is signed so'] as const,
    ),
  )('an answer that is %s is %s', async (answer) => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    stage.host.control.faults('one', { answer });
    const error = { ...UNKNOWN, reason: 'forged_response' };
    const expected = isSeen(subject, answer) ? { ok: false, error } : { ok: true };
    expect(await stage.adapter.refund(request, patience())).toMatchObject(expected);
    expect(await stage.adapter.queryRefund(request, patience())).toMatchObject(expected);
    await expectMovedOnce(paid, request);
  });

  test('a signal that has fired already ends both calls at once', async () => {
    const request = aRefund(await aPaidOrder(stage));
    for (const what of ['refund', 'queryRefund'] as const) {
      const result = await backInTime(stage.adapter[what](request, AbortSignal.abort()));
      if (result.ok) throw new Error(`${what} went on`);
      const { kind, created } = result.error;
      expect(['CHANNEL_UNAVAILABLE no', 'CHANNEL_TIMEOUT_UNKNOWN maybe'], what).toContain(`${kind} ${created}`);
    }
  });

  test('"not taken" is said of an aborted refund only if it was not', async () => {
    const fates = [0, 1, 2, 3, 5, 8, 13].map(async (ms) => {
      const paid = await aPaidOrder(stage);
      const request = aRefund(paid);
      const signal = ms === 0 ? AbortSignal.abort() : AbortSignal.timeout(ms);
      return { paid, request, result: await stage.adapter.refund(request, signal) };
    });
    const ended = await Promise.all(fates);
    await stage.adapter.probe(patience()); // whatever was on its way has arrived when this is answered
    for (const { paid, request, result } of ended) {
      if (!result.ok && result.error.created === 'no') expect(movedMinor(stage, paid)).toBe(0);
      await expectMovedOnce(paid, request);
    }
  });

  test('with a wrong key the operator is blamed, and no refund is made', async () => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    const foreign = credentialAt(stage.host.credentials('two'), subject.requestSecret);
    const credentials = withCredential(stage.host.credentials('one'), subject.requestSecret, foreign);
    const adapter = stage.openAdapter(credentials);
    const blamed = { ok: false, error: { kind: 'AUTH_MISCONFIGURED', created: 'no' } };
    expect(await adapter.refund(request, patience())).toMatchObject(blamed);
    expect(await adapter.queryRefund(request, patience())).toMatchObject(blamed);
    expect(movedMinor(stage, paid)).toBe(0);
  });
}
