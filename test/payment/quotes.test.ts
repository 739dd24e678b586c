import { expect, test } from 'vitest';
import * as core from '../../src/payment/index.ts';
import { aNewPayment, anAttempt, anObservation, MINUTE, NEW_YEAR } from './builders.ts';

const QUOTE: core.Quote = {
  amount: { minor: 1_390_000, currency: 'USDT' },
  network: 'TRC20',
  address: 'TXYZ',
  expiresAt: NEW_YEAR + 15 * MINUTE,
};
const action: core.Action = { type: 'qr_code', qrCode: QUOTE.address };

function after(payment: core.Payment, fact: core.Fact, now = NEW_YEAR + MINUTE): core.Payment {
  const applied = core.apply(payment, fact, now);
  if (applied.outcome !== 'applied') throw new Error(`${fact.type}: ${applied.reason}`);
  return applied.payment;
}

/** A payment whose first attempt is open, with a quote, on a channel that cannot return money. */
function quoted(set: Partial<core.NewPayment> = {}, refundable = false) {
  const payment = aNewPayment(core, set);
  const attempt = { ...anAttempt(core, payment, 1, NEW_YEAR), refundable };
  const started = after(payment, { type: 'attempt_started', attempt });
  const opened: core.Fact = {
    type: 'attempt_opened',
    seq: 1,
    action,
    quote: QUOTE,
    channelTradeNo: 'trade-1',
    latencyMs: 1,
  };
  return { attempt, payment: after(started, opened) };
}

const seen = (by: core.ObservedBy, observation: core.Observation): core.Fact => ({
  type: 'observed',
  seq: 1,
  by,
  observation,
});

test('the quoted amount pays the payment, and the quote stays with the attempt', () => {
  const { attempt, payment } = quoted();
  const paid = after(payment, seen('callback', anObservation(attempt, { quoted: QUOTE.amount })));
  expect(paid).toMatchObject({ status: 'succeeded', attempts: [{ quote: QUOTE, paidMinor: payment.amount.minor }] });
});

test.each([
  { minor: 1_389_999, currency: 'USDT' },
  { minor: 1_390_000, currency: 'USD' },
])('another quoted amount (%o) in a callback changes nothing', (other) => {
  const { attempt, payment } = quoted();
  const fact = seen('callback', anObservation(attempt, { quoted: other }));
  expect(core.apply(payment, fact, NEW_YEAR + MINUTE)).toMatchObject({
    outcome: 'rejected',
    reason: 'amount_mismatch',
  });
});

test('another quoted amount in an answer of the channel is money that is there: a person decides', () => {
  const { attempt, payment } = quoted();
  const short = anObservation(attempt, { quoted: { minor: 1_000_000, currency: 'USDT' } });
  const held = after(payment, seen('query', short));
  expect(held).toMatchObject({
    status: 'review',
    statusReason: 'amount_mismatch',
    attempts: [{ effect: 'mismatch', disposition: 'hold' }],
  });
  // What has arrived is known: its repeat is no second surprise.
  expect(core.apply(held, seen('callback', short), NEW_YEAR + MINUTE)).toMatchObject({
    outcome: 'ignored',
    reason: 'repeat',
  });
});

test.each([
  [false, 'hold'],
  [true, 'refund'],
] as const)('late money on a channel that can return money: %s, so it is %s', (refundable, disposition) => {
  const { attempt, payment } = quoted({}, refundable);
  const dead = anObservation(attempt, { state: 'closed', channelTradeNo: null });
  const ended = after(after(payment, { type: 'close_requested', by: 'merchant' }), seen('close', dead));
  expect(ended.status).toBe('closed');
  const late = after(ended, seen('callback', anObservation(attempt, { quoted: QUOTE.amount })));
  expect(late).toMatchObject({
    status: 'closed',
    statusReason: 'paid_after_end',
    attempts: [{ effect: 'late', disposition }],
  });
});
