import {
  currencyExponent,
  err,
  isAmountMinor,
  isCurrency,
  type Money,
  ok,
  type Result,
} from '../../src/payment/index.ts';

/** @see https://docs.stripe.com/currencies — zero-decimal currencies. MGA is left out: see `stepsOf`. */
const ZERO_DECIMAL: ReadonlySet<string> = new Set('BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF'.split(' '));
/** Without decimals in ISO 4217, but Stripe counts hundredths that have to end in 00. */
const HUNDREDTHS_OF_WHOLE: ReadonlySet<string> = new Set(['UGX', 'ISK']);
/** Stripe counts thousandths whose last digit has to be 0. */
const THREE_DECIMAL: ReadonlySet<string> = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);
/** ISO 4217 lists two decimals, but fifths are what exists; Stripe counts MGA whole. Refused rather than off by a factor. */
const COUNTED_DIFFERENTLY: ReadonlySet<string> = new Set(['MGA', 'MRU']);
/** "Up to eight digits" is documented for every currency; more is allowed for a few only. */
const STRIPE_AMOUNT_MAX = 99_999_999;

/** An amount in Stripe's smallest unit with Stripe's lower-case currency code. */
export interface StripeAmount {
  readonly amount: number;
  readonly currency: string;
}

/**
 * Our ISO minor units in Stripe's. `not_expressible`: a currency that Stripe does not know or that the two count
 * differently, a fraction that it does not take (KWD 1.001), or more than eight digits.
 */
export function toStripeAmount(money: Money): Result<StripeAmount, 'not_expressible'> {
  const steps = stepsOf(money.currency);
  if (steps === null || money.minor % steps.ourStep !== 0) return err('not_expressible');
  const amount = money.minor * steps.perMinor;
  if (!isAmountMinor(amount) || amount > STRIPE_AMOUNT_MAX) return err('not_expressible');
  return ok({ amount, currency: money.currency.toLowerCase() });
}

/** The way back; null for what cannot be an amount of ours, which then fits no attempt (I5). */
export function fromStripeAmount({ amount, currency }: StripeAmount): Money | null {
  const code = currency.toUpperCase();
  const steps = stepsOf(code);
  if (steps === null || amount % steps.perMinor !== 0) return null;
  const minor = amount / steps.perMinor;
  return isAmountMinor(minor) ? { minor, currency: code } : null;
}

/**
 * `perMinor`: how many of Stripe's units one of our minor units is. `ourStep`: the multiples that Stripe takes.
 * Only currencies that both sides are known to count in these ways; others (MGA, MRU, CLF, IQD, USDT) would risk a factor.
 */
function stepsOf(code: string): { perMinor: number; ourStep: number } | null {
  if (!isCurrency(code) || COUNTED_DIFFERENTLY.has(code)) return null;
  if (ZERO_DECIMAL.has(code)) return { perMinor: 1, ourStep: 1 };
  if (HUNDREDTHS_OF_WHOLE.has(code)) return { perMinor: 100, ourStep: 1 };
  if (THREE_DECIMAL.has(code)) return { perMinor: 1, ourStep: 10 };
  return currencyExponent(code) === 2 ? { perMinor: 1, ourStep: 1 } : null;
}
