import type { CallbackOutcome, CallbackRefusal, Notice, RawAnswer, RawCallback } from '../../src/channel/index.ts';
import { err, type Observation, ok, parseProviderRef, type Result } from '../../src/payment/index.ts';
import type { Certificates } from './certificates.ts';
import type { PayPalConfig } from './config.ts';
import { parseJson } from './json.ts';
import { captureSchema, eventSchema, orderIdOf, orderSchema, refundNamesOf, refundSchema, unitOf } from './objects.ts';
import { isSignedBy, readTransmission, signedText } from './signature.ts';
import { observeCapture, observeOrder, observeRefund } from './status.ts';

/** PayPal repeats a message for three days and does not say whether it signs each repeat afresh. */
const AGE_MS_MAX = 3 * 24 * 3_600_000;
const AHEAD_MS_MAX = 300_000;
const BODY_BYTES_MAX = 1024 * 1024;

type Read = Result<readonly Notice[], CallbackRefusal>;
type Reader = (resource: unknown, account: string) => Read;

/**
 * What is not listed tells nothing new. Disputes and reversals are acknowledged and left to PayPal's own console.
 * @see https://developer.paypal.com/api/rest/webhooks/event-names/
 */
const READER_BY_TYPE: ReadonlyMap<string, Reader> = new Map([
  ['CHECKOUT.ORDER.APPROVED', readOrder],
  ...['COMPLETED', 'PENDING', 'DENIED', 'DECLINED'].map((what): [string, Reader] => [
    `PAYMENT.CAPTURE.${what}`,
    readCapture,
  ]),
  ['PAYMENT.CAPTURE.REFUNDED', readRefund],
]);

/** Form, address, time, signature over the raw bytes; only then what is said, and whose it is. */
export function parseCallback(config: PayPalConfig, certificates: Certificates) {
  return async (raw: RawCallback, signal: AbortSignal): Promise<Read> => {
    const transmission = raw.method === 'POST' ? readTransmission(raw) : null;
    if (transmission === null || raw.body.length === 0 || raw.body.length > BODY_BYTES_MAX) return err('malformed');
    if (!certificates.isAddress(transmission.certificateUrl)) return err('bad_signature');
    const ageMs = raw.receivedAt - Date.parse(transmission.time);
    if (ageMs > AGE_MS_MAX || ageMs < -AHEAD_MS_MAX) return err('stale');
    const key = await certificates.find(transmission.certificateUrl, signal);
    const text = signedText(transmission, config.webhook_id, raw.body);
    if (key === null || !isSignedBy(key, text, transmission.signature)) return err('bad_signature');
    const event = eventSchema.safeParse(parseJson(textOf(raw.body) ?? ''));
    if (!event.success) return err('malformed');
    const reader = READER_BY_TYPE.get(event.data.event_type);
    return reader === undefined ? ok([]) : reader(event.data.resource, config.merchant_id);
  };
}

/** PayPal looks at the status alone; any 2xx ends its repetitions. */
export function acknowledge({ kind }: CallbackOutcome): RawAnswer {
  const received = kind !== 'refused';
  return { status: received ? 200 : 400, contentType: 'application/json', body: JSON.stringify({ received }) };
}

function readOrder(resource: unknown, account: string): Read {
  const order = orderSchema.safeParse(resource);
  if (!order.success) return err('malformed');
  const seen = observeOrder(order.data);
  // The order's own view of captures is older than the events about them, and names no time.
  const state = seen.state === 'approved' ? 'approved' : 'unclear';
  return noticeOf(unitOf(order.data)?.custom_id, { ...seen, state, paidAt: null, error: null }, account);
}

/** The signature is bound to our webhook, so a capture that does not name its payee is our account's. */
function readCapture(resource: unknown, account: string): Read {
  const capture = captureSchema.safeParse(resource);
  if (!capture.success) return err('malformed');
  const payee = capture.data.payee?.merchant_id ?? account;
  const seen = observeCapture(capture.data, { orderId: orderIdOf(capture.data), account: payee });
  // Without the order's id a success would lack its trade number; the next query tells all of it.
  const state = seen.channelTradeNo === null ? 'unclear' : seen.state;
  return noticeOf(capture.data.custom_id, { ...seen, state }, account);
}

function readRefund(resource: unknown, account: string): Read {
  const refund = refundSchema.safeParse(resource);
  if (!refund.success) return err('malformed');
  const observation = observeRefund(refund.data, account);
  if (observation.account !== account) return err('foreign_account');
  const names = refundNamesOf(refund.data);
  return ok(names === null ? [] : [{ kind: 'refund', ...names, observation }]);
}

/** An order without a number of ours belongs to other software on the account. */
function noticeOf(providerRef: string | undefined, observation: Observation, account: string): Read {
  if (observation.account !== null && observation.account !== account) return err('foreign_account');
  if (providerRef === undefined || parseProviderRef(providerRef) === null) return ok([]);
  return ok([{ kind: 'order', providerRef, observation }]);
}

/** Null for bytes that are no UTF-8, which two readers would read differently. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
