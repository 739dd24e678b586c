import { randomBytes as cryptoRandomBytes, randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { PROVIDERS } from '../channels/index.ts';
import PACKAGE from '../package.json' with { type: 'json' };
import { openAlertRelay } from './alert-relay.ts';
import type { AdapterPorts } from './channel/index.ts';
import {
  type ConfigFault,
  type ConfiguredChannel,
  confirmMasterKey,
  type Environment,
  type LoadedConfig,
  loadConfig,
  openMasterKey,
  readEnvironment,
} from './config/index.ts';
import { createDryRuns } from './dry-run.ts';
import { createMemoryEphemeral } from './ephemeral/index.ts';
import { openEvidence } from './evidence-log.ts';
import { type Channel, createGateway, type GatewaySettings, type Sealer, type Telemetry } from './gateway/index.ts';
import { createPublicApp, listen } from './http/index.ts';
import { openAdmin } from './open-admin.ts';
import { openTelemetry } from './open-telemetry.ts';
import { err, ok, type Result } from './payment/index.ts';
import { createBreakers, createStatistics } from './routing/index.ts';
import { remoteSandbox, type SandboxLink, startOwnSandbox } from './sandbox-link.ts';
import { channelStates, observedBy } from './status.ts';
import { watchedStore } from './store/index.ts';
import { openSqliteStore, type SqliteStore } from './store/sqlite/index.ts';
import { addGauges, createLogger, createMetrics, createTelemetry } from './telemetry/index.ts';
import { createWebhookSender } from './webhooks/index.ts';

/** Requests in flight get this long to finish after SIGTERM; the whole stop stays under ten seconds. */
const DRAIN_MS = 6_000;
/** The breaker of a channel that has just been removed from the configuration. */
const DEFAULT_BREAKER = { failureRate: 0.5, minRequests: 10, windowMs: 10_000, openForMs: 15_000 };

const random = Math.random;
const now = Date.now;
const randomBytes = (size: number): Uint8Array => cryptoRandomBytes(size);

/** A gateway that serves; `stop` drains it and settles when nothing is left running. */
export interface Running {
  /** The base of callback and cashier URLs. */
  readonly publicUrl: string;
  /** Where the public listener really is: what a proxy in front has to point at. */
  readonly listenUrl: string;
  readonly adminUrl: string;
  readonly sandboxUrl: string | null;
  readonly config: LoadedConfig;
  stop(): Promise<void>;
}

/** What could be opened has to be closed again, in reverse, also when a later part fails to open. */
type Closers = (() => Promise<void>)[];

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The composition root: the only place that knows every part. Answers every fault of environment and configuration before
 * anything is opened, so that a gateway is never half-started.
 */
export async function startSwitchyard(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<Running, readonly ConfigFault[]>> {
  const environment = readEnvironment(env);
  if (!environment.ok) return environment;
  const { configPath, production, masterKey, dataDir } = environment.value;
  const config = loadConfig({ path: configPath, env, providers: PROVIDERS, production });
  if (!config.ok) return config;
  const sandbox = config.value.channels.some(({ mode }) => mode === 'sandbox');
  const sealer = openMasterKey({ masterKey, dataDir, sandbox, randomBytes });
  if (!sealer.ok) return err([sealer.error]);
  const confirmed = confirmMasterKey(dataDir, sealer.value.keyId);
  if (!confirmed.ok) return err([confirmed.error]);
  const closers: Closers = [];
  try {
    return ok(await open(environment.value, config.value, sealer.value, closers, env));
  } catch (thrown) {
    await closeAll(closers);
    throw thrown;
  }
}

async function open(
  environment: Environment,
  config: LoadedConfig,
  sealer: Sealer,
  closers: Closers,
  env: Env,
): Promise<Running> {
  const metrics = createMetrics();
  const { telemetry, close: closeTelemetry } = await openTelemetry(environment, {
    ...{ metrics, now, randomBytes, version: PACKAGE.version },
  });
  closers.push(closeTelemetry);
  for (const { path, message } of config.warnings) telemetry.warn({ path }, message);
  const opened = openStore(environment, telemetry, closers);
  const store = watchedStore(opened, (operation) => metrics.storeErrors.inc({ operation }));
  const evidence = openEvidence({
    ...{ dataDir: environment.dataDir, retentionMs: config.evidence.retentionMs, sealer, now, telemetry },
    onWritten: (entries) => metrics.evidenceEntries.inc({ outcome: 'written' }, entries),
    onDropped: (entries) => metrics.evidenceEntries.inc({ outcome: 'dropped' }, entries),
  });
  closers.push(() => evidence.close());
  const ephemeral = createMemoryEphemeral({ now });
  closers.push(() => ephemeral.close());
  const webhooks = createWebhookSender();
  closers.push(() => webhooks.close());

  const channels = new Map<string, Channel>();
  let publicUrl = environment.publicUrl ?? `http://${environment.host}:${environment.port}`;
  const settings = (): GatewaySettings => ({ ...config.settings, publicUrl });
  const statistics = createStatistics();
  const breakers = createBreakers({
    settingsOf: (channelId) => channels.get(channelId)?.breaker ?? DEFAULT_BREAKER,
    onChange: (change) => telemetry[change.state === 'closed' ? 'info' : 'warn']({ ...change }, 'breaker changed'),
  });
  closers.push(async () => breakers.dispose());
  const gateway = createGateway({
    ...{ store, evidence, ephemeral, settings, sealer, statistics, breakers, telemetry, random, randomBytes },
    channels: () => channels,
    merchants: () => config.merchants,
    clock: { now },
    sendWebhook: webhooks.send,
    alone: true,
    processId: randomUUID(),
  });

  const publicApp = createPublicApp({
    ...{ gateway, settings, ephemeral, telemetry, randomBytes },
    merchants: config.merchants,
    clock: { now },
  });
  const ready = Promise.withResolvers<void>();
  const publicListener = await listen(afterwards(ready.promise, publicApp), {
    host: environment.host,
    port: environment.port,
  });
  closers.push(() => publicListener.close(DRAIN_MS));
  publicUrl = environment.publicUrl ?? publicListener.url;

  const link = await openSandbox(environment, config.channels, telemetry, closers);
  for (const configured of config.channels) {
    const channel = await openChannel(configured, link, publicUrl, evidence.record);
    channels.set(configured.id, channel);
    closers.push(() => channel.adapter.dispose());
  }
  const observed = observedBy({ channels, breakers, statistics, store, settings, now, config, gateway });
  metrics.build.set({ version: PACKAGE.version }, 1);
  addGauges(metrics, observed);
  const dryRuns = createDryRuns({ env, now });
  closers.push(() => dryRuns.close());
  const alerts = openAlertRelay({
    dataDir: environment.dataDir,
    settings: () => config.alertRelay,
    now,
    metrics,
    telemetry,
  });
  closers.push(() => alerts.stop());
  const admin = await openAdmin(environment, {
    ...{ alerts, dryRuns, metrics, store, channels, telemetry, gateway },
    states: () => channelStates(observed),
  });
  closers.push(() => admin.close(1_000));
  gateway.start();
  ready.resolve();

  return {
    publicUrl,
    listenUrl: publicListener.url,
    adminUrl: admin.url,
    sandboxUrl: link?.url ?? null,
    config,
    stop: async () => {
      // Providers and shops first: nothing new comes in while what is in hand is finished.
      await publicListener.close(DRAIN_MS);
      await gateway.stop();
      await closeAll(closers);
    },
  };
}

/** The port has to be known before the channels are opened; requests that come meanwhile wait instead of being refused. */
function afterwards(opened: Promise<void>, app: { callback(): RequestListener }): { callback(): RequestListener } {
  const handle = app.callback();
  return { callback: () => (request, response) => void opened.then(() => handle(request, response)) };
}

function openStore(environment: Environment, telemetry: Telemetry, closers: Closers): SqliteStore {
  const store = openSqliteStore({
    path: join(environment.dataDir, 'switchyard.db'),
    onDamaged: (error) => telemetry.error({ err: error }, 'a stored payment cannot be trusted; repair it by hand'),
  });
  closers.push(() => store.close());
  return store;
}

async function openSandbox(
  environment: Environment,
  channels: readonly ConfiguredChannel[],
  telemetry: Telemetry,
  closers: Closers,
): Promise<SandboxLink | null> {
  if (channels.every(({ mode }) => mode === 'live')) return null;
  const link =
    environment.sandboxUrl === null
      ? await startOwnSandbox(environment, channels, { randomBytes, random, now, telemetry })
      : remoteSandbox(environment.sandboxUrl);
  closers.push(() => link.close());
  return link;
}

async function openChannel(
  configured: ConfiguredChannel,
  link: SandboxLink | null,
  publicUrl: string,
  record: AdapterPorts['record'],
): Promise<Channel> {
  const provider = PROVIDERS.find(({ id }) => id === configured.providerId);
  if (!provider) throw new Error(`channel ${configured.id}: no provider ${configured.providerId}`);
  const given = configured.mode === 'live' ? configured.credentials : await link?.connect(configured.id, publicUrl);
  const credentials = configured.mode === 'live' ? given : provider.configSchema.parse(given);
  const { id, providerId, mode, profile, timeouts, breaker, queriesPerSecond } = configured;
  const { capabilities, callbackUrl } = provider;
  const adapter = provider.openAdapter(credentials, { now, randomBytes, record });
  return { id, providerId, mode, capabilities, callbackUrl, adapter, profile, timeouts, breaker, queriesPerSecond };
}

/** A part that cannot be closed keeps none of the others open; what it said is told at the end. */
async function closeAll(closers: Closers): Promise<void> {
  const problems: unknown[] = [];
  for (const close of closers.splice(0).reverse()) await close().catch((thrown: unknown) => problems.push(thrown));
  if (problems.length > 0) throw new AggregateError(problems, 'some parts could not be closed');
}

/** The simulators alone, for gateways that are started with SANDBOX_URL. */
export async function startSandboxAlone(
  env: Readonly<Record<string, string | undefined>>,
): Promise<
  Result<
    { readonly url: string; readonly channelIds: readonly string[]; stop(): Promise<void> },
    readonly ConfigFault[]
  >
> {
  const environment = readEnvironment(env);
  if (!environment.ok) return environment;
  const { configPath: path, production, logLevel, sandboxDataDir } = environment.value;
  const config = loadConfig({ path, env, providers: PROVIDERS, production });
  if (!config.ok) return config;
  const channelIds = config.value.channels.filter(({ mode }) => mode === 'sandbox').map(({ id }) => id);
  if (channelIds.length === 0) {
    const message = 'has no channel in sandbox mode; there is nothing to simulate';
    return err([{ file: path, line: 0, path: 'channels', message }]);
  }
  const telemetry = createTelemetry(createMetrics(), createLogger(logLevel));
  const ports = { randomBytes, random, now, telemetry };
  const link = await startOwnSandbox(environment.value, config.value.channels, ports, sandboxDataDir);
  return ok({ url: link.url, channelIds, stop: () => link.close() });
}
