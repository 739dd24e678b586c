import { TypeID } from 'typeid-js';

/** Fills 16 random bytes; injected so that simulations are repeatable. */
export type RandomBytes = (size: number) => Uint8Array;

const PROVIDER_REF = /^([0-7][0-9a-hjkmnp-tv-z]{25})(\d{2})$/;
const REFUND_REF = /^([0-7][0-9a-hjkmnp-tv-z]{25}\d{2})r(\d{3})$/;
const EVENT_ID = /^evt_([0-7][0-9a-hjkmnp-tv-z]{25})_([a-z0-9]+)$/;

/** At most this many attempts fit the two digits of a provider reference. */
export const ATTEMPT_SEQ_MAX = 99;

/**
 * A time-ordered id `<prefix>_<26 characters>`: a UUIDv7 (RFC 9562) in TypeID's alphabet, made from the injected clock and
 * randomness.
 */
export function newId(prefix: 'pay', nowMs: number, randomBytes: RandomBytes): string {
  const bytes = Uint8Array.from(randomBytes(16));
  new DataView(bytes.buffer).setUint16(0, Math.floor(nowMs / 2 ** 32));
  new DataView(bytes.buffer).setUint32(2, nowMs >>> 0);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return TypeID.fromUUIDBytes(prefix, bytes).toString();
}

/** What ids look like, for whoever describes them to others. */
export const ID_PATTERNS = {
  payment: /^pay_[0-7][0-9a-hjkmnp-tv-z]{25}$/,
  refund: /^rf_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9]{3}$/,
  event: /^evt_[0-7][0-9a-hjkmnp-tv-z]{25}_[a-z0-9]+$/,
} as const;

export function isPaymentId(text: string): boolean {
  return ID_PATTERNS.payment.test(text);
}

/** The order number that a provider sees: the payment's 26 characters + a two-digit attempt number (28 of `[0-9a-z]`). */
export function providerRefOf(paymentId: string, attemptSeq: number): string {
  return `${paymentId.slice(4)}${String(attemptSeq).padStart(2, '0')}`;
}

/** The inverse of `providerRefOf`; null for anything that we never sent. */
export function parseProviderRef(text: string): { paymentId: string; attemptSeq: number } | null {
  const match = PROVIDER_REF.exec(text);
  return match ? { paymentId: `pay_${match[1]}`, attemptSeq: Number(match[2]) } : null;
}

/** A payment holds at most this many refunds, failed ones included. */
export const REFUNDS_MAX = 120;

/** The number of a refund at its provider: the attempt's reference, `r` and three digits (32 of `[0-9a-z]`). */
export function refundRefOf(providerRef: string, refundSeq: number): string {
  return `${providerRef}r${String(refundSeq).padStart(3, '0')}`;
}

/** The inverse of `refundRefOf`; null for anything that we never sent. */
export function parseRefundRef(text: string): { providerRef: string; refundSeq: number } | null {
  const match = REFUND_REF.exec(text);
  return match?.[1] === undefined ? null : { providerRef: match[1], refundSeq: Number(match[2]) };
}

/** A refund's id follows from its payment and its place in it, so that a repeat cannot make a second one. */
export function refundIdOf(paymentId: string, refundSeq: number): string {
  return `rf_${paymentId.slice(4)}_${String(refundSeq).padStart(3, '0')}`;
}

/**
 * An event's id is a function of its payment and transition (I4), so a repeated transition cannot make a second event.
 * It has no dot: Standard Webhooks joins id, time and body with dots before signing.
 */
export function eventIdOf(paymentId: string, transition: string): string {
  return `evt_${paymentId.slice(4)}_${transition}`;
}

/** The payment that an event id belongs to; null when it is not one of ours. */
export function paymentIdOfEvent(eventId: string): string | null {
  const match = EVENT_ID.exec(eventId);
  return match ? `pay_${match[1]}` : null;
}
