import { sign } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { CallbackDelivery, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { type Keys, newId, privateKeyOf } from './keys.ts';
import type { Entry } from './ledger.ts';
import { readMoney, stepOf, type WireMoney, wireMoney } from './money.ts';
import { time } from './objects.ts';

const MINUTE = 60_000;
/** 25 tries over three days; how they are spread is not documented. */
const RETRY_AFTER_MS = Array.from({ length: 24 }, (_, i) => Math.min(5 * MINUTE * 2 ** i, 190 * MINUTE));
const TIMEOUT_MS = 30_000;

export type Publish = (
  event: { readonly type: string; readonly resourceType: string; readonly resource: Record<string, unknown> },
  entry: Entry,
  delivery: CallbackDelivery,
) => void;

/**
 * Sends events to the app's webhook, signed with the certificate that is served at `PAYPAL-CERT-URL`. All repeats of an event are one
 * transmission, which is the harder case for whoever checks its age.
 */
export function openWebhooks(options: SimulatorOptions, keys: Keys): Publish {
  const { now, randomBytes, courier, baseUrl } = options;
  const key = privateKeyOf(keys.certificateKey);
  const anotherKey = privateKeyOf(keys.authorityKey);
  return ({ type, resourceType, resource }, { order }, delivery) => {
    const event = {
      id: `WH-${newId(randomBytes)}-${newId(randomBytes)}`,
      event_version: '1.0',
      create_time: time(now()),
      resource_type: resourceType,
      resource_version: '2.0',
      event_type: type,
      summary: type,
      resource,
      links: [],
    };
    const transmission = { id: Buffer.from(randomBytes(16)).toString('hex'), time: time(now()) };
    courier.send(
      {
        providerRef: order.providerRef,
        url: options.accountCallbackUrl(),
        build({ wrongAmount, wrongSignature }) {
          const body = JSON.stringify(wrongAmount ? withWrongAmounts(event) : event);
          const text = `${transmission.id}|${transmission.time}|${keys.webhookId}|${crc32(body)}`;
          const headers = {
            'content-type': 'application/json',
            'user-agent': 'PayPal/AUHD-214.0-58862377',
            'paypal-transmission-id': transmission.id,
            'paypal-transmission-time': transmission.time,
            'paypal-transmission-sig': sign(
              'RSA-SHA256',
              Buffer.from(text),
              wrongSignature ? anotherKey : key,
            ).toString('base64'),
            'paypal-cert-url': `${baseUrl()}/v1/notifications/certs/${keys.certificateName}`,
            'paypal-auth-algo': 'SHA256withRSA',
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

/** Every amount of the event one step higher. */
function withWrongAmounts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withWrongAmounts);
  if (typeof value !== 'object' || value === null) return value;
  if (isMoney(value)) {
    const minor = readMoney(value);
    return typeof minor === 'number' ? wireMoney(minor + stepOf(value.currency_code), value.currency_code) : value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withWrongAmounts(inner)]));
}

function isMoney(value: object): value is WireMoney {
  return 'currency_code' in value && typeof value.currency_code === 'string' && 'value' in value;
}
