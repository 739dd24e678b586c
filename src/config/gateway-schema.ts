import { z } from 'zod';
import { AMOUNT_MINOR_MAX, isCurrency, SCENES } from '../payment/index.ts';
import { DEFAULT_ZONE } from '../routing/index.ts';
import { alertRelaySchema } from './alert-relay.ts';
import { feeSchema, limitsSchema, maintenanceSchema, zoneSchema } from './schedule-schema.ts';
import { distinctList, durationMs, section, shareRatio } from './units.ts';

/** The payment methods that a channel may offer and a shop may ask for. */
export const PAYMENT_METHODS = ['alipay', 'wechatpay', 'card', 'paypal', 'usdt', 'pix', 'qqpay', 'bank'] as const;

/** The webhook schedule of `api.md` is fixed in this version; its length can be stated, not changed. */
const WEBHOOK_MAX_AGE_MS = 3 * 24 * 3_600_000;

const minor = () => z.int().min(0).max(AMOUNT_MINOR_MAX);

const moneyPolicy = () => z.enum(['accept', 'refund', 'hold']);

const weight = () => z.number().min(0).max(1_000_000);

/** `channels` and `routing.rules` are parsed one by one, so that a fault in one hides none of another. */
export const gatewayFileSchema = z.strictObject({
  version: z.literal(1),
  allow_http: z.boolean().nullish(),
  routing: section({
    weights: z
      .strictObject({ success: weight(), fee: weight(), latency: weight(), settlement: weight() })
      .refine((weights) => Object.values(weights).some((value) => value > 0), 'must not all be 0')
      .prefault({ success: 60, fee: 25, latency: 10, settlement: 5 }),
    strategy: z.enum(['weights', 'expected_value']).default('weights'),
    margin: shareRatio()
      .refine((share) => share >= 0.0001, 'must be at least 0.01%: a sale that is worth nothing needs no routing')
      .prefault('25%'),
    amount_bands: z
      .array(z.int().min(1))
      .max(8)
      .refine((edges) => edges.every((edge, i) => i === 0 || edge > (edges[i - 1] ?? 0)), 'must rise')
      .default([2_000, 20_000, 200_000]),
    exploration: shareRatio().prefault('2%'),
    failover: section({
      max_attempts: z.int().min(1).max(10).default(3),
      budget: durationMs({ min: '100ms', max: '60s' }).prefault('8s'),
    }),
    rules: z.unknown().optional(),
  }),
  channels: z.unknown().optional(),
  policies: section({
    late_success: moneyPolicy().default('refund'),
    surplus: moneyPolicy().default('refund'),
    amount_mismatch: moneyPolicy().default('hold'),
  }),
  queries: section({
    paid_known_within: durationMs({ min: '10s', max: '1h' }).prefault('60s'),
  }),
  webhooks: section({
    timeout: durationMs({ min: '1s', max: '30s' }).prefault('10s'),
    max_age: durationMs({ min: '1m', max: '30d' })
      .refine((ms) => ms === WEBHOOK_MAX_AGE_MS, 'must be 3d: this version always retries for three days')
      .prefault('3d'),
    allow_private_addresses: z.boolean().nullish(),
    concurrency: z.int().min(1).max(100).default(8),
    pause_after: durationMs({ min: '1m', max: '3d' }).prefault('1d'),
  }),
  epay: section({
    types: z
      .record(
        z.string().regex(/^[a-z0-9_.-]{1,32}$/, 'must be a type in lower case, for example alipay'),
        distinctList(z.enum(PAYMENT_METHODS)),
      )
      .default({}),
  }),
  balance_every: durationMs({ min: '1s', max: '1d' }).prefault('5m'),
  evidence: section({
    retention: durationMs({ min: '1d', max: '3650d' }).prefault('400d'),
  }),
  alerts: section({
    success_rate_below: shareRatio().prefault('95%'),
    min_volume: z.int().min(1).max(1_000_000).default(20),
    callback_delay_p95_above: durationMs({ min: '1s', max: '1d' }).prefault('60s'),
    webhook_oldest_above: durationMs({ min: '1s', max: '7d' }).prefault('5m'),
    balance_below: z
      .record(z.string(), minor())
      .nullish()
      .transform((balances) => balances ?? {}),
    relay: alertRelaySchema,
  }),
});

export type GatewayFile = z.output<typeof gatewayFileSchema>;

/** What a channel may be called: it is part of URLs and metric labels. */
export const CHANNEL_ID = /^[a-z0-9-]{1,40}$/;

/** One entry of `channels`; `credentials` is left to the provider's own schema. */
export function channelSchema(providerIds: readonly string[]) {
  return z.strictObject({
    provider: z.enum(providerIds),
    mode: z.enum(['sandbox', 'live']),
    enabled: z.boolean().default(true),
    weight: z.number().min(0).max(10_000).default(100),
    methods: distinctList(z.enum(PAYMENT_METHODS)),
    currencies: distinctList(
      z
        .string()
        .refine(isCurrency, 'is not a currency; write an ISO 4217 code in upper case, for example CNY, or USDT'),
    ),
    scenes: distinctList(z.enum(SCENES)).prefault(['redirect']),
    fee: feeSchema,
    limits: limitsSchema,
    timezone: zoneSchema().default(DEFAULT_ZONE),
    maintenance: maintenanceSchema,
    settlement_delay: durationMs({ min: '0s', max: '90d' }).prefault('1d'),
    timeouts: section({
      create: durationMs({ min: '100ms', max: '30s' }).prefault('3s'),
      query: durationMs({ min: '100ms', max: '30s' }).prefault('3s'),
      refund: durationMs({ min: '100ms', max: '60s' }).prefault('5s'),
    }),
    queries_per_second: z.number().min(0.1).max(1_000).default(50),
    breaker: section({
      failure_rate: shareRatio()
        .refine((share) => share > 0, 'must be more than 0%')
        .prefault('50%'),
      min_requests: z.int().min(1).max(10_000).default(10),
      window: durationMs({ min: '1s', max: '10m' }).prefault('10s'),
      open_for: durationMs({ min: '1s', max: '1h' }).prefault('15s'),
    }),
    credentials: z.unknown().optional(),
  });
}

export type ChannelEntry = z.output<ReturnType<typeof channelSchema>>;
