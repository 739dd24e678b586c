import type Stripe from 'stripe';
import { z } from 'zod';
import {
  CHANNEL_ERROR_KINDS,
  type ChannelError,
  channelError,
  type OrderRef,
  type RefundRef,
  type RefundRequest,
} from '../../src/channel/index.ts';
import {
  type EpochMs,
  err,
  type ObservedState,
  ok,
  REFUND_ABSENT,
  type RefundObservation,
  type Result,
} from '../../src/payment/index.ts';
import { fromStripeAmount, toStripeAmount } from './amounts.ts';
import type { StripeClient } from './client.ts';
import type { StripeConfig } from './config.ts';
import { unreadable } from './errors.ts';
import { findIn } from './locate.ts';
import { REASON_KEY, REF_KEY, REFUND_KEY, type Refund, refundNamesOf, refundSchema } from './objects.ts';
import { idOf, observeById } from './query.ts';
import { observeRefund } from './status.ts';

const listedSchema = z.looseObject({ metadata: z.record(z.string(), z.unknown()).nullish() });

type Said = Result<RefundObservation, ChannelError>;

/** `absent`: Stripe holds no such order or refund. `unclear`: more objects than we look through, so nothing is proven. */
type Missing = 'absent' | 'unclear';

/**
 * Sends a refund, unless Stripe has it already. Its key alone would not do: Stripe forgets keys after a day, and would then
 * make a second refund. Nor is there ever another key: whatever came of the first request may still show up, and under the same
 * key it stays one refund. So a 500, which Stripe repeats under its key, holds a refund up for a day and never doubles it.
 * @see https://docs.stripe.com/error-low-level#idempotency
 */
export function refund(client: StripeClient, config: StripeConfig, now: () => EpochMs) {
  return async (wish: RefundRequest, signal: AbortSignal): Promise<Said> => {
    const asked = toStripeAmount(wish.amount);
    if (!asked.ok) return err(channelError('INVALID_REQUEST', 'no', { providerCode: asked.error }));
    const intent = await intentOf(client, config, now, wish.order, signal);
    if (!intent.ok) return intent;
    if (intent.value.id === null) return err(refusalFor(intent.value.because));
    const { id } = intent.value;
    const known = await findRefund(client, id, wish.refundRef, signal);
    if (!known.ok) return known;
    if (known.value.found !== null) return ownFirstAnswer(known.value.found, wish, id, config);
    if (known.value.because === 'unclear') return err(refusalFor('unclear'));
    const params = refundParams(wish, id, asked.value.amount);
    const key = { idempotencyKey: `${wish.refundRef}:refund` };
    const made = await client.ask(refundSchema, signal, (stripe) => stripe.refunds.create(params, key));
    return made.ok ? believed(made.value, wish, id, config) : made;
  };
}

/** Asks by Stripe's number; when that was lost with the answer, looks through the refunds of the order. */
export function queryRefund(client: StripeClient, config: StripeConfig, now: () => EpochMs) {
  return async (asked: RefundRef, signal: AbortSignal): Promise<Said> => {
    const { channelRefundNo } = asked;
    if (channelRefundNo !== null) {
      const seen = await client.ask(refundSchema, signal, (stripe) => stripe.refunds.retrieve(channelRefundNo));
      if (seen.ok) return believed(seen.value, asked, asked.order.channelTradeNo, config);
      if (seen.error.kind !== 'NOT_FOUND') return seen;
    }
    const intent = await intentOf(client, config, now, asked.order, signal);
    if (!intent.ok) return intent;
    if (intent.value.id === null) return ok(missing(intent.value.because));
    const known = await findRefund(client, intent.value.id, asked.refundRef, signal);
    if (!known.ok) return known.error.kind === 'NOT_FOUND' ? ok(REFUND_ABSENT) : known;
    if (known.value.found === null) return ok(missing(known.value.because));
    return believed(known.value.found, asked, intent.value.id, config);
  };
}

function refundParams(
  { refundRef, order, reason }: RefundRequest,
  intentId: string,
  amount: number,
): Stripe.RefundCreateParams {
  return {
    payment_intent: intentId,
    amount,
    metadata: { [REFUND_KEY]: refundRef, [REF_KEY]: order.providerRef, ...(reason ? { [REASON_KEY]: reason } : {}) },
    // A refund with a reason was asked for by somebody; one that we make by ourselves has none.
    ...(reason ? { reason: 'requested_by_customer' } : {}),
  };
}

/** The PaymentIntent that an order's money came by. An unpaid Session may have none. */
async function intentOf(
  client: StripeClient,
  config: StripeConfig,
  now: () => EpochMs,
  order: OrderRef,
  signal: AbortSignal,
): Promise<
  Result<{ readonly id: string } | { readonly id: null; readonly because: Missing | 'unpaid' }, ChannelError>
> {
  const found = await idOf(client, config, now, order, signal);
  if (!found.ok) return err(whileLooking(found.error));
  if (typeof found.value !== 'string') return ok({ id: null, because: missingBecause(found.value.state) });
  if (found.value.startsWith('pi_')) return ok({ id: found.value });
  const seen = await observeById(client, config, order, found.value, signal);
  if (!seen.ok) return err(whileLooking(seen.error));
  const { state, channelTradeNo } = seen.value;
  if (state === 'succeeded' && channelTradeNo !== null) return ok({ id: channelTradeNo });
  return ok({ id: null, because: missingBecause(state) });
}

/**
 * Lists show a refund as soon as it is made; Stripe's search would not. Our number alone finds it, whatever else of it may be
 * strange: to pass it over would be to make it again.
 */
async function findRefund(
  client: StripeClient,
  intentId: string,
  refundRef: string,
  signal: AbortSignal,
): Promise<Result<{ readonly found: Refund } | { readonly found: null; readonly because: Missing }, ChannelError>> {
  const isAsked = ({ metadata }: z.infer<typeof listedSchema>) => metadata?.[REFUND_KEY] === refundRef;
  const listed = await findIn(listedSchema, isAsked, client, signal, (stripe, page) =>
    stripe.refunds.list({ ...page, payment_intent: intentId }),
  );
  if (!listed.ok) return err(whileLooking(listed.error));
  const { found, cut } = listed.value;
  if (found === null) return ok({ found, because: cut ? 'unclear' : 'absent' });
  const parsed = refundSchema.safeParse(found);
  return parsed.success ? ok({ found: parsed.data }) : err(unreadable('unmapped_code'));
}

/** A repeated request with another amount is our own bug, and Stripe would refuse it under the same key, too. */
function ownFirstAnswer(found: Refund, wish: RefundRequest, intentId: string, config: StripeConfig): Said {
  if (!isAmount(found, wish)) return err(channelError('DUPLICATE', 'maybe', { providerCode: 'amount_differs' }));
  return believed(found, wish, intentId, config);
}

function believed(refund: Refund, asked: RefundRef, tradeNo: string | null, config: StripeConfig): Said {
  const names = refundNamesOf(refund);
  const isOurs = names?.refundRef === asked.refundRef && names.providerRef === asked.order.providerRef;
  // A Session's id in the place of the trade number names the same order, but not in words that a refund repeats.
  const isOfOrder = !tradeNo?.startsWith('pi_') || refund.payment_intent === tradeNo;
  if (!isOurs || !isOfOrder || !isAmount(refund, asked)) return err(unreadable('forged_response'));
  return ok(observeRefund(refund, config.account));
}

function isAmount({ amount, currency }: Refund, asked: RefundRef): boolean {
  const seen = fromStripeAmount({ amount, currency });
  return seen !== null && seen.minor === asked.amount.minor && seen.currency === asked.amount.currency;
}

/** A look that failed says nothing about the refund, whatever it says about the look. */
function whileLooking(error: ChannelError): ChannelError {
  if (error.kind === 'NOT_FOUND' || CHANNEL_ERROR_KINDS[error.kind].afterRefund === 'repeat') return error;
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', {
    reason: 'unmapped_code',
    providerCode: error.providerCode,
  });
}

function refusalFor(because: Missing | 'unpaid'): ChannelError {
  switch (because) {
    case 'absent':
      return channelError('NOT_FOUND', 'no', { providerCode: 'resource_missing' });
    case 'unpaid':
      return channelError('INVALID_REQUEST', 'no', { providerCode: 'not_paid' });
    case 'unclear':
      return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode: 'too_many_to_look_through' });
  }
}

function missingBecause(state: ObservedState): Missing | 'unpaid' {
  return state === 'absent' || state === 'unclear' ? state : 'unpaid';
}

/** An order that was never paid has no refunds. */
function missing(because: Missing | 'unpaid'): RefundObservation {
  return because === 'unclear' ? { ...REFUND_ABSENT, state: 'unclear' } : REFUND_ABSENT;
}
