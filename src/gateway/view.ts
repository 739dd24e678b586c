import {
  type Action,
  type Attempt,
  awaitsChoice,
  type Candidate,
  currentAttempt,
  type Payment,
  type PaymentEvent,
  payableAttempt,
  type Quote,
  type Refund,
} from '../payment/index.ts';

/** The shape of a payment on the wire (`api.md`), in the API's answers and in events. Holds nothing personal. */
export function paymentView(payment: Payment, publicUrl: string) {
  const current = currentAttempt(payment);
  return {
    id: payment.id,
    object: 'payment' as const,
    status: payment.status,
    status_reason: payment.statusReason,
    merchant_order_no: payment.merchantOrderNo,
    amount: payment.amount.minor,
    amount_refunded: returnedMinor(payment),
    currency: payment.amount.currency,
    subject: payment.subject,
    method: current?.method ?? null,
    channel: current?.channelId ?? null,
    action: actionView(payment, publicUrl),
    checkout_url: checkoutUrl(payment.id, publicUrl),
    attempts: payment.attempts.map(attemptView),
    refunds: payment.refunds.map((refund) => refundView(refund, payment)),
    fulfilment: payment.fulfilment,
    metadata: payment.metadata,
    created_at: isoTime(payment.createdAt),
    expires_at: isoTime(payment.expiresAt),
    paid_at: payment.paidAt === null ? null : isoTime(payment.paidAt),
  };
}

/** The shape of a refund on the wire. `cause` other than `merchant`: money that went back by itself (no order of the shop's). */
export function refundView(refund: Refund, payment: Payment) {
  return {
    id: refund.id,
    object: 'refund' as const,
    payment_id: payment.id,
    merchant_refund_no: refund.merchantRefundNo,
    amount: refund.amountMinor,
    currency: payment.amount.currency,
    status: refund.status,
    cause: refund.cause,
    reason: refund.reason,
    attempt: refund.attemptSeq,
    channel: payment.attempts[refund.attemptSeq - 1]?.channelId ?? null,
    channel_refund_no: refund.channelRefundNo,
    error_code: refund.error?.kind ?? null,
    provider_code: refund.error?.providerCode ?? null,
    created_at: isoTime(refund.createdAt),
    resolved_at: refund.resolvedAt === null ? null : isoTime(refund.resolvedAt),
  };
}

/** What has gone back of the money that counts; surplus and late money was never the payment's. */
function returnedMinor(payment: Payment): number {
  return payment.refunds.reduce(
    (sum, refund) => (refund.status === 'succeeded' && refund.cause === 'merchant' ? sum + refund.amountMinor : sum),
    0,
  );
}

export type PaymentView = ReturnType<typeof paymentView>;

/** The body of a webhook. It is rendered once, at the commit of the change, and sent unchanged ever after (I4). */
export function eventBody(event: PaymentEvent, payment: Payment, publicUrl: string): string {
  const refund = event.refundSeq === undefined ? undefined : payment.refunds[event.refundSeq - 1];
  const data = paymentView(payment, publicUrl);
  return JSON.stringify({
    type: event.type,
    id: event.id,
    timestamp: isoTime(event.at),
    // A refund's event names its refund beside the payment that it belongs to.
    data: refund ? { ...data, refund: refundView(refund, payment) } : data,
  });
}

export function checkoutUrl(paymentId: string, publicUrl: string): string {
  return `${publicUrl}/pay/${paymentId}`;
}

/** One judged channel, for the routing and quote answers. */
export function candidateView(candidate: Candidate) {
  return {
    channel: candidate.channelId,
    method: candidate.method,
    score: candidate.score,
    factors: candidate.factors,
    fee: candidate.feeMinor,
    ...(candidate.countedFeeMinor !== undefined && { counted_fee: candidate.countedFeeMinor }),
    ...(candidate.limitPrice !== undefined && { limit_price: candidate.limitPrice }),
    success_ratio: candidate.successRatio,
    sample_size: candidate.sampleSize,
    latency_ms: candidate.latencyMs,
    excluded: candidate.excluded,
    rule: candidate.rule ?? null,
  };
}

export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

function attemptView(attempt: Attempt) {
  return {
    seq: attempt.seq,
    channel: attempt.channelId,
    method: attempt.method,
    status: attempt.status,
    provider_ref: attempt.providerRef,
    channel_trade_no: attempt.channelTradeNo,
    error_code: attempt.error?.kind ?? null,
    provider_code: attempt.error?.providerCode ?? null,
    effect: attempt.status === 'succeeded' ? attempt.effect : null,
    amount_paid: attempt.status === 'succeeded' ? attempt.paidMinor : null,
    disposition: attempt.status === 'succeeded' ? attempt.disposition : null,
    latency_ms: attempt.latencyMs,
    ...(attempt.quote ? { quote: quoteView(attempt.quote) } : {}),
  };
}

/** What the buyer has to send where that is another amount than the payment's. */
function quoteView({ amount, network, address, expiresAt }: Quote) {
  return { amount: amount.minor, currency: amount.currency, network, address, expires_at: isoTime(expiresAt) };
}

function actionView(payment: Payment, publicUrl: string) {
  if (awaitsChoice(payment)) return { type: 'redirect' as const, url: checkoutUrl(payment.id, publicUrl) };
  const attempt = payableAttempt(payment);
  if (!attempt) return { type: 'none' as const };
  // A shop that asked for a redirect gets a place to send the buyer to, also when the channel speaks in QR codes.
  if (payment.scene === 'redirect' && attempt.action.type !== 'redirect') {
    return { type: 'redirect' as const, url: checkoutUrl(payment.id, publicUrl) };
  }
  const action = wireAction(attempt.action);
  // An address without its exact amount is of no use to whoever draws the code.
  return attempt.quote && action.type === 'qr_code' ? { ...action, transfer: quoteView(attempt.quote) } : action;
}

function wireAction(action: Action) {
  switch (action.type) {
    case 'qr_code':
      return { type: 'qr_code' as const, qr_code: action.qrCode };
    case 'client_secret':
      return {
        type: 'client_secret' as const,
        client_secret: action.clientSecret,
        publishable_key: action.publishableKey,
      };
    default:
      return action;
  }
}
