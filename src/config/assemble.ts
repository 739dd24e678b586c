import type { RelaySettings } from '../alerts/index.ts';
import type { BreakerSettings, Channel, EpayAccount, GatewaySettings, Merchants } from '../gateway/index.ts';
import type { ChannelProfile } from '../routing/index.ts';
import { relaySettings } from './alert-relay.ts';
import type { ConfigFault, Path } from './faults.ts';
import type { GatewayReading, ReadChannel } from './gateway-file.ts';
import type { GatewayFile } from './gateway-schema.ts';
import { type KeyedMerchant, merchantDirectory } from './merchants.ts';
import type { ReadMerchant } from './merchants-file.ts';
import type { ConfigForm } from './normal-form.ts';
import { windowsOf } from './schedule-schema.ts';

/** A channel as configured; the composition root opens its adapter. */
export interface ConfiguredChannel {
  readonly id: string;
  readonly providerId: string;
  readonly mode: 'sandbox' | 'live';
  /** As the provider's `configSchema` gives them; null for a sandbox channel whose simulator was not asked. */
  readonly credentials: unknown;
  readonly profile: ChannelProfile;
  readonly timeouts: Channel['timeouts'];
  readonly breaker: BreakerSettings;
  readonly queriesPerSecond: number;
}

/** Both files, parsed, checked and resolved. */
export interface LoadedConfig {
  readonly settings: Omit<GatewaySettings, 'publicUrl'>;
  readonly channels: readonly ConfiguredChannel[];
  readonly merchants: Merchants;
  /** In the file's order, for lists and the demo's greeting. */
  readonly merchantIds: readonly string[];
  /** How long the evidence log keeps what was said, in milliseconds. */
  readonly evidence: { readonly retentionMs: number };
  /** By the `alert` label of `switchyard_alert_threshold`; ratios 0 to 1, times in seconds, balances in minor units. */
  readonly alertThresholds: ReadonlyMap<string, number>;
  /** Who is told of alerts; without a receiver they go to the log. */
  readonly alertRelay: RelaySettings;
  /** Allowed, but to be told at every start. */
  readonly warnings: readonly ConfigFault[];
  /** Everything as it is written, defaults filled in, for comparing and explaining. Holds secrets. */
  readonly form: ConfigForm;
  /** A fault that only shows beside the configuration in force, at a place of `gateway.yaml`. */
  faultAt(path: Path, message: string): ConfigFault;
}

/** Turns files that have no fault into the types of the other parts. */
export function assemble(
  gateway: GatewayReading & { readonly file: GatewayFile },
  merchants: readonly ReadMerchant[],
  told: Pick<LoadedConfig, 'warnings' | 'form' | 'faultAt'>,
): LoadedConfig {
  return {
    ...told,
    settings: settingsOf(gateway),
    channels: gateway.channels.map(configuredChannel),
    merchants: merchantDirectory(merchants.map(keyedMerchant)),
    merchantIds: merchants.map(({ id }) => id),
    evidence: { retentionMs: gateway.file.evidence.retention },
    alertThresholds: alertThresholds(gateway.file.alerts),
    alertRelay: relaySettings(gateway.file.alerts.relay),
  };
}

function settingsOf({
  file,
  rules,
  allSandbox,
  allowHttp,
}: GatewayReading & { readonly file: GatewayFile }): LoadedConfig['settings'] {
  const { routing, policies, queries, webhooks, epay } = file;
  return {
    routing: {
      strategy: routing.strategy,
      weights: routing.weights,
      marginBps: Math.round(routing.margin * 10_000),
      bandEdgesMinor: routing.amount_bands,
      explorationShare: routing.exploration,
      rules,
    },
    failover: { maxAttempts: routing.failover.max_attempts, budgetMs: routing.failover.budget },
    policies: {
      lateSuccess: policies.late_success,
      surplus: policies.surplus,
      amountMismatch: policies.amount_mismatch,
      paidKnownWithinMs: queries.paid_known_within,
    },
    webhooks: {
      timeoutMs: webhooks.timeout,
      allowPrivateAddresses: webhooks.allow_private_addresses ?? allSandbox,
      concurrencyPerEndpoint: webhooks.concurrency,
      pauseAfterMs: webhooks.pause_after,
    },
    allowHttpUrls: allowHttp,
    epayTypes: new Map(Object.entries(epay.types)),
    balanceEveryMs: file.balance_every,
  };
}

function configuredChannel({ id, entry, credentials }: ReadChannel): ConfiguredChannel {
  const { limits, timeouts, breaker } = entry;
  return {
    id,
    providerId: entry.provider,
    mode: entry.mode,
    credentials,
    profile: {
      id,
      enabled: entry.enabled,
      weight: entry.weight,
      methods: entry.methods,
      currencies: entry.currencies,
      scenes: entry.scenes,
      fee: entry.fee,
      limits: {
        minMinor: limits.min,
        maxMinor: limits.max,
        dailyMinor: limits.daily,
        perMinute: limits.per_minute,
        pacing: limits.pacing,
      },
      timezone: entry.timezone,
      maintenance: windowsOf(entry.maintenance, entry.timezone),
      settlementDelayMs: entry.settlement_delay,
    },
    timeouts: { createMs: timeouts.create, queryMs: timeouts.query, refundMs: timeouts.refund },
    queriesPerSecond: entry.queries_per_second,
    breaker: {
      failureRate: breaker.failure_rate,
      minRequests: breaker.min_requests,
      windowMs: breaker.window,
      openForMs: breaker.open_for,
    },
  };
}

function keyedMerchant({ id, entry }: ReadMerchant): KeyedMerchant {
  return {
    merchant: {
      id,
      name: entry.name,
      enabled: entry.enabled,
      webhookUrl: entry.webhook.url,
      webhookSecrets: entry.webhook.secret,
      channels: entry.channels,
      limits: { maxAmountMinor: entry.limits.max_amount, perMinute: entry.limits.per_minute },
      ...(entry.epay ? { epay: epayAccount(entry.epay) } : {}),
    },
    keyHashes: entry.secret_keys,
  };
}

function epayAccount(epay: NonNullable<ReadMerchant['entry']['epay']>): EpayAccount {
  return {
    pid: epay.pid,
    keys: epay.key,
    signs: epay.sign,
    publicKey: epay.public_key,
    refunds: epay.refunds,
    notifyHosts: epay.notify_hosts,
    tlsVerify: epay.tls_verify,
    expiresInMs: epay.expires_in,
  };
}

function alertThresholds(alerts: GatewayFile['alerts']): ReadonlyMap<string, number> {
  return new Map([
    ['success_rate_below', alerts.success_rate_below],
    ['min_volume', alerts.min_volume],
    ['callback_delay_p95_above', alerts.callback_delay_p95_above / 1_000],
    ['webhook_oldest_above', alerts.webhook_oldest_above / 1_000],
    ...Object.entries(alerts.balance_below).map(([id, minor]): [string, number] => [`balance_below:${id}`, minor]),
  ]);
}
