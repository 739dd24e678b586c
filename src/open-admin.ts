import type { AlertRelay } from './alerts/index.ts';
import type { Environment } from './config/index.ts';
import type { Channel, Gateway, Telemetry } from './gateway/index.ts';
import { openGatewayStatus } from './gateway-status.ts';
import { type ChannelStatus, createAdminApp, endpointStates, type Listener, listen, problemsOf } from './http/index.ts';
import type { PaymentStore } from './store/port.ts';
import type { Metrics } from './telemetry/index.ts';

/** Opens the admin listener: metrics, health, state, and what an operator decides. */
export async function openAdmin(
  environment: Pick<Environment, 'adminHost' | 'adminPort' | 'adminToken'>,
  parts: {
    readonly metrics: Metrics;
    readonly store: PaymentStore;
    readonly channels: ReadonlyMap<string, Channel>;
    readonly gateway: Gateway;
    readonly version: string;
    readonly channelStates: () => readonly ChannelStatus[];
    readonly alertThresholds: () => ReadonlyMap<string, number>;
    readonly telemetry: Telemetry;
    readonly now: () => number;
    readonly alerts: AlertRelay;
  },
): Promise<Listener> {
  const { metrics, store, channels, gateway, telemetry, now, version, alerts } = parts;
  const gatewayStatus = openGatewayStatus({
    ...{ version, store, now, startedAt: now() },
    pausedEndpoints: () => gateway.webhooks.endpoints().filter(({ pausedAt }) => pausedAt !== null).length,
    evidenceDropped: async () => {
      const { values } = await metrics.evidenceEntries.get();
      return values.find(({ labels }) => labels.outcome === 'dropped')?.value ?? 0;
    },
  });
  const admin = createAdminApp({
    guard: {
      ...{ token: environment.adminToken, host: environment.adminHost, now },
      onRefused: (reason) => metrics.adminRefusals.inc({ reason }),
    },
    metrics: async () => ({ contentType: metrics.registry.contentType, body: await metrics.registry.metrics() }),
    ready: async () => {
      const storeOk = await store.ping().then(
        () => true,
        () => false,
      );
      const checks = { store: storeOk ? 'ok' : 'unreachable', channels: channels.size > 0 ? 'ok' : 'none loaded' };
      return { ok: storeOk && channels.size > 0, checks };
    },
    status: async () => {
      const webhooks = { failing: endpointStates(gateway.webhooks) };
      const looked = { gateway: await gatewayStatus.read(), channels: parts.channelStates(), webhooks };
      const webhookOldestS = parts.alertThresholds().get('webhook_oldest_above') ?? 300;
      return { ...looked, problems: problemsOf(looked, { webhookOldestS }) };
    },
    disposeMoney: gateway.disposeMoney,
    webhooks: gateway.webhooks,
    alerts,
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
