import type { AlertRelay } from './alerts/index.ts';
import type { Environment } from './config/index.ts';
import { configForAdmin, configState } from './config-for-admin.ts';
import type { DryRuns } from './dry-run.ts';
import type { Channel, Gateway, Telemetry } from './gateway/index.ts';
import { createAdminApp, endpointStates, type Listener, listen } from './http/index.ts';
import type { Reloads } from './reload.ts';
import type { PaymentStore } from './store/port.ts';
import { expose, type Metrics } from './telemetry/index.ts';

/** Opens the admin listener: metrics, health, state, and what an operator decides. */
export async function openAdmin(
  environment: Pick<Environment, 'adminHost' | 'adminPort'>,
  parts: {
    readonly metrics: Metrics;
    readonly store: PaymentStore;
    readonly channels: () => ReadonlyMap<string, Channel>;
    readonly gateway: Gateway;
    readonly states: () => Promise<unknown>;
    readonly reloads: Reloads;
    readonly telemetry: Telemetry;
    readonly dryRuns: DryRuns;
    readonly alerts: AlertRelay;
  },
): Promise<Listener> {
  const { metrics, store, channels, gateway, states, telemetry, reloads, alerts } = parts;
  const admin = createAdminApp({
    metrics: (accept) => expose(metrics.registry, accept),
    ready: async () => {
      const storeOk = await store.ping().then(
        () => true,
        () => false,
      );
      const loaded = channels().size > 0;
      const checks = { store: storeOk ? 'ok' : 'unreachable', channels: loaded ? 'ok' : 'none loaded' };
      return { ok: storeOk && loaded, checks };
    },
    status: async () => ({
      channels: await states(),
      webhooks: { failing: endpointStates(gateway.webhooks) },
      config: configState(reloads),
    }),
    disposeMoney: gateway.disposeMoney,
    webhooks: gateway.webhooks,
    dryRun: parts.dryRuns.run,
    alerts,
    config: configForAdmin(reloads),
    onError: (thrown) => telemetry.error({ err: thrown }, 'admin request failed'),
  });
  return listen(admin, { host: environment.adminHost, port: environment.adminPort, portVariable: 'ADMIN_PORT' });
}
