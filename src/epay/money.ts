import { err, fromDecimalString, type Money, type Result } from '../payment/index.ts';

/** Yuan as shops write them: `1`, `19.9`, `0.01`, `19.900`. No sign, no exponent, no comma, and nothing beyond the fen. */
export function readMoney(text: string): Result<Money, 'not_an_amount'> {
  if (!/^\d{1,9}(\.\d{1,60})?$/.test(text)) return err('not_an_amount');
  // Programs that print fractions with a fixed number of digits end them with zeros.
  return fromDecimalString(text.replace(/(\.\d\d)0+$/, '$1'), 'CNY');
}
