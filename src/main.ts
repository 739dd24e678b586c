import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PROVIDERS } from '../channels/index.ts';
import PACKAGE from '../package.json' with { type: 'json' };
import { openAlertRelay } from './alert-relay.ts';
import { openChannelStates } from './channel-status.ts';
import { createChannelWatch } from './channel-watch.ts';
import { type Closers, closeAll } from './closers.ts';
import {
  adminGuardFault,
  type ConfigFault,
  confirmMasterKey,
  type Environment,
  type LoadedConfig,
  openEpayKey,
  openMasterKey,
  readConfig,
  readEnvironment,
} from './config/index.ts';
import { createDryRuns } from './dry-run.ts';
import { createEpayDoctor } from './epay-doctor.ts';
import { openEpayRecord } from './epay-record.ts';
import { openEvidence } from './evidence-log.ts';
import { createGateway, type GatewaySettings, type Sealer } from './gateway/index.ts';
import { createPublicApp, listen } from './http/index.ts';
import { createLiveChannels } from './live-channels.ts';
import { createLiveConfig } from './live-config.ts';
import { openAdmin } from './open-admin.ts';
import { openClockCheck } from './open-clock-check.ts';
import { openEphemeral } from './open-ephemeral.ts';
import { openRouting } from './open-routing.ts';
import { openStore } from './open-store.ts';
import { openTelemetry } from './open-telemetry.ts';
import { createOtherClocks } from './other-clocks.ts';
import { err, ok, type Result } from './payment/index.ts';
import { randomPool } from './random-pool.ts';
import { type ConfigState, createReloads, type ReloadAnswer, type ReloadCause, type ReloadParts } from './reload.ts';
import { openRoutingMemory } from './routing-memory.ts';
import { lazySandboxes } from './sandbox-link.ts';
import { openSharedConfig } from './shared-config.ts';
import { observedBy } from './status.ts';
import { watchedStore } from './store/index.ts';
import { addGauges, createMetrics, type Metrics } from './telemetry/index.ts';
import { createWebhookSender } from './webhooks/index.ts';

/** Requests in flight get this long to finish; the whole stop stays under ten seconds after the time of grace. */
const DRAIN_MS = 6_000;

const random = Math.random;
const now = Date.now;
const randomBytes = randomPool();

/** A gateway that serves; `stop` drains it and settles when nothing is left running. */
export interface Running {
  /** The base of callback and cashier URLs. */
  readonly publicUrl: string;
  /** Where the public listener really is: what a proxy in front has to point at. */
  readonly listenUrl: string;
  readonly adminUrl: string;
  readonly sandboxUrl: string | null;
  /** As it was at the start. */
  readonly config: LoadedConfig;
  /** Reads the configuration again and takes it whole or refuses it whole. */
  reload(by: ReloadCause): Promise<ReloadAnswer>;
  stop(): Promise<void>;
  /** How long `stop` serves on before it begins. */
  readonly stopGraceMs: number;
}

/**
 * The composition root: the only place that knows every part. Answers every fault of environment and configuration before
 * anything is opened, so that a gateway is never half-started.
 */
export async function startSwitchyard(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<Running, readonly ConfigFault[]>> {
  const environment = readEnvironment(env);
  if (!environment.ok) return environment;
  const unguarded = adminGuardFault(environment.value);
  if (unguarded !== null) return err([unguarded]);
  const { configPath, production, masterKey, dataDir } = environment.value;
  const options = { path: configPath, env, providers: PROVIDERS, production };
  const first = readConfig(options);
  const config = first.loaded;
  if (!config.ok) return config;
  const sandbox = config.value.channels.some(({ mode }) => mode === 'sandbox');
  const sealer = openMasterKey({ masterKey, dataDir, sandbox, randomBytes });
  if (!sealer.ok) return err([sealer.error]);
  const confirmed = confirmMasterKey(dataDir, sealer.value.keyId);
  if (!confirmed.ok) return err([confirmed.error]);
  const closers: Closers = [];
  try {
    return ok(await open(environment.value, { options, first, config: config.value }, sealer.value, closers));
  } catch (thrown) {
    await closeAll(closers);
    throw thrown;
  }
}

async function open(
  environment: Environment,
  { options, first, config }: Pick<ReloadParts, 'options' | 'first'> & { readonly config: LoadedConfig },
  sealer: Sealer & { readonly keyId: string },
  closers: Closers,
): Promise<Running> {
  const metrics = createMetrics();
  const watch = createChannelWatch(now);
  const { telemetry: reported, close: closeTelemetry } = await openTelemetry(environment, {
    ...{ metrics, now, randomBytes, version: PACKAGE.version },
  });
  const telemetry = watch.telemetry(reported);
  closers.push(closeTelemetry);
  for (const { path, message } of config.warnings) telemetry.warn({ path }, message);
  const processId = randomUUID();
  const opened = await openStore(environment, {
    ...{ metrics, telemetry, now, processId, keyId: sealer.keyId },
    onRenewal: () => metrics.storeRenewals.inc({}),
  });
  closers.push(() => opened.store.close());
  const store = watchedStore(opened.store, (operation) => metrics.storeErrors.inc({ operation }));
  const live = createLiveConfig(config);
  const retentionMs = (): number => live.current().evidence.retentionMs;
  const evidence = openEvidence({
    ...{ dataDir: environment.dataDir, retentionMs, sealer, now, telemetry },
    onWritten: (entries) => metrics.evidenceEntries.inc({ outcome: 'written' }, entries),
    onDropped: (entries) => metrics.evidenceEntries.inc({ outcome: 'dropped' }, entries),
  });
  closers.push(() => evidence.close());
  const { ephemeral, link } = await openEphemeral(environment, { metrics, telemetry, now, random });
  closers.push(() => ephemeral.close());
  const clocks = openClockCheck({
    ...{ mongodb: opened.serverTime, redis: link?.time ?? null },
    metrics,
    telemetry,
    now,
  });
  closers.push(async () => clocks?.stop());
  const webhooks = createWebhookSender();
  closers.push(() => webhooks.close());

  const epayKey = openEpayKey({ given: environment.epayPrivateKey, dataDir: environment.dataDir });
  const epayRecord = openEpayRecord({
    ...{ path: join(environment.dataDir, 'epay-record.sealed'), sealer },
    onTrouble: (error) => telemetry.warn({ err: error }, 'the record of epay requests could not be kept'),
  });
  closers.push(() => epayRecord.close());

  let publicUrl = environment.publicUrl ?? `http://${environment.host}:${environment.port}`;
  const settings = (): GatewaySettings => ({ ...live.current().settings, publicUrl });
  const sandboxes = lazySandboxes(environment, { randomBytes, random, now, telemetry }, config.channels);
  const { statistics, breakers, shared } = openRouting({
    ...{ link, metrics, telemetry, now, id: processId },
    breakerOf: (channelId) => channels.current().get(channelId)?.breaker,
    onBreaker: watch.breakerChanged,
  });
  closers.push(async () => breakers.dispose());
  closers.push(() => shared.stop());
  const otherClocks = createOtherClocks({ now });
  const channels = createLiveChannels({
    ...{ sandboxes, telemetry, providers: PROVIDERS, publicUrl: () => publicUrl },
    adapterPorts: { now, randomBytes, record: evidence.record },
    onAnswer: otherClocks.noteAnswer,
    needing: (channelId) => store.countNeeding(channelId, 1),
    onGone: (channelId) => {
      breakers.forget(channelId);
      statistics.forget(channelId);
      otherClocks.forget(channelId);
    },
  });
  const routingMemory = await openRoutingMemory({ store: opened.store, statistics, now, telemetry });
  closers.push(() => routingMemory.stop());
  const gateway = createGateway({
    ...{ store, evidence, ephemeral, settings, sealer, breakers, telemetry, random, randomBytes },
    statistics: shared.statistics,
    channels: channels.current,
    merchants: () => live.merchants,
    clock: { now },
    sendWebhook: webhooks.send,
    ...{ epayKey, epayRecord, processId, alone: opened.alone },
  });

  let leaving = false;
  const stopping = new AbortController();
  const publicApp = createPublicApp({
    ...{ gateway, settings, ephemeral, telemetry, randomBytes, epayRecord },
    merchants: live.merchants,
    clock: { now },
    stopping: stopping.signal,
  });
  const ready = Promise.withResolvers<void>();
  const publicListener = await listen(afterwards(ready.promise, publicApp), {
    host: environment.host,
    port: environment.port,
  });
  const closePublic = (): Promise<void> => {
    stopping.abort();
    return publicListener.close(DRAIN_MS);
  };
  closers.push(closePublic);
  publicUrl = environment.publicUrl ?? publicListener.url;

  closers.push(() => sandboxes.close());
  const prepared = await channels.prepare(config.channels);
  if (!prepared.ok) throw prepared.error.cause;
  closers.push(() => channels.close());
  prepared.value.commit();
  const alertThresholds = () => live.current().alertThresholds;
  const observed = observedBy({
    ...{ breakers, statistics, store, settings, now, alertThresholds, gateway },
    channels: channels.current,
  });
  metrics.build.set({ version: PACKAGE.version }, 1);
  addGauges(metrics, observed);
  const { masterKey, dataDir } = environment;
  const reloads = createReloads({
    ...{ options, first, live, channels, telemetry, now, randomBytes, needing: store.countNeeding },
    startFault: (next) => {
      const sandbox = next.channels.some(({ mode }) => mode === 'sandbox');
      const opened = openMasterKey({ masterKey, dataDir, sandbox, randomBytes });
      return opened.ok ? null : opened.error;
    },
    onOutcome: (outcome, state) => {
      metrics.configReloads.inc({ outcome });
      noteConfig(metrics, state);
    },
  });
  noteConfig(metrics, reloads.state());
  closers.push(() => reloads.close());
  const sharedConfig = openSharedConfig({ link, reloads, metrics, telemetry, id: processId, now });
  closers.push(async () => sharedConfig?.stop());
  const dryRuns = createDryRuns({ env: options.env, now });
  closers.push(() => dryRuns.close());
  const alerts = openAlertRelay({
    ...{ dataDir, now, metrics, telemetry },
    settings: () => live.current().alertRelay,
  });
  closers.push(() => alerts.stop());
  const epayDoctor = createEpayDoctor({
    ...{ record: epayRecord, platformKey: epayKey, now, configPath: environment.configPath },
    publicUrl: () => publicUrl,
    merchants: () => live.current().merchantIds.flatMap((id) => live.merchants.byId(id) ?? []),
  });
  const admin = await openAdmin(environment, {
    epayDoctor,
    ...{ alerts, dryRuns, metrics, store, telemetry, gateway, reloads, now, channels: channels.current },
    version: PACKAGE.version,
    sharedState: link?.state ?? null,
    clocks: () => otherClocks.read(clocks, channels.current().keys()),
    sharedConfig,
    leaving: () => leaving,
    channelStates: openChannelStates({ observed, watch, store, gateway }),
    alertThresholds: observed.alertThresholds,
  });
  closers.push(() => admin.close(1_000));
  gateway.start();
  routingMemory.start();
  shared.start();
  clocks?.start();
  sharedConfig?.start();
  sandboxes.started();
  reloads.watch();
  ready.resolve();

  return {
    publicUrl,
    listenUrl: publicListener.url,
    adminUrl: admin.url,
    sandboxUrl: sandboxes.url(),
    config,
    reload: reloads.reload,
    stopGraceMs: environment.stopGraceMs,
    stop: async () => {
      leaving = true;
      await reloads.close();
      if (environment.stopGraceMs > 0) {
        publicListener.seeOff();
        await pause(environment.stopGraceMs);
      }
      // Providers and shops first: nothing new comes in while what is in hand is finished.
      await closePublic();
      await gateway.stop();
      await closeAll(closers);
    },
  };
}

function noteConfig(metrics: Metrics, { loadedAt, refused }: ConfigState): void {
  metrics.configSound.set({}, refused === null ? 1 : 0);
  metrics.configLoadedSeconds.set({}, loadedAt / 1_000);
}

/** The port has to be known before the channels are opened; requests that come meanwhile wait instead of being refused. */
function afterwards(opened: Promise<void>, app: { callback(): RequestListener }): { callback(): RequestListener } {
  const handle = app.callback();
  return { callback: () => (request, response) => void opened.then(() => handle(request, response)) };
}
