import { currencyExponent, isCurrency } from '../../payment/index.ts';
import type { ClockStatus } from './model.ts';

/** `3 min`: how long ago `since` was at `now`; two units at most. */
export function agoText(since: string, now: string): string {
  return spanText((Date.parse(now) - Date.parse(since)) / 1_000);
}

/** `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`. */
export function spanText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** `3 min ahead of`, `0.2 s behind`, to be followed by whose. */
export function skewText({ skew_ms }: Pick<ClockStatus, 'skew_ms'>): string {
  const seconds = Math.abs(skew_ms) / 1_000;
  const span = seconds < 60 ? `${seconds.toFixed(1)} s` : spanText(seconds);
  return `${span} ${skew_ms > 0 ? 'ahead of' : 'behind'}`;
}

/** `1,234.50 CNY` */
export function moneyText(minor: number, currency: string): string {
  if (!isCurrency(currency)) return `${minor} minor units of ${currency}`;
  const exponent = currencyExponent(currency);
  const digits = String(Math.abs(minor)).padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent).replaceAll(/\B(?=(\d{3})+$)/g, ',');
  const rest = exponent === 0 ? '' : `.${digits.slice(-exponent)}`;
  return `${minor < 0 ? '−' : ''}${whole}${rest} ${currency}`;
}

/** `03:07:42` of an RFC 3339 time, for people who compare it with a log. */
export function clockText(time: string): string {
  return time.slice(11, 19);
}
