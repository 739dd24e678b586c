import { err, fromDecimalString, type Money, ok, type Result, toDecimalString } from '../../src/payment/index.ts';

/** @see https://developer.paypal.com/reference/currency-codes/ — CNY only for accounts inside China */
const CURRENCIES: ReadonlySet<string> = new Set(
  'AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD'.split(' '),
);
/** PayPal takes no decimals of these; ISO 4217 lists two for HUF and TWD. */
const WHOLE: ReadonlySet<string> = new Set(['HUF', 'JPY', 'TWD']);

export interface PayPalAmount {
  readonly currency_code: string;
  readonly value: string;
}

/** `not_expressible`: a currency that PayPal does not take, or a fraction of one that it takes whole. */
export function toPayPalAmount(money: Money): Result<PayPalAmount, 'not_expressible'> {
  const { currency } = money;
  if (!CURRENCIES.has(currency)) return err('not_expressible');
  const text = toDecimalString(money);
  if (!WHOLE.has(currency)) return ok({ currency_code: currency, value: text });
  const whole = /^(\d+)(?:\.0+)?$/.exec(text)?.[1];
  return whole === undefined ? err('not_expressible') : ok({ currency_code: currency, value: whole });
}

/** Null for what cannot be an amount of ours, which then fits no attempt (I5). */
export function fromPayPalAmount(amount: PayPalAmount | undefined): Money | null {
  if (amount === undefined || !CURRENCIES.has(amount.currency_code)) return null;
  const money = fromDecimalString(amount.value, amount.currency_code);
  return money.ok ? money.value : null;
}
