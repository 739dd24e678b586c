import * as iso from 'dinero.js/currencies';
import { err, ok, type Result } from './result.ts';

/** An amount as an integer of the currency's minor unit (CNY: fen, JPY: yen, USDT: millionths). */
export interface Money {
  readonly minor: number;
  readonly currency: string;
}

/** The largest amount that one payment may carry (I11); sums of a few thousand of them stay safe integers. */
export const AMOUNT_MINOR_MAX = 10_000_000_000_000;

const EXPONENT_BY_CURRENCY: ReadonlyMap<string, number> = new Map([
  ...Object.values(iso).map((currency): [string, number] => [currency.code, currency.exponent]),
  ['USDT', 6],
  // The library counts their fifths (base 5); ISO 4217 lists two decimals, and so do payment providers.
  ['MGA', 2],
  ['MRU', 2],
]);

/** Every ISO 4217 code in use, and `USDT`. */
export const CURRENCIES: readonly string[] = [...EXPONENT_BY_CURRENCY.keys()].sort();

/** True for an ISO 4217 code in use, or `USDT`. */
export function isCurrency(code: string): boolean {
  return EXPONENT_BY_CURRENCY.has(code);
}

/** Digits after the decimal point: CNY 2, JPY 0, USDT 6. Throws on a code that `isCurrency` refuses. */
export function currencyExponent(code: string): number {
  const exponent = EXPONENT_BY_CURRENCY.get(code);
  if (exponent === undefined) throw new Error(`money: unknown currency ${code}; check it with isCurrency first`);
  return exponent;
}

/** Builds a positive amount; throws when it is not a safe integer in 1..AMOUNT_MINOR_MAX, since callers parse first. */
export function money(minor: number, currency: string): Money {
  if (!isAmountMinor(minor)) throw new Error(`money: ${minor} is not an amount in minor units`);
  currencyExponent(currency);
  return { minor, currency };
}

export function isAmountMinor(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && value <= AMOUNT_MINOR_MAX;
}

/**
 * `{ 1050, CNY }` -> `"10.50"`: every digit of the currency's exponent, no grouping. It only puts the point where it belongs, as every
 * routing decision writes two of these; the tests compare it with what the money library writes.
 */
export function toDecimalString(amount: Money): string {
  const exponent = currencyExponent(amount.currency);
  if (!Number.isSafeInteger(amount.minor)) throw new Error(`money: ${amount.minor} is not in minor units`);
  const digits = String(Math.abs(amount.minor)).padStart(exponent + 1, '0');
  const point = digits.length - exponent;
  const fraction = exponent === 0 ? '' : `.${digits.slice(point)}`;
  return `${amount.minor < 0 ? '-' : ''}${digits.slice(0, point)}${fraction}`;
}

/**
 * `"10.5"` with CNY -> `{ 1050, CNY }`. Strict: digits, at most one point, no sign, no exponent, and no more decimals than
 * the currency has (further zeros are let pass, since some providers print them). Never goes through a float.
 */
export function fromDecimalString(text: string, currency: string): Result<Money, 'not_an_amount'> {
  const match = /^(\d{1,14})(?:\.(\d{1,12}))?$/.exec(text);
  if (!match) return err('not_an_amount');
  const exponent = currencyExponent(currency);
  const fraction = match[2] ?? '';
  if (/[^0]/.test(fraction.slice(exponent))) return err('not_an_amount');
  const minor = Number(`${match[1]}${fraction.slice(0, exponent).padEnd(exponent, '0')}`);
  return isAmountMinor(minor) ? ok({ minor, currency }) : err('not_an_amount');
}

/**
 * What a channel charges: `ratePpm` parts per million of the amount (0.6% = 6000) plus `fixedMinor`, within min and max.
 * `tiers`: from a paid volume of the period on another rate holds, for the part above it alone, as with taxes.
 */
export interface FeeSchedule {
  readonly ratePpm: number;
  readonly fixedMinor: number;
  readonly minMinor: number;
  readonly maxMinor: number | null;
  /** Ascending in `fromMinor`, each above 0. Absent: one rate for all. */
  readonly tiers?: readonly FeeTier[];
  /** What the volume is counted over; only with tiers. */
  readonly tierPeriod?: 'month' | 'day';
}

export interface FeeTier {
  readonly fromMinor: number;
  readonly ratePpm: number;
}

/**
 * The fee for one payment in minor units of its currency, rounded up: the router must never under-quote a fee. `volumeMinor` is what
 * was paid over the channel in the period before; it matters for tiers alone.
 */
export function feeMinorCeil(schedule: FeeSchedule, amountMinor: number, volumeMinor = 0): number {
  return feeWithShare(schedule, shareMinorCeil(schedule, amountMinor, volumeMinor));
}

/** The whole fee where the rate's part of it is known: with the fixed part, within minimum and maximum. */
export function feeWithShare({ fixedMinor, minMinor, maxMinor }: FeeSchedule, shareMinor: number): number {
  const fee = Math.max(minMinor, shareMinor + fixedMinor);
  return maxMinor === null ? fee : Math.min(fee, maxMinor);
}

/** The rate's part of the fee. Without tiers and within the safe integers plain numbers are exact, and the router asks often. */
function shareMinorCeil(schedule: FeeSchedule, amountMinor: number, volumeMinor: number): number {
  const product = amountMinor * schedule.ratePpm + 999_999;
  if (schedule.tiers === undefined && Number.isSafeInteger(product))
    return (product - (product % 1_000_000)) / 1_000_000;
  return Number((shareMillionths(schedule, amountMinor, volumeMinor) + 999_999n) / 1_000_000n);
}

/** The rate's part of the fee in millionths of a minor unit, exact: what lies in each tier at the rate of that tier. */
function shareMillionths(schedule: FeeSchedule, amountMinor: number, volumeMinor: number): bigint {
  const { ratePpm, tiers = [] } = schedule;
  const start = BigInt(volumeMinor);
  const end = start + BigInt(amountMinor);
  let sum = 0n;
  let from = 0n;
  let rate = BigInt(ratePpm);
  const add = (to: bigint): void => {
    const low = from > start ? from : start;
    const high = to < end ? to : end;
    if (high > low) sum += (high - low) * rate;
  };
  for (const tier of tiers) {
    add(BigInt(tier.fromMinor));
    from = BigInt(tier.fromMinor);
    rate = BigInt(tier.ratePpm);
  }
  add(end);
  return sum;
}
