import Stripe from 'stripe';
import type { CallbackOutcome, CallbackRefusal, Notice, RawAnswer, RawCallback } from '../../src/channel/index.ts';
import { type EpochMs, err, type Observation, ok, parseProviderRef, type Result } from '../../src/payment/index.ts';
import { isLivemode, type StripeConfig } from './config.ts';
import {
  eventSchema,
  FLOW_KEY,
  type Intent,
  intentSchema,
  refOf,
  refundNamesOf,
  refundSchema,
  type Session,
  sessionSchema,
} from './objects.ts';
import { observeIntent, observeRefund, observeSession } from './status.ts';

/** How far the signed time may be from ours, either way. @see https://docs.stripe.com/webhooks#replay-attacks */
const TOLERANCE_MS = 300_000;
const HEADER_LENGTH_MAX = 2_048;

type Reader = (object: unknown, event: { account: string; at: EpochMs }) => Result<Notice | null, 'malformed'>;

/** @see https://docs.stripe.com/api/events/types — what is not listed tells nothing new (`charge.refunded` names no refund). */
const READER_BY_TYPE: ReadonlyMap<string, Reader> = new Map([
  ...['completed', 'async_payment_succeeded', 'async_payment_failed', 'expired'].map((what): [string, Reader] => [
    `checkout.session.${what}`,
    readSession(what),
  ]),
  ...['succeeded', 'payment_failed', 'canceled', 'processing', 'requires_action', 'amount_capturable_updated'].map(
    (what): [string, Reader] => [`payment_intent.${what}`, readIntent],
  ),
  ...['refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated'].map((type): [string, Reader] => [
    type,
    readRefund,
  ]),
]);

/** Verifies the raw bytes, then the time, then the account, and only then looks at what is said. */
export function parseCallback(config: StripeConfig) {
  return async (raw: RawCallback): Promise<Result<readonly Notice[], CallbackRefusal>> => {
    if (raw.method !== 'POST') return err('malformed');
    const verified = verify(raw, config.webhook_secrets);
    if (!verified.ok) return verified;
    const event = eventSchema.safeParse(parseJson(verified.value));
    if (!event.success) return err('malformed');
    const { type, livemode, account, created, data } = event.data;
    if (livemode !== isLivemode(config)) return err('foreign_account');
    if (account != null && account !== config.account) return err('foreign_account');
    const reader = READER_BY_TYPE.get(type);
    if (reader === undefined) return ok([]);
    const notice = reader(data.object, { account: config.account, at: created * 1_000 });
    if (!notice.ok) return notice;
    return ok(notice.value === null ? [] : [notice.value]);
  };
}

/** Stripe looks at the status alone; any 2xx ends its repetitions. */
export function acknowledge({ kind }: CallbackOutcome): RawAnswer {
  const received = kind !== 'refused';
  return { status: received ? 200 : 400, contentType: 'application/json', body: JSON.stringify({ received }) };
}

/** The text that the signature was made over, once that is proven. */
function verify(raw: RawCallback, secrets: readonly string[]): Result<string, CallbackRefusal> {
  const [header, ...more] = raw.headers.get('stripe-signature') ?? [];
  if (header === undefined) return err('bad_signature');
  const signedAt = more.length > 0 ? null : signedTimeOf(header);
  if (signedAt === null) return err('malformed');
  const text = decodeUtf8(raw.body);
  if (text === null || text === '') return err('malformed');
  if (!secrets.some((secret) => isSignedWith(secret, header, text))) return err('bad_signature');
  // The SDK lets times from the future pass and cannot tell an old message from a forged one, so the time is checked here.
  return Math.abs(raw.receivedAt - signedAt) > TOLERANCE_MS ? err('stale') : ok(text);
}

/**
 * The time of a header `t=<s>,v1=<hex>[,v1=<hex>]`: one time and well-formed signatures, so that the SDK, which is laxer, reads
 * the same as we do. Other schemes (`v0`, later ones) are of no interest.
 */
function signedTimeOf(header: string): EpochMs | null {
  if (header.length > HEADER_LENGTH_MAX) return null;
  const items = header.split(',');
  const times = items.filter((item) => item.startsWith('t='));
  const isProper = items.every((item) => !item.startsWith('v1=') || /^v1=[0-9a-f]{64}$/.test(item));
  const [, seconds] = /^t=(\d{1,11})$/.exec(times[0] ?? '') ?? [];
  return times.length === 1 && isProper && seconds !== undefined ? Number(seconds) * 1_000 : null;
}

/** The SDK's comparison: HMAC-SHA256 in constant time, `v1` alone. It throws for every kind of "no". */
function isSignedWith(secret: string, header: string, text: string): boolean {
  try {
    return secret !== '' && Stripe.webhooks.signature?.verifyHeader(text, header, secret, 0) === true;
  } catch {
    return false;
  }
}

function readSession(what: string): Reader {
  return (object, { account, at }) => {
    const session = sessionSchema.safeParse(object);
    if (!session.success) return err('malformed');
    const seen = observeSession(session.data, account);
    return ok(noticeFor(session.data, what === 'async_payment_failed' ? failed(seen) : seen, at));
  };
}

/** A delayed payment has bounced. The Session is complete, so the buyer cannot try again in it. */
function failed(seen: Observation): Observation {
  if (seen.state === 'succeeded') return seen;
  return { ...seen, state: 'failed', error: seen.error ?? { kind: 'DECLINED', providerCode: 'async_payment_failed' } };
}

/**
 * A PaymentIntent of a Checkout Session proves money, and tells of a declined card; whether its Session can still be paid is
 * for the Session's own events to say, which Stripe sends with the same care.
 */
function readIntent(
  object: unknown,
  { account, at }: { account: string; at: EpochMs },
): Result<Notice | null, 'malformed'> {
  const intent = intentSchema.safeParse(object);
  if (!intent.success) return err('malformed');
  const seen = observeIntent(intent.data, account);
  if (intent.data.metadata?.[FLOW_KEY] !== 'checkout' || seen.state === 'succeeded') {
    return ok(noticeFor(intent.data, seen, at));
  }
  // Its id is not the one to ask for or to close by: that is the Session's.
  return ok(seen.state === 'open' ? noticeFor(intent.data, { ...seen, channelTradeNo: null }, at) : null);
}

/** A refund may fail days after it had succeeded, so every event tells what Stripe says now. */
function readRefund(object: unknown, { account }: { account: string }): Result<Notice | null, 'malformed'> {
  const refund = refundSchema.safeParse(object);
  if (!refund.success) return err('malformed');
  const names = refundNamesOf(refund.data);
  return ok(names === null ? null : { kind: 'refund', ...names, observation: observeRefund(refund.data, account) });
}

/** Null when the object carries no reference of ours: other software uses this account too. */
function noticeFor(object: Session | Intent, seen: Observation, at: EpochMs): Notice | null {
  const providerRef = refOf(object);
  if (providerRef === null || parseProviderRef(providerRef) === null) return null;
  const paidAt = seen.state === 'succeeded' ? (seen.paidAt ?? at) : null;
  return { kind: 'order', providerRef, observation: { ...seen, paidAt } };
}

function decodeUtf8(body: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
