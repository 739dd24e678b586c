import type { Attempt, EpochMs, Payment, PaymentEvent } from './document.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** An order whose buyer may be paying now; never wider apart than what `paidKnownWithinMs` leaves. */
const QUERY_OPEN_MS = [5, 10, 15, 30, 45, 60, 120, 240, 480].map((s) => s * SECOND);
/** The rest of `paidKnownWithinMs` is for the question itself and for a worker that is busy. */
const QUERY_SHARE_OF_PROMISE = 0.75;
/** An order that may or may not exist: ask sooner, since the answer decides what the buyer may do. */
const QUERY_UNKNOWN_MS = [2, 4, 8, 15, 30, 45].map((s) => s * SECOND);
/** The payment has ended; only a late success could still be news. */
const QUERY_ENDED_MS = [1, 5, 10, 30].map((m) => m * MINUTE);
const QUERY_PAST_HORIZON_MS = 6 * HOUR;
/** A refund that was not taken, or not decided. */
const REFUND_RETRY_MS = [
  10 * SECOND,
  20 * SECOND,
  40 * SECOND,
  MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
];
/** An automatic refund that failed is made anew: the reason (an empty account, a bank) may pass. */
const REFUND_AGAIN_MS = [MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR];
const CLOSE_RETRY_MS = [5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE];

/** Webhook retries of `api.md`: these delays, then every three hours until three days after the first try. */
const WEBHOOK_RETRY_MS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR];
const WEBHOOK_LATER_MS = 3 * HOUR;
const WEBHOOK_MAX_AGE_MS = 72 * HOUR;

/** A shop may repeat its request this often without a pause; after that each further attempt doubles the pause before the next. */
const ATTEMPTS_AT_ONCE = 6;
const ATTEMPT_PAUSE_MS = 250;
const ATTEMPT_PAUSE_MAX_MS = 30 * SECOND;

/** An attempt whose create was never answered is taken as lost after this long: longer than any request may run. */
export const ABANDON_AFTER_MS = MINUTE;
/** Clocks differ, and a payment made in the last second takes a moment to be booked. */
export const PROVIDER_GRACE_MS = MINUTE;
/** How long a provider may take to show an order that it has just accepted. */
export const ABSENCE_SETTLES_MS = 10 * SECOND;
/** A capture that was sent so long ago has ended at the provider, one way or the other: longer than any request may run. */
export const CAPTURE_SETTLES_MS = MINUTE;
/** How long after its expiry an attempt may stay unresolved before a person has to look. */
export const HORIZON_MS = 24 * HOUR;

/** How long a refund may stay undecided before a person has to look. */
export const REFUND_HORIZON_MS = 7 * 24 * HOUR;
/** How often somebody is told that money is held. */
export const REMIND_EVERY_MS = 24 * HOUR;
/** The request that asked for a refund sends it; only if that came to nothing, the agenda does. */
export const REFUND_BACKSTOP_MS = 10 * SECOND;

/** When to send a refund again, or to ask about it again, after `tries` that settled nothing. */
export function nextRefundAt(tries: number, now: EpochMs): EpochMs {
  return now + step(REFUND_RETRY_MS, tries);
}

/** When to make the next automatic refund after `failures` of them. */
export function nextRefundAgainAt(failures: number, failedAt: EpochMs): EpochMs {
  return failedAt + step(REFUND_AGAIN_MS, failures - 1);
}

/** When to ask for this attempt again after `tries` questions that settled nothing. */
export function nextQueryAt(payment: Payment, attempt: Attempt, tries: number, now: EpochMs): EpochMs {
  if (now > attempt.providerExpiresAt + HORIZON_MS) return now + QUERY_PAST_HORIZON_MS;
  // Nothing new can be learnt of an order that nobody has seen until it is certain that nobody will.
  if (attempt.unseenAtClose) return Math.max(now + MINUTE, attempt.providerExpiresAt + PROVIDER_GRACE_MS);
  if (payment.status !== 'created' && payment.status !== 'pending') return now + step(QUERY_ENDED_MS, tries);
  const widestMs = Math.floor(payment.policies.paidKnownWithinMs * QUERY_SHARE_OF_PROMISE);
  return now + Math.min(widestMs, step(attempt.status === 'unknown' ? QUERY_UNKNOWN_MS : QUERY_OPEN_MS, tries));
}

/**
 * How long after its last attempt a payment without a way to pay may get another, in milliseconds from `now`; 0: at once. A shop that
 * repeats its request several times a second while the channels are away would otherwise use up all attempts that a payment has.
 */
export function pauseBeforeAttempt({ attempts }: Payment, now: EpochMs): number {
  const last = attempts.at(-1);
  const doubled = attempts.length - ATTEMPTS_AT_ONCE;
  if (last === undefined || doubled < 0) return 0;
  const pauseMs = Math.min(ATTEMPT_PAUSE_MAX_MS, ATTEMPT_PAUSE_MS * 2 ** doubled);
  const waitedMs = now - last.openedAt;
  // A clock that was set back says nothing about how long has been waited.
  return waitedMs < 0 ? 0 : Math.max(0, pauseMs - waitedMs);
}

/** When to try again to close an order after `tries` closes that settled nothing. */
export function nextCloseAt(tries: number, now: EpochMs): EpochMs {
  return now + step(CLOSE_RETRY_MS, tries);
}

/**
 * When to send an event again after `tries` failed deliveries, or null when it is given up.
 * Jitter of up to a tenth comes from the event's id, so that the plan is the same however often it is computed.
 */
export function nextDeliveryAt(event: PaymentEvent, tries: number, now: EpochMs): EpochMs | null {
  const delay = WEBHOOK_RETRY_MS[tries - 1] ?? WEBHOOK_LATER_MS;
  const at = now + delay + Math.floor((delay / 10) * fraction(`${event.id}/${tries}`));
  return at > lastDeliveryAt(event) ? null : at;
}

/** No try of this event is planned after this time. One that was put off beyond it is tried once more, and given up if that fails. */
export function lastDeliveryAt({ at, delivery }: PaymentEvent): EpochMs {
  return ((delivery.state === 'pending' ? delivery.since : undefined) ?? at) + WEBHOOK_MAX_AGE_MS;
}

function step(delays: readonly number[], tries: number): number {
  return delays[Math.min(tries, delays.length - 1)] ?? MINUTE;
}

/** FNV-1a of the text, scaled to [0, 1): spread, not secrecy. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}
