import type { SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { smallestStep } from './amounts.ts';
import { cannotExpand } from './expand.ts';
import { type Form, textAt, textMapAt, textsAt } from './form.ts';
import type { Entry, Ledger } from './ledger.ts';
import { listPage } from './list.ts';
import { refundedAmount, renderRefund } from './objects.ts';
import type { RefundDesk } from './refund-desk.ts';
import { done, invalid, missing, type Reply } from './reply.ts';

const REASONS = new Set(['duplicate', 'fraudulent', 'requested_by_customer']);
const PARAMS = new Set(['amount', 'charge', 'expand', 'metadata', 'payment_intent', 'reason']);

export interface RefundsApi {
  create(form: Form): Reply;
  retrieve(id: string): Reply;
  list(form: Form): Reply;
}

/**
 * Refunds of card payments. A refusal leaves its idempotency key unused: which of its checks Stripe counts as validation, and
 * which as execution, is not documented.
 * @see https://docs.stripe.com/api/refunds
 */
export function openRefunds({ faults }: SimulatorOptions, ledger: Ledger, desk: RefundDesk): RefundsApi {
  /** The order that is asked about; a refusal when it is not there, and null when none is named. */
  const orderOf = (form: Form): { readonly entry: Entry } | { readonly refused: Reply } | null => {
    const [intentId, chargeId] = [textAt(form, 'payment_intent'), textAt(form, 'charge')];
    if (intentId !== undefined) {
      const entry = ledger.byIntent(intentId);
      const isThere = entry?.detail.intent?.id === intentId;
      return isThere ? { entry } : { refused: missing('payment_intent', intentId, 'payment_intent') };
    }
    if (chargeId === undefined) return null;
    const entry = ledger.byCharge(chargeId);
    const isThere = entry?.detail.intent?.chargeId === chargeId;
    return isThere ? { entry } : { refused: missing('charge', chargeId, 'charge') };
  };

  return {
    create(form) {
      const refused = checkParams(form);
      if (refused !== null) return refused;
      const named = orderOf(form);
      if (named === null) {
        return invalid('One of the following params should be provided for this request: payment_intent or charge.');
      }
      if ('refused' in named) return named.refused;
      const left = leftOf(named.entry);
      if (typeof left !== 'number') return left;
      const amount = Number(textAt(form, 'amount') ?? left);
      const wrong = checkAmount(amount, left, named.entry.detail.currency);
      if (wrong !== null) return wrong;
      if (faults().refunds === 'no_balance') {
        const message = 'Insufficient funds in your Stripe balance to refund this amount.';
        return invalid(message, undefined, 'balance_insufficient');
      }
      const wish = { amount, reason: textAt(form, 'reason') ?? null, metadata: textMapAt(form, 'metadata') };
      return done(desk.make(named.entry, wish));
    },
    retrieve(id) {
      const entry = id.startsWith('re_') ? ledger.byRefund(id) : undefined;
      const refund = entry?.refunds.find(({ detail }) => detail.id === id);
      return entry === undefined || refund === undefined
        ? missing('refund', id, 'id')
        : done(renderRefund(entry, refund));
    },
    list(form) {
      const named = orderOf(form);
      if (named !== null && 'refused' in named) return named.refused;
      const entries = named === null ? ledger.newestFirst(0) : [named.entry];
      const objects = entries
        .flatMap((entry) => entry.refunds.map((refund) => renderRefund(entry, refund)).reverse())
        .sort((a, b) => Number(b.created) - Number(a.created));
      return listPage('/v1/refunds', objects, form);
    },
  };
}

function checkParams(form: Form): Reply | null {
  const unknown = Object.keys(form).find((name) => !PARAMS.has(name));
  if (unknown !== undefined) return invalid(`Received unknown parameter: ${unknown}`, unknown, 'parameter_unknown');
  if (textsAt(form, 'expand').length > 0) return cannotExpand(form);
  const reason = textAt(form, 'reason');
  if (reason !== undefined && !REASONS.has(reason)) {
    return invalid(`Invalid reason: must be one of ${[...REASONS].join(', ')}`, 'reason');
  }
  const amount = textAt(form, 'amount');
  if (amount === undefined || /^\d{1,12}$/.test(amount)) return null;
  return invalid(`Invalid integer: ${amount}`, 'amount', 'parameter_invalid_integer');
}

/** What is left to refund, in Stripe's units; a refusal when nothing is. */
function leftOf(entry: Entry): number | Reply {
  const { intent } = entry.detail;
  if (intent?.status !== 'succeeded') {
    return invalid(`This PaymentIntent (${intent?.id}) does not have a successful charge to refund.`, 'payment_intent');
  }
  const left = intent.amountReceived - refundedAmount(entry);
  if (left > 0) return left;
  return invalid(`Charge ${intent.chargeId} has already been refunded.`, undefined, 'charge_already_refunded');
}

function checkAmount(amount: number, left: number, currency: string): Reply | null {
  if (amount < 1) return invalid('Invalid positive integer', 'amount', 'parameter_invalid_integer');
  if (amount % smallestStep(currency) !== 0) {
    return invalid(`Invalid amount: ${currency} amounts must be divisible by ${smallestStep(currency)}.`, 'amount');
  }
  if (amount <= left) return null;
  return invalid(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, 'amount');
}
