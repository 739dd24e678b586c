import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelError } from '../../../src/channel/index.ts';
import { aRequest, openStage, patience, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(async () => {
  await stage.wish({ refuse_with: null });
  expect(stage.bugs).toEqual([]);
});
afterAll(() => stage.close());

const INVALID = { type: 'invalid_request_error' };
const CARD = { type: 'card_error' };
const INTENT = { id: 'pi_3x', object: 'payment_intent' };

/** channels.md 3.4, row by row. */
test.each<[string, number, Record<string, unknown>, Partial<ChannelError>]>([
  [
    'card_declined',
    402,
    { ...CARD, code: 'card_declined', decline_code: 'generic_decline' },
    { kind: 'DECLINED', created: 'no', providerCode: 'generic_decline' },
  ],
  [
    'a decline that leaves a PaymentIntent',
    402,
    { ...CARD, code: 'card_declined', payment_intent: INTENT },
    { kind: 'DECLINED', created: 'maybe' },
  ],
  [
    'expired_card',
    402,
    { ...CARD, code: 'expired_card' },
    { kind: 'DECLINED', created: 'no', providerCode: 'expired_card' },
  ],
  ['incorrect_cvc', 402, { ...CARD, code: 'incorrect_cvc' }, { kind: 'DECLINED', created: 'no' }],
  ['processing_error', 402, { ...CARD, code: 'processing_error' }, { kind: 'DECLINED', created: 'no' }],
  [
    'payment_intent_authentication_failure',
    402,
    { ...CARD, code: 'payment_intent_authentication_failure' },
    { kind: 'DECLINED', created: 'no' },
  ],
  ...['fraudulent', 'stolen_card', 'lost_card', 'pickup_card', 'merchant_blacklist'].map(
    (code): [string, number, Record<string, unknown>, Partial<ChannelError>] => [
      code,
      402,
      { ...CARD, code: 'card_declined', decline_code: code },
      { kind: 'RISK_REJECTED', created: 'no', providerCode: code },
    ],
  ),
  ['request_blocked', 400, { ...INVALID, code: 'request_blocked' }, { kind: 'RISK_REJECTED', created: 'no' }],
  ['amount_too_small', 400, { ...INVALID, code: 'amount_too_small' }, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['amount_too_large', 400, { ...INVALID, code: 'amount_too_large' }, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['parameter_missing', 400, { ...INVALID, code: 'parameter_missing' }, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['parameter_unknown', 400, { ...INVALID, code: 'parameter_unknown' }, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['url_invalid', 400, { ...INVALID, code: 'url_invalid' }, { kind: 'INVALID_REQUEST', created: 'no' }],
  [
    'a bad parameter without a code',
    400,
    { ...INVALID, param: 'currency' },
    { kind: 'INVALID_REQUEST', created: 'no', providerCode: 'invalid_request_error' },
  ],
  ['resource_missing', 404, { ...INVALID, code: 'resource_missing' }, { kind: 'NOT_FOUND', created: 'no' }],
  [
    'unexpected state, succeeded',
    400,
    { ...INVALID, code: 'payment_intent_unexpected_state', payment_intent: { ...INTENT, status: 'succeeded' } },
    { kind: 'ALREADY_PAID', created: 'maybe' },
  ],
  [
    'unexpected state, canceled',
    400,
    { ...INVALID, code: 'payment_intent_unexpected_state', payment_intent: { ...INTENT, status: 'canceled' } },
    { kind: 'ALREADY_CLOSED', created: 'maybe' },
  ],
  [
    'unexpected state, other',
    400,
    { ...INVALID, code: 'payment_intent_unexpected_state', payment_intent: { ...INTENT, status: 'processing' } },
    { kind: 'INVALID_REQUEST', created: 'maybe' },
  ],
  [
    'an object of the other mode',
    404,
    {
      ...INVALID,
      code: 'resource_missing',
      message: "No such payment_intent: 'pi_3x'; a similar object exists in live mode, but a test mode key was used.",
    },
    { kind: 'AUTH_MISCONFIGURED', created: 'no', providerCode: 'livemode_mismatch' },
  ],
  ['a reused idempotency key', 400, { type: 'idempotency_error' }, { kind: 'DUPLICATE', created: 'maybe' }],
  ['409 idempotency_error', 409, { type: 'idempotency_error' }, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  [
    '409 idempotency_key_in_use',
    409,
    { ...INVALID, code: 'idempotency_key_in_use' },
    { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' },
  ],
  [
    'lock_timeout, as 409',
    409,
    { ...INVALID, code: 'lock_timeout' },
    { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' },
  ],
  [
    'lock_timeout, as 429',
    429,
    { ...INVALID, code: 'lock_timeout' },
    { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' },
  ],
  ['401', 401, INVALID, { kind: 'AUTH_MISCONFIGURED', created: 'no' }],
  [
    'api_key_expired',
    401,
    { ...INVALID, code: 'api_key_expired' },
    { kind: 'AUTH_MISCONFIGURED', created: 'no', providerCode: 'api_key_expired' },
  ],
  ['403', 403, INVALID, { kind: 'AUTH_MISCONFIGURED', created: 'no' }],
  [
    'account_closed',
    403,
    { ...INVALID, code: 'account_closed' },
    { kind: 'AUTH_MISCONFIGURED', created: 'no', reason: 'frozen' },
  ],
  [
    'testmode_charges_only',
    400,
    { ...INVALID, code: 'testmode_charges_only' },
    { kind: 'AUTH_MISCONFIGURED', created: 'no', reason: 'frozen' },
  ],
  [
    'charges disabled, in words',
    403,
    { ...INVALID, message: 'Your account cannot currently make live charges.' },
    { kind: 'AUTH_MISCONFIGURED', created: 'no', reason: 'frozen' },
  ],
  ['429', 429, { ...INVALID, code: 'rate_limit' }, { kind: 'RATE_LIMITED', created: 'no' }],
  ['429 without a code', 429, { type: 'api_error' }, { kind: 'RATE_LIMITED', created: 'no' }],
  [
    'balance_insufficient',
    400,
    { ...INVALID, code: 'balance_insufficient' },
    { kind: 'INSUFFICIENT_BALANCE', created: 'no' },
  ],
  ['500', 500, { type: 'api_error' }, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['503', 503, { type: 'api_error' }, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  [
    'a code that nobody knows',
    400,
    { ...INVALID, code: 'moon_in_wrong_phase' },
    { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'unmapped_code', providerCode: 'moon_in_wrong_phase' },
  ],
  ['404 without a code', 404, INVALID, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'unmapped_code' }],
])('%s', async (_what, status, error, expected) => {
  await stage.wish({ refuse_with: { status, error: { message: 'no', ...error } } });
  const answer = await stage.adapter.create(aRequest(stage.now()), patience());
  expect(answer).toMatchObject({ ok: false, error: expected });
});

test('no error carries what Stripe wrote, since that may name a person', async () => {
  const error = {
    ...INVALID,
    code: 'parameter_unknown',
    message: 'The customer jenny.rosen@example.com has no card 4242',
  };
  await stage.wish({ refuse_with: { status: 400, error } });
  const answer = await stage.adapter.create(aRequest(stage.now()), patience());
  expect(JSON.stringify(answer)).not.toMatch(/jenny|4242/);
});
