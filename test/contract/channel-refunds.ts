import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CHANNEL_ERROR_KINDS, type ChannelError, type RefundRequest } from '../../src/channel/index.ts';
import { REFUND_ABSENT, type RefundObservation, type Result } from '../../src/payment/index.ts';
import {
  aCase,
  aPaidOrder,
  aRefund,
  ask,
  decided,
  movedMinor,
  send,
  waitBetweenRefunds,
} from './channel-refund-stage.ts';
import { anUnknownOrder, type ChannelStage, leastOrderOf, patience, startChannelStage } from './channel-stage.ts';
import type { ChannelSubject } from './channel-subject.ts';

/** Refunds of a healthy provider: what is returned, what is refused, and what a repeat does. */
export function describeRefunds(subject: ChannelSubject): void {
  const total = aCase(subject).amount.minor;
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const refund = (request: RefundRequest) => stage.adapter.refund(request, patience());
  const aRefundOfNothing = () =>
    aRefund({
      order: anUnknownOrder(aCase(subject)),
      request: { callbackUrl: `${stage.receiver.url}/callbacks/one/0` },
    });
  /** Nothing that is said of a refund may look like another account's or another sum. */
  const expectMade = (seen: RefundObservation, request: RefundRequest): void => {
    expect(seen).toMatchObject({ state: 'succeeded', error: null });
    expectOurs(seen, request);
    if (seen.refundedAt === null) return;
    const paidAt = stage.book(request.order.providerRef)?.paidAt ?? 0; // providers tell seconds
    expect(seen.refundedAt).toBeGreaterThanOrEqual(paidAt - 1000);
    expect(seen.refundedAt).toBeLessThanOrEqual(stage.now() + 1000);
  };
  const expectOurs = (seen: RefundObservation, request: RefundRequest): void => {
    expect([null, stage.adapter.account]).toContain(seen.account);
    expect([null, request.amount]).toContainEqual(seen.amount);
  };
  /** Refused for good: the gateway ends such a refund and frees its amount. */
  const expectRefused = (result: Result<RefundObservation, ChannelError>, kinds: readonly string[]): void => {
    expect(result).toMatchObject({ ok: false, error: { created: 'no' } });
    if (!result.ok) expect(kinds).toContain(result.error.kind);
  };
  const REFUSED = Object.entries(CHANNEL_ERROR_KINDS).flatMap(([kind, { afterRefund }]) =>
    afterRefund === 'fail' ? [kind] : [],
  );

  describe.each(subject.creates)('of $method as $scene', (wish) => {
    test('a full refund returns all of it, and answer and query agree', async () => {
      const paid = await aPaidOrder(stage, wish);
      const request = aRefund(paid);
      const answer = await send(stage, request);
      expect(['succeeded', 'pending']).toContain(answer.state);
      expectOurs(answer, request);
      const seen = await decided(stage, request);
      expectMade(seen, request);
      if (answer.channelRefundNo !== null) expect(seen.channelRefundNo).toBe(answer.channelRefundNo);
      expect(movedMinor(stage, paid)).toBe(wish.amount.minor);
    });

    test('a refund needs nothing but our number and the one that the provider is asked by', async () => {
      const paid = await aPaidOrder(stage, wish);
      const request = { ...aRefund(paid), order: leastOrderOf(subject, paid), reason: null };
      await send(stage, request);
      expectMade(await decided(stage, request), request);
      expect(movedMinor(stage, paid)).toBe(wish.amount.minor);
    });

    test('an order whose money has gone back is never told as one that was not paid', async () => {
      const paid = await aPaidOrder(stage, wish);
      await send(stage, aRefund(paid));
      await decided(stage, aRefund(paid));
      const queried = await stage.adapter.query(paid.order, patience());
      expect(queried.ok && queried.value.state).toMatch(/^(succeeded|unclear)$/);
      const closed = await stage.adapter.close(paid.order, patience());
      expect(closed.ok && closed.value.state).toMatch(/^(succeeded|unclear|open)$/);
      for (const seen of [queried, closed]) {
        if (seen.ok && seen.value.amount !== null) expect(seen.value.amount).toEqual(wish.amount);
      }
    });

    test('a refund of an unpaid order is refused, and the order can still be paid', async () => {
      const placed = await stage.place(wish);
      await stage.open(placed);
      expectRefused(await refund(aRefund(placed)), REFUSED);
      await stage.pay(placed);
      expect(movedMinor(stage, placed)).toBe(0);
    });
  });

  if (subject.provider.capabilities.includes('partial_refund')) {
    test('partial refunds return an order bit by bit until nothing is left', async () => {
      const paid = await aPaidOrder(stage);
      const parts = [1, 49, total - 50].map((minor, i) => aRefund(paid, { seq: i + 1, minor }));
      for (const part of parts) {
        await send(stage, part);
        expectMade(await decided(stage, part), part);
        waitBetweenRefunds(stage);
      }
      for (const part of parts) expectOurs(await ask(stage, part), part);
      expectRefused(await refund(aRefund(paid, { seq: 4, minor: 1 })), ['INVALID_REQUEST', 'DECLINED']);
      expect(movedMinor(stage, paid)).toBe(total);
    });

    test('a partly refunded order is still told as paid, with all that was paid', async () => {
      const paid = await aPaidOrder(stage);
      await send(stage, aRefund(paid, { minor: 40 }));
      await decided(stage, aRefund(paid, { minor: 40 }));
      const seen = await stage.adapter.query(paid.order, patience());
      expect(seen).toMatchObject({ ok: true, value: { state: 'succeeded', amount: paid.request.amount } });
    });

    test('more than is left is refused, and what is left can be returned afterwards', async () => {
      const paid = await aPaidOrder(stage);
      await send(stage, aRefund(paid, { minor: 40 }));
      await decided(stage, aRefund(paid, { minor: 40 }));
      waitBetweenRefunds(stage);
      const tooMuch = aRefund(paid, { seq: 2, minor: total - 39 });
      expectRefused(await refund(tooMuch), ['INVALID_REQUEST', 'DECLINED']);
      expect(movedMinor(stage, paid)).toBe(40);
      waitBetweenRefunds(stage);
      const rest = aRefund(paid, { seq: 3, minor: total - 40 });
      await send(stage, rest);
      expectMade(await decided(stage, rest), rest);
      expect(movedMinor(stage, paid)).toBe(total);
    });

    test('a repeat after another refund of the same order tells of its own refund alone', async () => {
      const paid = await aPaidOrder(stage);
      const [first, second] = [aRefund(paid, { seq: 1, minor: 30 }), aRefund(paid, { seq: 2, minor: 20 })];
      for (const request of [first, second]) {
        await send(stage, request);
        await decided(stage, request);
        waitBetweenRefunds(stage);
      }
      for (const request of [first, second]) expectOurs(await send(stage, request), request);
      expect(movedMinor(stage, paid)).toBe(50);
    });

    test('the same number with another amount never returns more', async () => {
      const paid = await aPaidOrder(stage);
      const first = aRefund(paid, { minor: 30 });
      await send(stage, first);
      await decided(stage, first);
      waitBetweenRefunds(stage);
      const other = await refund(aRefund(paid, { minor: 50 }));
      if (other.ok) expect(other.value.amount).toEqual(first.amount);
      expect(movedMinor(stage, paid)).toBe(30);
      expectMade(await ask(stage, first), first);
    });
  }

  test('more than was paid is refused', async () => {
    const paid = await aPaidOrder(stage);
    expectRefused(await refund(aRefund(paid, { minor: total + 1 })), ['INVALID_REQUEST', 'DECLINED']);
    expect(movedMinor(stage, paid)).toBe(0);
  });

  test('the same refund twice returns the money once, and is answered as at first', async () => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid, { minor: total });
    const first = await send(stage, request);
    await decided(stage, request);
    const again = await send(stage, request);
    expectMade(again.state === 'pending' ? await ask(stage, request) : again, request);
    if (first.channelRefundNo !== null) expect(again.channelRefundNo).toBe(first.channelRefundNo);
    expect(movedMinor(stage, paid)).toBe(total);
  });

  test('the same refund several times at once returns the money once', async () => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    const results = await Promise.all([1, 2, 3, 4].map(() => refund(request)));
    expect(results.some(({ ok }) => ok)).toBe(true);
    for (const result of results) {
      if (!result.ok) expect(CHANNEL_ERROR_KINDS[result.error.kind].afterRefund, result.error.kind).toBe('repeat');
    }
    expectMade(await decided(stage, request), request);
    expect(movedMinor(stage, paid)).toBe(total);
  });

  test('two refunds that together are more than was paid never both succeed', async () => {
    const paid = await aPaidOrder(stage);
    const requests = [1, 2].map((seq) => aRefund(paid, { seq }));
    await Promise.all(requests.map(refund));
    for (const request of requests) await decided(stage, request);
    expect(movedMinor(stage, paid)).toBeLessThanOrEqual(total);
  });

  test('a refund of an order that nobody ever made is refused', async () => {
    expectRefused(await refund(aRefundOfNothing()), ['NOT_FOUND']);
  });

  test('a refund that was never sent is absent, of whatever order', async () => {
    const paid = await aPaidOrder(stage);
    expect(await ask(stage, aRefund(paid))).toEqual(REFUND_ABSENT);
    await send(stage, aRefund(paid));
    await decided(stage, aRefund(paid));
    expect(await ask(stage, aRefund(paid, { seq: 2 }))).toEqual(REFUND_ABSENT);
    expect(await ask(stage, aRefundOfNothing())).toEqual(REFUND_ABSENT);
  });
}
