/** What becomes of later refunds to a card. */
export type CardRefunds = 'at_once' | 'later' | 'fail_later';

/** What becomes of a try to pay with a card. */
export type CardOutcome =
  | { readonly kind: 'approved'; readonly refunds: CardRefunds }
  | { readonly kind: 'declined'; readonly refusal: CardRefusal }
  /** The bank wants to see the buyer first (3-D Secure); `passed` is what follows when the buyer passes. */
  | { readonly kind: 'challenge'; readonly passed: 'approved' | 'declined' };

export interface CardRefusal {
  readonly type: 'card_error' | 'invalid_request_error';
  readonly code: string;
  readonly decline_code?: string;
  readonly message: string;
}

export const GOOD_CARD = '4242424242424242';

export const GENERIC_DECLINE = cardRefusal('card_declined', 'Your card was declined.', 'generic_decline');
export const AUTHENTICATION_FAILED: CardRefusal = {
  type: 'card_error',
  code: 'payment_intent_authentication_failure',
  message: 'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
};

/** @see https://docs.stripe.com/testing — the numbers, and the payment methods of the same meaning */
const OUTCOME_BY_CARD: ReadonlyMap<string, CardOutcome> = new Map<string, CardOutcome>([
  [GOOD_CARD, { kind: 'approved', refunds: 'at_once' }],
  ['pm_card_visa', { kind: 'approved', refunds: 'at_once' }],
  ['4000000000007726', { kind: 'approved', refunds: 'later' }],
  ['pm_card_pendingRefund', { kind: 'approved', refunds: 'later' }],
  ['4000000000005126', { kind: 'approved', refunds: 'fail_later' }],
  ['pm_card_refundFail', { kind: 'approved', refunds: 'fail_later' }],
  ['4000000000000002', declined(GENERIC_DECLINE)],
  ['pm_card_chargeDeclined', declined(GENERIC_DECLINE)],
  [
    '4000000000009995',
    declined(cardRefusal('card_declined', 'Your card has insufficient funds.', 'insufficient_funds')),
  ],
  ['4000000000009979', declined(cardRefusal('card_declined', 'Your card was declined.', 'stolen_card'))],
  ['4000000000009987', declined(cardRefusal('card_declined', 'Your card was declined.', 'lost_card'))],
  ['4100000000000019', declined(cardRefusal('card_declined', 'Your card was declined.', 'fraudulent'))],
  ['4000000000000069', declined(cardRefusal('expired_card', 'Your card has expired.'))],
  ['4000000000000127', declined(cardRefusal('incorrect_cvc', "Your card's security code is incorrect."))],
  ['4000000000000119', declined(cardRefusal('processing_error', 'An error occurred while processing your card.'))],
  ['4000000000003220', { kind: 'challenge', passed: 'approved' }],
  ['4000002760003184', { kind: 'challenge', passed: 'approved' }],
  ['pm_card_authenticationRequired', { kind: 'challenge', passed: 'approved' }],
  ['4000008400001629', { kind: 'challenge', passed: 'declined' }],
]);

/** Any other number is declined, as real cards are in test mode. */
export function outcomeOf(card: string): CardOutcome {
  const known = OUTCOME_BY_CARD.get(card.replace(/[\s-]/g, ''));
  return (
    known ??
    declined(cardRefusal('card_declined', 'Your card was declined. Only test cards work here.', 'test_mode_live_card'))
  );
}

function declined(refusal: CardRefusal): CardOutcome {
  return { kind: 'declined', refusal };
}

function cardRefusal(code: string, message: string, declineCode?: string): CardRefusal {
  return { type: 'card_error', code, message, ...(declineCode === undefined ? {} : { decline_code: declineCode }) };
}
