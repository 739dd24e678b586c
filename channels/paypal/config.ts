import { z } from 'zod';
import { pemSchema, secretSchema } from '../../src/channel/index.ts';

/** The `credentials` of a PayPal channel in `gateway.yaml`. */
export interface PayPalConfig {
  /** Of the REST app, from the developer dashboard. */
  readonly client_id: string;
  readonly client_secret: string;
  /** The id of the app's webhook, under which `<PUBLIC_URL>/callbacks/<channel id>` is registered. It is part of what is signed. */
  readonly webhook_id: string;
  /** The merchant account's id (not its e-mail address): whom every order names as payee. */
  readonly merchant_id: string;
  /** Which of PayPal's two worlds the app belongs to. Default: live. */
  readonly environment?: 'live' | 'sandbox' | undefined;
  /** Only for a simulator or an egress proxy; PayPal's own address otherwise. */
  readonly base_url?: string | undefined;
  /** Whom to trust with webhook certificates instead of the public authorities: PEM, one certificate or several. */
  readonly webhook_ca?: string | undefined;
}

const API = { live: 'https://api-m.paypal.com', sandbox: 'https://api-m.sandbox.paypal.com' } as const;
/** PayPal documents `api`, and serves the same under `api-m`. */
const CERTIFICATE_ORIGINS = {
  live: ['https://api.paypal.com', 'https://api-m.paypal.com'],
  sandbox: ['https://api.sandbox.paypal.com', 'https://api-m.sandbox.paypal.com'],
} as const;
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

export const paypalConfigSchema: z.ZodType<PayPalConfig> = z.strictObject({
  client_id: z.string().regex(/^[A-Za-z0-9_-]{20,200}$/, 'must be the client id of a REST app'),
  client_secret: secretSchema(20).refine(
    (text) => /^[\x21-\x7e]+$/.test(text),
    "must be the REST app's secret, without spaces",
  ),
  webhook_id: z.string().regex(/^(?=.*\d)[A-Z0-9]{10,40}$/, 'must be the id of the webhook, as the dashboard shows it'),
  merchant_id: z
    .string()
    .regex(/^[A-Z0-9]{10,20}$/, "must be the merchant account's id, from its business information"),
  environment: z.enum(['live', 'sandbox']).optional(),
  base_url: z
    .url({ protocol: /^https?$/ })
    .refine(isSafeBase, 'must be https (http only on the loopback), without a user, query or fragment')
    .optional(),
  webhook_ca: pemSchema('CERTIFICATE').optional(),
});

/** Where requests go, without a slash at the end. */
export function baseUrlOf({ base_url, environment = 'live' }: PayPalConfig): string {
  return (base_url ?? API[environment]).replace(/\/+$/, '');
}

/** What the address of a webhook certificate has to begin with. */
export function certificateBasesOf(config: PayPalConfig): readonly string[] {
  const { base_url, environment = 'live' } = config;
  const bases = base_url === undefined ? CERTIFICATE_ORIGINS[environment] : [baseUrlOf(config)];
  return bases.map((base) => `${base}/v1/notifications/certs/`);
}

/** Whether a buyer may be sent there: PayPal's own pages, or those of the simulator that the channel is told to use. */
export function isBuyerPage(text: string, config: PayPalConfig): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  if (config.base_url !== undefined && url.origin === new URL(config.base_url).origin) return true;
  return url.protocol === 'https:' && /(?:^|\.)paypal\.com$/.test(url.hostname);
}

/** The secret travels in a header, so the way there has to be private. */
function isSafeBase(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || LOOPBACK.has(url.hostname);
}
