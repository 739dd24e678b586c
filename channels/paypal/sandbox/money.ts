import { currencyExponent, fromDecimalString, isCurrency, toDecimalString } from '../../../src/payment/index.ts';

/** @see https://developer.paypal.com/reference/currency-codes/ */
const TAKEN: ReadonlySet<string> = new Set([
  ...['AUD', 'BRL', 'CAD', 'CHF', 'CNY', 'CZK', 'DKK', 'EUR', 'GBP', 'HKD', 'HUF', 'ILS', 'JPY'],
  ...['MXN', 'MYR', 'NOK', 'NZD', 'PHP', 'PLN', 'SEK', 'SGD', 'THB', 'TWD', 'USD'],
]);
const NO_DECIMALS: ReadonlySet<string> = new Set(['HUF', 'JPY', 'TWD']);

/** An amount as PayPal prints it. */
export interface WireMoney {
  readonly currency_code: string;
  readonly value: string;
}

/** Our books count ISO minor units; PayPal prints decimals, and none of some currencies. */
export function wireMoney(minor: number, currency: string): WireMoney {
  const text = minor === 0 ? '0.00' : toDecimalString({ minor: Math.abs(minor), currency });
  const value = NO_DECIMALS.has(currency) ? (text.split('.')[0] ?? text) : text;
  return { currency_code: currency, value: minor < 0 ? `-${value}` : value };
}

/** Minor units of a sent amount, or PayPal's name for what is wrong with it. */
export function readMoney(sent: WireMoney): number | string {
  const { currency_code: currency, value } = sent;
  if (!TAKEN.has(currency) || !isCurrency(currency)) return 'CURRENCY_NOT_SUPPORTED';
  const decimals = value.split('.')[1]?.length ?? 0;
  if (decimals > (NO_DECIMALS.has(currency) ? 0 : currencyExponent(currency))) return 'DECIMAL_PRECISION';
  const money = fromDecimalString(value, currency);
  return money.ok ? money.value.minor : 'INVALID_PARAMETER_VALUE';
}

/** The smallest step in which PayPal counts this currency, in minor units. */
export function stepOf(currency: string): number {
  return NO_DECIMALS.has(currency) ? 10 ** currencyExponent(currency) : 1;
}
