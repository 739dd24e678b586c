import { PROVIDERS } from '../channels/index.ts';
import { type ConfigFault, loadConfig, readEnvironment } from './config/index.ts';
import { err, ok, type Result } from './payment/index.ts';
import { randomPool } from './random-pool.ts';
import { startOwnSandbox } from './sandbox-link.ts';
import { createLogger, createMetrics, createTelemetry } from './telemetry/index.ts';

const random = Math.random;
const now = Date.now;
const randomBytes = randomPool();

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
