import { REFUND_ABSENT, type RefundObservation } from '../../src/payment/index.ts';
import type { News, ProviderKind, ProviderOrder, ProviderRefund } from './books.ts';
import { DAY, HOUR, MINUTE, SECOND } from './climate.ts';
import type { World } from './world.ts';

/** Why a refund is not taken; all but an empty balance are final. */
export type RefundRefusal = 'not_found' | 'too_much' | 'not_whole' | 'empty_balance' | 'refused';

/** Where a provider returns money: each number once, never more than it got, and not always at once. */
export interface RefundDesk {
  refund(request: {
    readonly ref: string;
    readonly refundRef: string;
    readonly amountMinor: number;
  }): RefundRefusal | RefundObservation;
  believesRefund(ref: string, refundRef: string): RefundObservation;
  emptyBalance(forMs: number): void;
}

/** The desk of one provider; it pays out of `orders`. */
export function openRefundDesk(
  world: World,
  provider: {
    readonly kind: ProviderKind;
    readonly account: string;
    readonly orders: ReadonlyMap<string, ProviderOrder>;
    readonly news: News;
  },
): RefundDesk {
  const { time, record, climate } = world;
  const { kind, account, orders, news } = provider;
  const chance = world.chance(`refunds of ${kind.id}`);
  const refusedRefunds = new Set<string>();
  let balanceEmptyUntil = 0;

  const isHidden = ({ visibleFrom }: ProviderRefund): boolean => world.wallMs() < visibleFrom;

  function refund({
    ref,
    refundRef,
    amountMinor,
  }: Parameters<RefundDesk['refund']>[0]): RefundRefusal | RefundObservation {
    const order = orders.get(ref);
    if (order?.state !== 'paid') return 'not_found';
    const before = order.refunds.get(refundRef);
    if (before) {
      record.must(before.amountMinor === amountMinor, order.paymentId, `refund ${refundRef} was sent with two amounts`);
      const isTired = world.isStormy() && !isHidden(before) && chance.happens(climate.refunds.refused);
      if (!isTired) return refundObservationOf(before);
      record.count('refund: refused, being there already');
      return 'refused';
    }
    if (refusedRefunds.has(refundRef)) return 'refused';
    if (time.now() < balanceEmptyUntil) {
      record.count('refund: empty balance');
      return 'empty_balance';
    }
    const sent = [...order.refunds.values()].reduce((sum, r) => (r.state === 'failed' ? sum : sum + r.amountMinor), 0);
    if (sent + amountMinor > order.paidMinor) return 'too_much';
    if (!kind.capabilities.includes('partial_refund') && amountMinor !== order.paidMinor) return 'not_whole';
    if (world.isStormy() && chance.happens(climate.refunds.refused)) {
      refusedRefunds.add(refundRef);
      record.count('refund: refused');
      return 'refused';
    }
    return refundObservationOf(takeRefund(order, refundRef, amountMinor));
  }

  function takeRefund(order: ProviderOrder, refundRef: string, amountMinor: number): ProviderRefund {
    const { pending, failsLater, reversed } = climate.refunds;
    const hides = world.isStormy() && chance.happens(climate.orders.invisible);
    const taken: ProviderRefund = {
      ...{ refundRef, order, amountMinor },
      state: chance.happens(pending) ? 'pending' : 'succeeded',
      visibleFrom: world.wallMs() + (hides ? chance.int(100, 3 * SECOND) : 0),
    };
    order.refunds.set(refundRef, taken);
    record.note(order.paymentId, `${kind.id} takes refund ${refundRef.slice(26)} of ${amountMinor}: ${taken.state}`);
    const settleMs = taken.state === 'pending' ? chance.mostlyShort(5 * SECOND, 6 * HOUR) : 0;
    if (taken.state === 'pending')
      time.after(settleMs, () => settleRefund(taken, chance.happens(failsLater) ? 'failed' : 'succeeded'));
    else if (chance.happens(0.5)) news.refund(taken, refundObservationOf(taken), false);
    if (world.isStormy() && chance.happens(reversed)) {
      time.after(settleMs + chance.mostlyShort(MINUTE, 3 * DAY), () => {
        if (taken.state === 'succeeded') settleRefund(taken, 'failed', true);
      });
    }
    return taken;
  }

  function settleRefund(refund: ProviderRefund, state: 'succeeded' | 'failed', isReversal = false): void {
    refund.state = state;
    const { order, refundRef } = refund;
    record.note(order.paymentId, `refund ${refundRef.slice(26)} ${isReversal ? 'comes back' : state} at ${kind.id}`);
    record.count(isReversal ? 'refund: reversed' : `refund: ${state} after pending`);
    news.refund(refund, refundObservationOf(refund), isReversal);
  }

  function refundObservationOf({ refundRef, state, amountMinor }: ProviderRefund): RefundObservation {
    return {
      state,
      account,
      amount: { minor: amountMinor, currency: 'CNY' },
      channelRefundNo: `${kind.id}/${refundRef}`,
      refundedAt: state === 'succeeded' ? world.wallMs() : null,
      error: state === 'failed' ? { kind: 'DECLINED', providerCode: 'bank_refused' } : null,
    };
  }

  return {
    refund,
    believesRefund: (ref, refundRef) => {
      const found = orders.get(ref)?.refunds.get(refundRef);
      return found && !isHidden(found) ? refundObservationOf(found) : REFUND_ABSENT;
    },
    emptyBalance: (forMs) => {
      balanceEmptyUntil = time.now() + forMs;
    },
  };
}
