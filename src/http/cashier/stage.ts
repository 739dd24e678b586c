import type { WayToPay } from '../../gateway/index.ts';
import {
  type Attempt,
  type EpochMs,
  mayChoose,
  type OpenAttempt,
  type Payment,
  payableAttempt,
  type Quote,
  unreachable,
} from '../../payment/index.ts';
import { type Reason, reasonOfEnd, reasonOfError, whereabouts } from './reason.ts';

/** What the buyer sees, derived from the payment alone. `retry`: why the last try on a still open order failed. */
export type Stage =
  | {
      readonly kind: 'scan';
      readonly qrCode: string;
      readonly quote: Quote | null;
      readonly method: string;
      readonly retry: Reason | null;
    }
  | { readonly kind: 'redirect'; readonly url: string; readonly method: string; readonly retry: Reason | null }
  | { readonly kind: 'form'; readonly form: string; readonly method: string; readonly retry: Reason | null }
  | { readonly kind: 'inapp'; readonly method: string; readonly retry: Reason | null }
  /** It is the buyer's turn to choose how to pay. `retry`: why the last way came to nothing. */
  | { readonly kind: 'choose'; readonly retry: Reason | null }
  | { readonly kind: 'preparing' | 'closing' | 'review' | 'paid' | 'refunded' }
  | { readonly kind: 'failed' | 'closed'; readonly reason: Reason };

/** The stage that a payment is in at a moment. A way to pay is shown only while there is exactly one (I7). */
export function stageOf(payment: Payment, now: EpochMs): Stage {
  switch (payment.status) {
    case 'created':
    case 'pending':
      return openStage(payment, now);
    case 'review':
      return { kind: 'review' };
    case 'succeeded':
    case 'partially_refunded':
    case 'disputed':
      return { kind: 'paid' };
    case 'refunded':
      return { kind: 'refunded' };
    case 'failed':
    case 'closed':
      return { kind: payment.status, reason: reasonOfEnd(payment) };
    default:
      return unreachable(payment.status);
  }
}

function openStage(payment: Payment, now: EpochMs): Stage {
  // The agenda closes an expired payment a moment later; nobody should start to pay in that moment.
  if (payment.closeRequested !== null || now >= payment.expiresAt) return { kind: 'closing' };
  const attempt = payableAttempt(payment);
  if (attempt) return payStage(attempt);
  return mayChoose(payment, now) ? { kind: 'choose', retry: retryOf(payment.attempts.at(-1)) } : { kind: 'preparing' };
}

function retryOf(last: Attempt | undefined): Reason | null {
  return last?.error ? reasonOfError(last.error) : null;
}

/**
 * The method of an order that was shown, has been given up for another, and may have been paid before that. One that its provider has
 * never seen the buyer open has not.
 */
export function givenUpMethod(payment: Payment): string | null {
  const isGivenUp = ({ status, error, unseenAtClose }: Attempt) =>
    status === 'unknown' && error === null && !unseenAtClose;
  const attempt = payment.attempts.findLast(isGivenUp);
  return attempt?.method ?? null;
}

function payStage(attempt: OpenAttempt): Stage {
  const { action, method } = attempt;
  const retry = retryOf(attempt);
  switch (action.type) {
    case 'qr_code':
      return { kind: 'scan', qrCode: action.qrCode, quote: attempt.quote ?? null, method, retry };
    case 'redirect':
      return { kind: 'redirect', url: action.url, method, retry };
    case 'form':
      return { kind: 'form', form: action.html, method, retry };
    case 'client_secret':
      return { kind: 'inapp', method, retry };
    default:
      return unreachable(action);
  }
}

/**
 * A short text that changes exactly when the page has to look different; the page watches it. It holds nothing that a
 * bystander could use.
 */
export function stageTag(payment: Payment, stage: Stage, ways: readonly WayToPay[] = []): string {
  const detail = 'reason' in stage ? stage.reason : 'retry' in stage ? (stage.retry ?? 'first') : '';
  const seq = 'method' in stage ? (payableAttempt(payment)?.seq ?? 0) : 0;
  const offered = ways.map(({ method, available }) => `${method}${available ? '' : '-'}`).join('+');
  const choice = stage.kind === 'choose' ? `${payment.attempts.length}.${offered}` : '';
  return [stage.kind, detail, seq, secondPayment(payment) ?? '', givenUpMethod(payment) ?? '', choice].join('.');
}

/** How often the page should look again; null when nothing can change any more. A late payment may still follow an end. */
export function pollEveryMs(stage: Stage): number | null {
  if (stage.kind === 'paid' || stage.kind === 'refunded') return null;
  return stage.kind === 'failed' || stage.kind === 'closed' ? 15_000 : 2_000;
}

/** What became of a second payment of the order; null when there is none. */
export function secondPayment(payment: Payment): 'returned' | 'returning' | 'kept' | null {
  const surplus = payment.attempts.filter((attempt) => attempt.status === 'succeeded' && attempt.effect === 'surplus');
  return surplus.length === 0 ? null : whereabouts(payment, surplus);
}

/** Where the pay button leads: only an http(s) address is ever handed to a browser. */
export function payUrl(stage: Stage): string | null {
  if (stage.kind === 'redirect') return webUrl(stage.url);
  // Some QR codes are the wallet's own web address: on a phone it opens the app.
  return stage.kind === 'scan' ? webUrl(stage.qrCode) : null;
}

/** A normalised http(s) URL, or null for everything else. */
export function webUrl(text: string): string | null {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null;
}
