import type { Entry, IntentDetail, RefundEntry } from './ledger.ts';

/** The parts of an answer that were asked for with `expand[]`. */
export interface Expansion {
  readonly intent: boolean;
  readonly charge: boolean;
}

/** @see https://docs.stripe.com/api/checkout/sessions/object */
export function renderSession(entry: Entry, expand: Expansion, baseUrl: string): Record<string, unknown> | null {
  const { order, detail } = entry;
  const { session, intent } = detail;
  if (session === null) return null;
  const status = order.status === 'paid' ? 'complete' : order.status === 'closed' ? 'expired' : 'open';
  const amount = intent?.status === 'succeeded' ? intent.amountReceived : detail.amount;
  return {
    id: session.id,
    object: 'checkout.session',
    adaptive_pricing: { enabled: false },
    allow_promotion_codes: null,
    allowed_payment_method_types: ['card'],
    amount_subtotal: amount,
    amount_total: amount,
    cancel_url: session.cancelUrl,
    client_reference_id: session.clientReferenceId,
    client_secret: null,
    created: seconds(order.createdAt),
    currency: detail.currency,
    customer: null,
    customer_creation: 'if_required',
    customer_details: null,
    expires_at: seconds(order.expiresAt ?? order.createdAt),
    livemode: false,
    locale: null,
    metadata: session.metadata,
    mode: 'payment',
    payment_intent: intent === null ? null : expand.intent ? renderIntent(entry, expand) : intent.id,
    payment_method_options: {},
    payment_method_types: ['card'],
    payment_status: order.status === 'paid' ? 'paid' : 'unpaid',
    status,
    success_url: session.successUrl,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: status === 'open' ? `${baseUrl}/c/pay/${session.id}` : null,
  };
}

/** @see https://docs.stripe.com/api/payment_intents/object */
export function renderIntent(entry: Entry, expand: Expansion, baseUrl = ''): Record<string, unknown> | null {
  const { detail } = entry;
  const { intent } = detail;
  if (intent === null) return null;
  const charge = expand.charge ? renderCharge(entry, intent) : intent.chargeId;
  return {
    id: intent.id,
    object: 'payment_intent',
    allowed_payment_method_types: ['card'],
    amount: intent.status === 'succeeded' ? intent.amountReceived : detail.amount,
    amount_capturable: 0,
    amount_received: intent.amountReceived,
    automatic_payment_methods: null,
    canceled_at: intent.canceledAt,
    cancellation_reason: intent.cancellationReason,
    capture_method: 'automatic_async',
    client_secret: intent.clientSecret,
    confirmation_method: 'automatic',
    created: intent.created,
    currency: detail.currency,
    customer: null,
    description: detail.name,
    last_payment_error: intent.lastError,
    latest_charge: charge,
    livemode: false,
    metadata: detail.intentMetadata,
    next_action: nextAction(intent, baseUrl),
    payment_method: null,
    payment_method_types: ['card'],
    status: intent.status,
  };
}

/** @see https://docs.stripe.com/api/charges/object — the charge of a paid order; null before that */
export function renderCharge(entry: Entry, intent: IntentDetail): Record<string, unknown> | null {
  const { order, detail } = entry;
  if (intent.chargeId === null) return null;
  const refunded = refundedAmount(entry);
  return {
    id: intent.chargeId,
    object: 'charge',
    amount: intent.amountReceived,
    amount_captured: intent.amountReceived,
    amount_refunded: refunded,
    captured: true,
    created: seconds(order.paidAt ?? order.createdAt),
    currency: detail.currency,
    livemode: false,
    metadata: detail.intentMetadata,
    outcome: { network_status: 'approved_by_network', risk_level: 'normal', type: 'authorized' },
    paid: true,
    payment_intent: intent.id,
    refunded: refunded === intent.amountReceived,
    status: 'succeeded',
  };
}

/** @see https://docs.stripe.com/api/refunds/object */
export function renderRefund({ detail: order }: Entry, { refund, detail }: RefundEntry): Record<string, unknown> {
  const reference = { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' };
  return {
    id: detail.id,
    object: 'refund',
    amount: detail.amount,
    balance_transaction: detail.id.replace(/^re_/, 'txn_'),
    charge: order.intent?.chargeId ?? null,
    created: detail.created,
    currency: order.currency,
    destination_details: { card: reference, type: 'card' },
    ...(detail.failureReason === null
      ? {}
      : {
          failure_balance_transaction: detail.id.replace(/^re_/, 'txn_f'),
          failure_reason: detail.failureReason,
        }),
    metadata: detail.metadata,
    payment_intent: order.intent?.id ?? null,
    ...(refund.status === 'pending' ? { pending_reason: detail.pendingReason } : {}),
    reason: detail.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: refund.status,
    transfer_reversal: null,
  };
}

/** What has gone back or is on its way; a refund that failed has given its amount back to the charge. */
export function refundedAmount({ refunds }: Entry): number {
  const counted = refunds.filter(({ refund }) => refund.status !== 'failed');
  return counted.reduce((sum, { detail }) => sum + detail.amount, 0);
}

function nextAction(intent: IntentDetail, baseUrl: string) {
  if (intent.status !== 'requires_action') return null;
  return {
    type: 'redirect_to_url',
    redirect_to_url: { return_url: intent.returnUrl, url: `${baseUrl}/c/3ds/${intent.id}` },
  };
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
