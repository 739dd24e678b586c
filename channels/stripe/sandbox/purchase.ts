import type { CallbackDelivery, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { toMinor } from './amounts.ts';
import { AUTHENTICATION_FAILED, type CardRefunds, type CardRefusal, GENERIC_DECLINE, outcomeOf } from './cards.ts';
import { newId, type RandomBytes } from './keys.ts';
import type { Entry, IntentDetail, Ledger } from './ledger.ts';
import { renderIntent, renderSession, seconds } from './objects.ts';
import type { Publish } from './webhooks.ts';

const SEND: CallbackDelivery = { mode: 'send' };
const PLAIN = { intent: false, charge: false };

/** What happened to a buyer's try, with the order as it is now. */
export type Tried =
  | { readonly kind: 'paid'; readonly entry: Entry }
  | { readonly kind: 'declined'; readonly entry: Entry; readonly refusal: CardRefusal }
  | { readonly kind: 'challenge'; readonly entry: Entry };

/** Everything that moves an order: cards, challenges, expiry and cancelling. Every move sends its events. */
export interface Till {
  payWithCard(entry: Entry, card: string, returnUrl: string | null): Tried;
  answerChallenge(entry: Entry, passed: boolean): Tried;
  /** `amount` in Stripe's units. */
  settle(entry: Entry, amount: number, delivery: CallbackDelivery, refunds?: CardRefunds): Entry;
  decline(entry: Entry, refusal: CardRefusal): Entry;
  expire(entry: Entry): Entry;
  cancel(entry: Entry, reason: string | null): Entry;
  /** The order as it is now: a Session past its time has expired by itself. */
  refresh(entry: Entry): Entry;
}

export function openTill(options: SimulatorOptions, ledger: Ledger, publish: Publish): Till {
  const { now, randomBytes, baseUrl } = options;

  const withIntent = (entry: Entry, set: Partial<IntentDetail>): Entry => {
    const intent = { ...(entry.detail.intent ?? newIntent(now(), randomBytes)), ...set };
    return ledger.put(entry.order, { ...entry.detail, intent });
  };
  const announceIntent = (what: string, entry: Entry, delivery = SEND): void =>
    publish(`payment_intent.${what}`, renderIntent(entry, PLAIN, baseUrl()), entry, delivery);
  const announceSession = (what: string, entry: Entry, delivery = SEND): void =>
    publish(`checkout.session.${what}`, renderSession(entry, PLAIN, baseUrl()), entry, delivery);

  const settle: Till['settle'] = (entry, amount, delivery, refunds = 'at_once') => {
    const chargeId = newId('ch_3', 23, randomBytes);
    const tried = withIntent(entry, {
      status: 'succeeded',
      challenge: null,
      lastError: null,
      chargeId,
      amountReceived: amount,
      refunds,
    });
    const paidAmountMinor = toMinor(amount, tried.detail.currency);
    const paid = ledger.put({ ...tried.order, status: 'paid', paidAmountMinor, paidAt: now() }, tried.detail);
    const announce = [
      () => announceIntent('succeeded', paid, delivery),
      ...(paid.detail.session === null ? [] : [() => announceSession('completed', paid, delivery)]),
    ];
    // Stripe promises no order.
    for (const send of (randomBytes(1)[0] ?? 0) % 2 === 0 ? announce : announce.reverse()) send();
    return paid;
  };

  const decline: Till['decline'] = (entry, refusal) => {
    const lastError = { ...refusal };
    const declined = withIntent(entry, { status: 'requires_payment_method', challenge: null, lastError });
    announceIntent('payment_failed', declined);
    return declined;
  };

  const close = (entry: Entry, intent: IntentDetail | null): Entry =>
    ledger.put({ ...entry.order, status: 'closed' }, { ...entry.detail, intent });

  const expire: Till['expire'] = (entry) => {
    const { intent } = entry.detail;
    const canceled = intent && { ...intent, status: 'canceled', challenge: null, canceledAt: seconds(now()) };
    const expired = close(entry, canceled);
    announceSession('expired', expired);
    if (canceled) announceIntent('canceled', expired);
    return expired;
  };

  return {
    settle,
    decline,
    expire,
    payWithCard(entry, card, returnUrl) {
      const outcome = outcomeOf(card);
      switch (outcome.kind) {
        case 'approved':
          return { kind: 'paid', entry: settle(entry, entry.detail.amount, SEND, outcome.refunds) };
        case 'declined':
          return { kind: 'declined', entry: decline(entry, outcome.refusal), refusal: outcome.refusal };
        case 'challenge': {
          const challenge = outcome.passed;
          const asked = withIntent(entry, { status: 'requires_action', challenge, returnUrl, lastError: null });
          announceIntent('requires_action', asked);
          return { kind: 'challenge', entry: asked };
        }
      }
    },
    answerChallenge(entry, passed) {
      if (passed && entry.detail.intent?.challenge === 'approved') {
        return { kind: 'paid', entry: settle(entry, entry.detail.amount, SEND) };
      }
      const refusal = passed ? GENERIC_DECLINE : AUTHENTICATION_FAILED;
      return { kind: 'declined', entry: decline(entry, refusal), refusal };
    },
    cancel(entry, cancellationReason) {
      const { intent } = entry.detail;
      const canceled = intent && { ...intent, status: 'canceled', canceledAt: seconds(now()), cancellationReason };
      const closed = close(entry, canceled);
      announceIntent('canceled', closed);
      return closed;
    },
    refresh(entry) {
      const { order, detail } = entry;
      const isOver = detail.session !== null && order.expiresAt !== null && order.expiresAt <= now();
      return order.status === 'open' && isOver ? expire(entry) : entry;
    },
  };
}

export function newIntent(now: number, randomBytes: RandomBytes): IntentDetail {
  const id = newId('pi_3', 23, randomBytes);
  return {
    id,
    created: seconds(now),
    clientSecret: newId(`${id}_secret_`, 25, randomBytes),
    status: 'requires_payment_method',
    challenge: null,
    returnUrl: null,
    lastError: null,
    chargeId: null,
    amountReceived: 0,
    refunds: 'at_once',
    canceledAt: null,
    cancellationReason: null,
  };
}
