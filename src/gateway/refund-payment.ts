import {
  type Attempt,
  err,
  findRefund,
  isHeld,
  isOwedAgain,
  ok,
  type Payment,
  type Refund,
  type RejectedReason,
  type Result,
} from '../payment/index.ts';
import type { RefundOrder, RefundResult } from './api.ts';
import type { Change } from './change.ts';
import { type GatewayError, gatewayError } from './errors.ts';
import type { Parts } from './parts.ts';
import type { Merchant } from './ports.ts';
import type { Refunds } from './refunds.ts';

/**
 * Takes on a merchant's refund: durable before its channel hears of it, and never more than what was captured (I6). The answer is
 * what the channel said, or `pending` when it has not decided; the agenda goes on from there.
 */
export function createRefundTaking(parts: Parts, services: { change: Change; refunds: Refunds }) {
  const { change, refunds } = services;

  async function refundPayment(
    merchant: Merchant,
    payment: Payment,
    order: RefundOrder,
    idempotencyKey: string | null,
  ): Promise<Result<RefundResult, GatewayError>> {
    const reused = await keyConflict(merchant, order, idempotencyKey);
    if (reused) return err(reused);
    const impossible = channelRefusal(payment, order);
    if (impossible && !findRefund(payment, order.merchantRefundNo)) return err(impossible);
    const { merchantRefundNo, requestHash, amountMinor, reason } = order;
    const requested = await change(
      payment.id,
      { type: 'refund_requested', merchantRefundNo, requestHash, amountMinor, reason },
      { known: payment },
    );
    if (requested.outcome === 'missing') return err(gatewayError('not_found', 'No such payment of this merchant.'));
    if (requested.outcome === 'rejected') return err(refusalOf(requested.reason, requested.payment));
    const made = findRefund(requested.payment, merchantRefundNo);
    if (!made) throw new Error(`payment ${payment.id}: a refund that was taken on is missing`);
    const repeat = requested.outcome === 'ignored';
    const after = repeat ? requested.payment : await refunds.pursueNow(requested.payment, made.seq);
    return ok({ payment: after, refund: after.refunds[made.seq - 1] ?? made, repeat });
  }

  /** A key that was used for something else; the refund's own number is what makes a repeat safe. */
  async function keyConflict(merchant: Merchant, order: RefundOrder, key: string | null): Promise<GatewayError | null> {
    if (key === null) return null;
    const { requestHash, merchantRefundNo: subject } = order;
    const now = parts.clock.now();
    const reserved = await parts.store.reserveKey({ merchantId: merchant.id, key, requestHash, subject, now });
    if (reserved.outcome !== 'conflict') return null;
    return gatewayError(
      'idempotency_conflict',
      'This Idempotency-Key was used with a different request. Use a new key.',
    );
  }

  /** What the channel that holds the money cannot do is refused before anything is recorded. */
  function channelRefusal(payment: Payment, order: RefundOrder): GatewayError | null {
    const paid = payment.attempts.find((attempt) => attempt.status === 'succeeded' && attempt.effect === 'effective');
    const channel = paid ? parts.channels().get(paid.channelId) : undefined;
    if (!paid || !channel) return null;
    const { capabilities } = channel;
    if (!capabilities.includes('refund')) {
      return gatewayError('invalid_state', `Channel ${channel.id} makes no refunds; return the money by other means.`);
    }
    const whole = order.amountMinor === null || order.amountMinor === payment.amount.minor;
    if (whole || capabilities.includes('partial_refund')) return null;
    return gatewayError('invalid_state', `Channel ${channel.id} refunds only whole payments.`);
  }

  /** A person decides about money that is held: it counts, or it goes back. */
  async function disposeMoney(
    payment: Payment,
    disposition: 'keep' | 'refund',
  ): Promise<Result<Payment, GatewayError>> {
    const held = payment.attempts.filter(isHeld);
    if (held.length === 0) return err(gatewayError('invalid_state', 'This payment has no money that is held.'));
    const stuck = disposition === 'refund' ? held.find((attempt) => !mayRefund(attempt)) : undefined;
    if (stuck) return err(gatewayError('invalid_state', NO_REFUNDS(stuck.channelId)));
    let current = payment;
    for (const { seq } of held) {
      const changed = await change(payment.id, { type: 'money_disposed', seq, disposition });
      if (changed.outcome !== 'missing') current = changed.payment;
    }
    return ok(current);
  }

  /** A person has sent money back by other means: what is held, and what a refund of ours owes in vain. */
  async function recordReturn(payment: Payment, reference: string): Promise<Result<Payment, GatewayError>> {
    const waiting = payment.attempts.filter((a) => a.status === 'succeeded' && (isHeld(a) || isOwedAgain(payment, a)));
    if (waiting.length === 0) return err(gatewayError('invalid_state', NOTHING_TO_RETURN));
    let current = payment;
    for (const { seq } of waiting) {
      const changed = await change(payment.id, { type: 'money_returned', seq, reference });
      if (changed.outcome === 'rejected') return err(gatewayError('invalid_state', NOTHING_TO_RETURN));
      if (changed.outcome !== 'missing') current = changed.payment;
    }
    return ok(current);
  }

  function mayRefund({ channelId }: Attempt): boolean {
    return parts.channels().get(channelId)?.capabilities.includes('refund') ?? true;
  }

  return { refundPayment, disposeMoney, recordReturn };
}

const NO_REFUNDS = (channelId: string): string =>
  `Channel ${channelId} makes no refunds. Send the money back by other means, then record it: payments returned <id> --reference <proof>.`;

const NOTHING_TO_RETURN =
  'No money of this payment is held, or owed after its refunds have failed. A refund under way may still return it.';

/** A payment's refund by its id. */
export function refundById(payment: Payment, refundId: string): Refund | undefined {
  return payment.refunds.find((refund) => refund.id === refundId);
}

function refusalOf(reason: RejectedReason | 'trade_number_reused' | 'contended', payment: Payment): GatewayError {
  switch (reason) {
    case 'refund_exceeds_amount':
      return gatewayError(
        'refund_exceeds_amount',
        'The amount is more than what is left of this payment; refunds under way count as gone.',
      );
    case 'refund_conflict':
      return gatewayError(
        'idempotency_conflict',
        'A refund with this merchant_refund_no exists with different content. Use a new number.',
      );
    case 'refund_limit':
      return gatewayError('invalid_state', 'This payment has too many refunds; return the rest at the provider.');
    case 'not_paid':
      return gatewayError('invalid_state', `The payment is ${payment.status}; only a paid payment can be refunded.`);
    default:
      return gatewayError('internal', 'The refund could not be recorded. Repeat the same request.');
  }
}
