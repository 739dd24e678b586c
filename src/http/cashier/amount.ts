import { type Money, toDecimalString } from '../../payment/index.ts';

const SYMBOLS: Readonly<Record<string, string>> = {
  CNY: '¥',
  JPY: '¥',
  USD: '$',
  HKD: 'HK$',
  TWD: 'NT$',
  EUR: '€',
  GBP: '£',
  KRW: '₩',
  BRL: 'R$',
};

/** `{ 123456, CNY }` -> `¥1,234.56`; a currency without a symbol here keeps its code: `12.500000 USDT`. */
export function amountText(amount: Money): string {
  const [whole = '', fraction] = toDecimalString(amount).split('.');
  const grouped = whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
  const digits = fraction === undefined ? grouped : `${grouped}.${fraction}`;
  const symbol = SYMBOLS[amount.currency];
  return symbol === undefined ? `${digits} ${amount.currency}` : `${symbol}${digits}`;
}
