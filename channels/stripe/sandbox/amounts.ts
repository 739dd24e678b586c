import { isCurrency } from '../../../src/payment/index.ts';
import { invalid, type Reply } from './reply.ts';

/** @see https://docs.stripe.com/currencies#special-cases */
const MUST_END_IN_00: ReadonlySet<string> = new Set(['ugx', 'isk']);
const MUST_END_IN_0: ReadonlySet<string> = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd']);
/** @see https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts — a few of them */
const MINIMUM: ReadonlyMap<string, number> = new Map([
  ['usd', 50],
  ['eur', 50],
  ['gbp', 30],
  ['jpy', 50],
  ['hkd', 400],
  ['sgd', 50],
]);

/** Null when Stripe would take this amount. */
export function checkAmount(amount: string | undefined, currency: string | undefined, param: string): Reply | null {
  if (amount === undefined) return invalid(`Missing required param: ${param}.`, param, 'parameter_missing');
  if (currency === undefined) return invalid('Missing required param: currency.', 'currency', 'parameter_missing');
  if (!/^\d+$/.test(amount)) return invalid(`Invalid integer: ${amount}`, param, 'parameter_invalid_integer');
  if (!/^[a-z]{3}$/i.test(currency) || !isCurrency(currency.toUpperCase())) {
    return invalid(`Invalid currency: ${currency}.`, 'currency');
  }
  const value = Number(amount);
  const code = currency.toLowerCase();
  if (value % smallestStep(code) !== 0) {
    return invalid(`Invalid amount: ${code} amounts must be divisible by ${smallestStep(code)}.`, param);
  }
  if (value < (MINIMUM.get(code) ?? 1)) {
    return invalid('The amount is below the minimum charge for this currency.', param, 'amount_too_small');
  }
  if (value > 99_999_999) return invalid('Amount must be no more than 999,999.99', param, 'amount_too_large');
  return null;
}

/** The smallest difference between two amounts in Stripe's units. */
export function smallestStep(currency: string): number {
  if (MUST_END_IN_00.has(currency)) return 100;
  return MUST_END_IN_0.has(currency) ? 10 : 1;
}

/** Stripe's units in ISO 4217 minor units, which the sandbox's books are kept in. */
export function toMinor(amount: number, currency: string): number {
  return MUST_END_IN_00.has(currency) ? amount / 100 : amount;
}

export function fromMinor(minor: number, currency: string): number {
  return MUST_END_IN_00.has(currency) ? minor * 100 : minor;
}
