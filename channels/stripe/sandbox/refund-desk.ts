import type { CallbackDelivery, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { newId } from './keys.ts';
import type { Entry, Ledger, RefundDetail, RefundEntry } from './ledger.ts';
import { renderCharge, renderRefund, seconds } from './objects.ts';
import type { Publish } from './webhooks.ts';

const SEND: CallbackDelivery = { mode: 'send' };
/** News that come "some time later" (Stripe) leave after the answer to the request that made the refund. */
const LATER: CallbackDelivery = { mode: 'delay', delayMs: 100 };

export interface RefundWish {
  /** In Stripe's units; not more than is left of the charge. */
  readonly amount: number;
  readonly reason: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Everything that moves a refund. Every move sends its events. */
export interface RefundDesk {
  /** The refund as the request that made it is answered. What a test card or a fault makes of it comes later. */
  make(entry: Entry, wish: RefundWish): Record<string, unknown>;
  decide(
    entry: Entry,
    refund: RefundDetail,
    outcome: 'succeeded' | 'failed',
    delivery: CallbackDelivery,
  ): Record<string, unknown>;
}

/** @see https://docs.stripe.com/refunds and https://docs.stripe.com/testing#refunds */
export function openRefundDesk(options: SimulatorOptions, ledger: Ledger, publish: Publish): RefundDesk {
  const { now, randomBytes } = options;

  const decide: RefundDesk['decide'] = (entry, refund, outcome, delivery) => {
    const failureReason = outcome === 'failed' ? 'expired_or_canceled_card' : null;
    const decided = ledger.putRefund(entry, outcome, { ...refund, failureReason });
    const object = renderRefund(decided, theRefund(decided, refund.id));
    publish('refund.updated', object, decided, delivery);
    publish('charge.refund.updated', object, decided, delivery);
    if (outcome === 'failed') publish('refund.failed', object, decided, delivery);
    return object;
  };

  return {
    decide,
    make(entry, { amount, reason, metadata }) {
      const course = courseOf(entry, options.faults().refunds);
      const detail: RefundDetail = {
        id: newId('re_3', 23, randomBytes),
        amount,
        created: seconds(now()),
        reason,
        metadata: { ...metadata },
        pendingReason: 'processing',
        failureReason: null,
      };
      const made = ledger.putRefund(entry, course.first, detail);
      const answer = renderRefund(made, theRefund(made, detail.id));
      const { intent } = made.detail;
      publish('charge.refunded', intent && renderCharge(made, intent), made, SEND);
      publish('refund.created', answer, made, SEND);
      if (course.last !== null) decide(made, detail, course.last, LATER);
      return answer;
    },
  };
}

/** How a refund begins, and how it ends where nobody has to decide about it. */
function courseOf({ detail }: Entry, fault: 'normal' | 'pending' | 'failed' | 'no_balance') {
  if (fault === 'pending') return { first: 'pending', last: null } as const;
  if (fault === 'failed') return { first: 'pending', last: 'failed' } as const;
  switch (detail.intent?.refunds) {
    case 'later':
      return { first: 'pending', last: 'succeeded' } as const;
    case 'fail_later':
      return { first: 'succeeded', last: 'failed' } as const;
    default:
      return { first: 'succeeded', last: null } as const;
  }
}

function theRefund({ refunds }: Entry, id: string): RefundEntry {
  const found = refunds.find(({ detail }) => detail.id === id);
  if (found === undefined) throw new Error(`stripe sandbox: the refund ${id} is not in its order`);
  return found;
}
