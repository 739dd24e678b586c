import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Observation } from '../../src/payment/index.ts';
import { SIGNAL_MS } from './channel-faults.ts';
import {
  anUnknownOrder,
  type ChannelStage,
  leastOrderOf,
  orderOf,
  type Placed,
  patience,
  startChannelStage,
} from './channel-stage.ts';
import type { ChannelSubject, CreateCase } from './channel-subject.ts';

/** Create, query and close: what a healthy provider says, in our words. */
export function describeOrders(subject: ChannelSubject): void {
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const observe = async (what: 'query' | 'close', { order }: Placed): Promise<Observation> => {
    const seen = await stage.adapter[what](order, patience());
    if (!seen.ok) throw new Error(`${what} failed: ${JSON.stringify(seen.error)}`);
    return seen.value;
  };
  /** As a gateway asks: an order that its buyer has approved is captured, and what comes of that counts. */
  const pursue = async (placed: Placed): Promise<Observation> => {
    const seen = await observe('query', placed);
    if (seen.state !== 'approved') return seen;
    const captured = await stage.adapter.capture?.(placed.order, patience());
    if (!captured?.ok) throw new Error(`the capture failed: ${JSON.stringify(captured)}`);
    return captured.value;
  };
  const expectPaid = (seen: Observation, { request }: Placed): void => {
    const book = stage.book(request.providerRef);
    expect(seen).toMatchObject({
      state: 'succeeded',
      account: stage.adapter.account,
      amount: request.amount,
      channelTradeNo: expect.stringMatching(/^\S+$/),
      error: null,
    });
    if (subject.paidAt === 'never_told') {
      expect(seen.paidAt).toBeNull();
      return;
    }
    const paidAt = book?.paidAt ?? 0; // providers tell seconds
    expect(seen.paidAt).toBeGreaterThanOrEqual(paidAt - 1000);
    expect(seen.paidAt).toBeLessThanOrEqual(paidAt + 1000);
  };
  /** Nothing that an unpaid order answers may look like another account's or another sum. */
  const expectUnpaid = (seen: Observation, { request }: Placed, states: readonly Observation['state'][]): void => {
    expect(states).toContain(seen.state);
    expect([null, stage.adapter.account]).toContain(seen.account);
    expect([null, request.amount]).toContainEqual(seen.amount);
    expect(seen.paidAt).toBeNull();
  };

  const captures = subject.moneyMoves === 'by_our_capture';

  function describeCaptures(wish: CreateCase): void {
    const capture = async ({ order }: Placed): Promise<Observation> => {
      const captured = await stage.adapter.capture?.(order, patience());
      if (!captured?.ok) throw new Error(`the capture failed: ${JSON.stringify(captured)}`);
      return captured.value;
    };
    const anApprovedOrder = async (): Promise<Placed> => {
      const placed = await stage.place(wish);
      await stage.open(placed);
      const { providerRef } = placed.request;
      expect(await stage.host.control.pay('one', { providerRef })).toMatchObject({ ok: true });
      return placed;
    };

    test('an order that its buyer has approved is approved, and not paid', async () => {
      const placed = await anApprovedOrder();
      expectUnpaid(await observe('query', placed), placed, ['approved']);
      expect(stage.book(placed.request.providerRef)).toMatchObject({ status: 'open', paidAt: null });
    });

    test('a capture takes the money of an approved order, and says what a query says', async () => {
      const placed = await anApprovedOrder();
      expectPaid(await capture(placed), placed);
      expectPaid(await observe('query', placed), placed);
    });

    test('an order that nobody has approved is not captured', async () => {
      const placed = await stage.place(wish);
      expectUnpaid(await capture(placed), placed, ['open']);
      expect(stage.book(placed.request.providerRef)?.status).toBe('open');
    });

    test('captures at the same time and one after the other take the money once', async () => {
      const placed = await anApprovedOrder();
      const results = await Promise.all([1, 2, 3, 4].map(() => stage.adapter.capture?.(placed.order, patience())));
      expect(results.some((result) => result?.ok)).toBe(true);
      for (const result of results) if (!result?.ok) expect(result?.error.created).toBe('maybe');
      expectPaid(await capture(placed), placed);
      expect(stage.book(placed.request.providerRef)?.paidAmountMinor).toBe(wish.amount.minor);
    });

    test('a capture whose answer never came has taken the money, and both a query and a repeat say so', async () => {
      const placed = await anApprovedOrder();
      stage.host.control.faults('one', { timeout_after_capture_rate: 1 });
      expect(await stage.adapter.capture?.(placed.order, AbortSignal.timeout(SIGNAL_MS))).toMatchObject({
        ok: false,
        error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' },
      });
      stage.host.control.faults('one', {});
      expectPaid(await observe('query', placed), placed);
      expectPaid(await capture(placed), placed);
    });

    test('a declined capture leaves the order open with the reason, and its buyer may approve again', async () => {
      const placed = await stage.place(wish);
      const { providerRef } = placed.request;
      await stage.host.control.fail('one', { providerRef });
      expect(await capture(placed)).toMatchObject({ state: 'open', paidAt: null, error: { kind: 'DECLINED' } });
      await stage.pay(placed);
      expectPaid(await observe('query', placed), placed);
    });
  }

  test(`the adapter ${captures ? 'captures' : 'has nothing to capture'}`, () => {
    expect(stage.adapter.capture !== undefined).toBe(captures);
  });

  describe.each(subject.creates)('$method as $scene', (wish) => {
    const { exists = 'at_once', expires = 'by_itself' } = wish;
    const unopened = exists === 'at_once' ? 'open' : 'absent';
    const opened = exists === 'when_paid' ? 'absent' : 'open';

    test(`"no such order" is ${exists === 'at_once' ? 'believed' : 'not believed before the expiry'}`, () => {
      if (exists !== 'at_once') expect(stage.adapter.absence).toBe('until_expiry');
      if (stage.adapter.createsOffline(wish.scene)) expect(exists).not.toBe('at_once');
    });

    test(`create gives a ${wish.action}`, async () => {
      const placed = await stage.place(wish);
      expect(placed.created.action.type).toBe(wish.action);
      for (const [name, value] of Object.entries(placed.created.action)) {
        expect(value, `action.${name}`).toMatch(/\S/);
      }
    });

    test("a buyer's address is asked for only where the adapter says so", async () => {
      const created = await stage.adapter.create(stage.aRequest(wish, { buyer: { ip: null } }), patience());
      if (!stage.adapter.needsBuyerIp(wish.scene)) expect(created).toMatchObject({ ok: true });
      else expect(created).toMatchObject({ ok: false, error: { kind: 'INVALID_REQUEST', created: 'no' } });
    });

    test('a create that says it is offline makes none, any other makes one order', async () => {
      const { request } = await stage.place(wish);
      const made = stage.book(request.providerRef) !== undefined;
      expect(made).toBe(!stage.adapter.createsOffline(wish.scene));
    });

    test('a repeated create is the same order', async () => {
      const first = await stage.place(wish);
      const again = await stage.adapter.create(first.request, patience());
      if (!again.ok) throw new Error(`the repeat failed: ${JSON.stringify(again.error)}`);
      expect(again.value.action.type).toBe(wish.action);
      expect(again.value.channelTradeNo).toBe(first.created.channelTradeNo);
      await stage.open(first);
      await stage.pay(first);
      const orders = stage.host.control.orders('one');
      const ours = orders.ok ? orders.value.filter(({ providerRef }) => providerRef === first.request.providerRef) : [];
      expect(ours).toMatchObject([{ status: 'paid' }]);
    });

    test('a create that is repeated after the payment does not make the order payable again', async () => {
      const placed = await stage.place(wish);
      await stage.pay(placed);
      const again = await stage.adapter.create(placed.request, patience());
      if (!again.ok) expect(again.error.kind).toBe('ALREADY_PAID');
      expect(await stage.host.control.pay('one', { providerRef: placed.request.providerRef })).toMatchObject({
        ok: false,
      });
      expectPaid(await observe('query', placed), placed);
    });

    test('creates of one order at the same time are one order, and at least one of them gets it', async () => {
      const request = stage.aRequest(wish);
      const results = await Promise.all([1, 2, 3, 4].map(() => stage.adapter.create(request, patience())));
      expect(results.some(({ ok }) => ok)).toBe(true);
      for (const result of results) if (!result.ok) expect(result.error.created).toBe('maybe');
      const orders = stage.host.control.orders('one', request.providerRef);
      expect(orders.ok && orders.value.length).toBeLessThanOrEqual(1);
    });

    test('many creates at the same time do not get in the way of each other', async () => {
      const placed = await Promise.all(Array.from({ length: 12 }, () => stage.place(wish)));
      const actions = new Set(placed.map(({ created: { action, quote } }) => JSON.stringify([action, quote])));
      expect(actions.size).toBe(placed.length);
    });

    test(`an order that no buyer has opened is ${unopened}`, async () => {
      const placed = await stage.place(wish);
      expectUnpaid(await observe('query', placed), placed, [unopened]);
    });

    test(`an order that a buyer has opened is ${opened}`, async () => {
      const placed = await stage.place(wish);
      await stage.open(placed);
      expectUnpaid(await observe('query', placed), placed, [opened]);
    });

    test('a paid order is succeeded, with account, amount, trade number and time', async () => {
      const placed = await stage.place(wish);
      await stage.pay(placed);
      expectPaid(await observe('query', placed), placed);
    });

    test('a query needs nothing but the number that the provider is asked by', async () => {
      const placed = await stage.place(wish);
      await stage.pay(placed);
      expectPaid(await observe('query', { ...placed, order: leastOrderOf(subject, placed) }), placed);
      if (subject.queriedBy !== 'their_number') return;
      expect(await observe('query', { ...placed, order: orderOf(placed.request) })).toMatchObject({ state: 'absent' });
    });

    test('a declined try is never taken for a payment', async () => {
      const placed = await stage.place(wish);
      await stage.open(placed);
      const { providerRef } = placed.request;
      expect(await stage.host.control.fail('one', { providerRef })).toMatchObject({ ok: true });
      expectUnpaid(await pursue(placed), placed, ['open', opened, 'failed', 'closed']);
    });

    test('another sum than the one asked for is told as it is', async () => {
      const placed = await stage.place(wish);
      await stage.open(placed);
      const amountMinor = wish.amount.minor + 1;
      await stage.pay(placed, { amountMinor });
      const seen = await observe('query', placed);
      if (seen.state === 'succeeded') expect(seen.amount).toEqual({ ...wish.amount, minor: amountMinor });
    });

    if (opened === 'open' && captures) {
      test('close ends an open order by our word: what its buyer approves afterwards moves no money, and it is closed again', async () => {
        const placed = await stage.place(wish);
        await stage.open(placed);
        expectUnpaid(await observe('close', placed), placed, ['closed']);
        const { providerRef } = placed.request;
        await stage.host.control.pay('one', { providerRef });
        expectUnpaid(await observe('query', placed), placed, ['approved']);
        expectUnpaid(await observe('close', placed), placed, ['closed']);
        expect(stage.book(providerRef)).toMatchObject({ status: 'open', paidAt: null });
      });

      describeCaptures(wish);
    }

    if (opened === 'open' && !subject.provider.capabilities.includes('close')) {
      test('a close that the provider does not offer says that the order is open, and it can still be paid', async () => {
        const placed = await stage.place(wish);
        await stage.open(placed);
        expectUnpaid(await observe('close', placed), placed, ['open']);
        await stage.pay(placed);
        expectPaid(await observe('close', placed), placed);
      });
    }

    if (opened === 'open' && !captures && subject.provider.capabilities.includes('close')) {
      test('close ends an open order, and a second close finds it closed', async () => {
        const placed = await stage.place(wish);
        await stage.open(placed);
        expectUnpaid(await observe('close', placed), placed, ['closed']);
        expect(stage.book(placed.request.providerRef)?.status).toBe('closed');
        expectUnpaid(await observe('close', placed), placed, ['closed']);
        expectUnpaid(await observe('query', placed), placed, ['closed']);
        const { providerRef } = placed.request;
        expect(await stage.host.control.pay('one', { providerRef })).toMatchObject({ ok: false });
      });
    }

    if (unopened === 'absent') {
      test('close cannot reach an order that is not there yet: it can still be paid', async () => {
        const placed = await stage.place(wish);
        expectUnpaid(await observe('close', placed), placed, ['absent']);
        await stage.open(placed);
        await stage.pay(placed);
        expectPaid(await observe('close', placed), placed);
      });
    }

    test('close of a paid order says that it was paid, and leaves it paid', async () => {
      const placed = await stage.place(wish);
      await stage.pay(placed);
      expectPaid(await observe('close', placed), placed);
      expectPaid(await observe('query', placed), placed);
    });

    test(`after its time an order ends ${expires}, and never looks paid`, async () => {
      const placed = await stage.place(wish);
      await stage.open(placed);
      const { expiresAt, providerRef } = placed.request;
      const until = stage.adapter.providerExpiresAt(expiresAt, stage.now());
      expect(until).toBeGreaterThanOrEqual(expiresAt);
      stage.shiftClock(until - Date.now() + 5_000);
      const pay = async () => {
        const tried = await stage.host.control.pay('one', { providerRef });
        // An approval alone is no payment; nobody captures it any more.
        return captures ? { ok: stage.book(providerRef)?.status === 'paid' } : tried;
      };
      if (expires === 'by_itself') expect(await pay()).toMatchObject({ ok: false });
      expectUnpaid(await observe('query', placed), placed, ['open', 'approved', 'closed', 'absent']);
      expectUnpaid(await observe('close', placed), placed, ['closed', 'absent']);
      expect(await pay()).toMatchObject({ ok: false });
    });
  });

  test.each(['query', 'close'] as const)('%s of an order that nobody ever made says absent', async (what) => {
    for (const wish of subject.creates) {
      const seen = await stage.adapter[what](anUnknownOrder(wish, subject), patience());
      expect(seen).toEqual({
        ok: true,
        value: { state: 'absent', account: null, amount: null, channelTradeNo: null, paidAt: null, error: null },
      });
    }
  });

  test('a probe of a healthy channel succeeds and leaves no order behind', async () => {
    const orders = () => {
      const all = stage.host.control.orders('one');
      return all.ok ? all.value.map(({ providerRef, status }) => `${providerRef} ${status}`) : all;
    };
    const before = orders();
    expect(await stage.adapter.probe(patience())).toEqual({ ok: true, value: undefined });
    expect(orders()).toEqual(before);
  });
}
