import { createHmac } from 'node:crypto';
import type { CallbackDelivery, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { smallestStep } from './amounts.ts';
import { type Keys, liveSecrets, newId } from './keys.ts';
import type { Entry } from './ledger.ts';
import { seconds } from './objects.ts';

/** The endpoint's version, which may differ from a client's. */
const API_VERSION = '2026-10-28.endive';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Stripe documents no more than "up to three days with an exponential back off"; these add up to about that. */
const RETRY_AFTER_MS = [
  MINUTE,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  10 * HOUR,
  12 * HOUR,
  12 * HOUR,
  12 * HOUR,
];
const TIMEOUT_MS = 20_000;

export type Publish = (
  type: string,
  object: Record<string, unknown> | null,
  entry: Entry,
  delivery: CallbackDelivery,
) => void;

/** Sends events to the account's one endpoint. The event is a snapshot; every delivery of it is signed afresh. */
export function openWebhooks(options: SimulatorOptions, keys: () => Keys): Publish {
  const { now, randomBytes, courier } = options;
  return (type, object, { order }, delivery) => {
    const event = {
      id: newId('evt_', 24, randomBytes),
      object: 'event',
      api_version: API_VERSION,
      created: seconds(now()),
      data: { object },
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type,
    };
    courier.send(
      {
        providerRef: order.providerRef,
        url: options.accountCallbackUrl(),
        build({ wrongAmount, wrongSignature }) {
          const sent = wrongAmount ? { ...event, data: { object: withWrongAmount(object) } } : event;
          const body = JSON.stringify(sent, null, 2);
          const secrets = liveSecrets(keys(), now()).map((secret) => (wrongSignature ? `${secret}x` : secret));
          const headers = {
            'content-type': 'application/json; charset=utf-8',
            'stripe-signature': signatureHeader(body, seconds(now()), secrets),
            'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
          };
          return { method: 'POST', headers, body };
        },
        isAcknowledged: (status) => status >= 200 && status < 300,
        retryAfterMs: RETRY_AFTER_MS,
        timeoutMs: TIMEOUT_MS,
      },
      delivery,
    );
  };
}

/** One `v1` per live secret. @see https://docs.stripe.com/webhooks/signature */
function signatureHeader(body: string, at: number, secrets: readonly string[]): string {
  const sign = (secret: string) => createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
  return [`t=${at}`, ...secrets.map((secret) => `v1=${sign(secret)}`)].join(',');
}

function withWrongAmount(object: Record<string, unknown> | null): Record<string, unknown> | null {
  if (object === null) return null;
  const more = smallestStep(String(object.currency));
  const spoilt = ['amount', 'amount_received', 'amount_subtotal', 'amount_total']
    .filter((field) => typeof object[field] === 'number')
    .map((field) => [field, Number(object[field]) + more]);
  return { ...object, ...Object.fromEntries(spoilt) };
}
