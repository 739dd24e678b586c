import type { AlertRelay } from './alerts/index.ts';
import type { Environment } from './config/index.ts';
import { configForAdmin, configState } from './config-for-admin.ts';
import type { SharedConfig } from './config-sync.ts';
import type { EpayDoctor } from './doctor/index.ts';
import type { DryRuns } from './dry-run.ts';
import type { Channel, Gateway, Telemetry } from './gateway/index.ts';
import { type GatewayStatusParts, openGatewayStatus, type SharedStateOf } from './gateway-status.ts';
import { type ChannelStatus, createAdminApp, endpointStates, type Listener, listen, problemsOf } from './http/index.ts';
import type { Reloads } from './reload.ts';
import type { PaymentStore } from './store/port.ts';
import { expose, type Metrics } from './telemetry/index.ts';

/** Opens the admin listener: metrics, health, state, and what an operator decides. */
export async function openAdmin(
  environment: Pick<Environment, 'adminHost' | 'adminPort' | 'adminToken'>,
  parts: {
    readonly metrics: Metrics;
    readonly store: PaymentStore;
    readonly channels: () => ReadonlyMap<string, Channel>;
    readonly gateway: Gateway;
    readonly version: string;
    readonly channelStates: () => Promise<readonly ChannelStatus[]>;
    readonly alertThresholds: () => ReadonlyMap<string, number>;
    readonly reloads: Reloads;
    readonly telemetry: Telemetry;
    readonly dryRuns: DryRuns;
    readonly now: () => number;
    /** The process has been told to stop. */
    readonly leaving: () => boolean;
    readonly alerts: AlertRelay;
    readonly epayDoctor: EpayDoctor;
    /** Null where nothing is shared. */
    readonly sharedState: SharedStateOf | null;
    readonly clocks: GatewayStatusParts['clocks'];
    readonly sharedConfig: SharedConfig | null;
  },
): Promise<Listener> {
  const { metrics, store, channels, gateway, telemetry, now, version, reloads, alerts, sharedConfig } = parts;
  const gatewayStatus = openGatewayStatus({
    ...{ version, store, now, startedAt: now(), sharedState: parts.sharedState, clocks: parts.clocks },
    pausedEndpoints: () => gateway.webhooks.endpoints().filter(({ pausedAt }) => pausedAt !== null).length,
    evidenceDropped: async () => {
      const counted = await metrics.registry.getSingleMetric('switchyard_evidence_entries_total')?.get();
      return counted?.values.find(({ labels }) => labels.outcome === 'dropped')?.value ?? 0;
    },
  });
  const admin = createAdminApp({
    guard: {
      ...{ token: environment.adminToken, host: environment.adminHost, now },
      onRefused: (reason) => metrics.adminRefusals.inc({ reason }),
    },
    metrics: (accept) => expose(metrics.registry, accept),
    ready: async () => {
      const storeOk = await store.ping().then(
        () => true,
        () => false,
      );
      const loaded = channels().size > 0;
      const self = parts.leaving() ? 'stopping' : 'ok';
      const checks = { store: storeOk ? 'ok' : 'unreachable', channels: loaded ? 'ok' : 'none loaded', self };
      return { ok: storeOk && loaded && self === 'ok', checks };
    },
    status: async () => {
      const webhooks = { failing: endpointStates(gateway.webhooks) };
      const [gatewayNow, channelsNow] = await Promise.all([gatewayStatus.read(), parts.channelStates()]);
      const config = configState(reloads, sharedConfig);
      const looked = { gateway: gatewayNow, channels: channelsNow, webhooks, config };
      const webhookOldestS = parts.alertThresholds().get('webhook_oldest_above') ?? 300;
      return { ...looked, problems: problemsOf(looked, { webhookOldestS }) };
    },
    disposeMoney: gateway.disposeMoney,
    recordReturn: gateway.recordReturn,
    webhooks: gateway.webhooks,
    dryRun: parts.dryRuns.run,
    alerts,
    epayDoctor: parts.epayDoctor,
    config: configForAdmin(reloads, sharedConfig),
    onError: (thrown) => telemetry.error({ err: thrown }, 'admin request failed'),
  });
  const { adminHost: host, adminPort: port } = environment;
  const listener = await listen(admin, { host, port, portVariable: 'ADMIN_PORT' });
  return {
    ...listener,
    close: async (deadlineMs) => {
      gatewayStatus.close();
      await listener.close(deadlineMs);
    },
  };
}
