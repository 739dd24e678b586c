import { z } from 'zod';
import type { RedisTarget } from '../ephemeral/port.ts';
import { err, ok, type Result } from '../payment/index.ts';
import { readAdminToken } from './admin-token.ts';
import { readPrivateKey } from './epay-key.ts';
import { type ConfigFault, environmentFault } from './faults.ts';
import { readRedisUrl } from './redis-url.ts';
import type { Env } from './references.ts';

/** What the process is told by its environment (`api.md`, Listeners). Port 0 means any free port. */
export interface Environment {
  readonly host: string;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  /** What whoever asks the admin listener has to know; null: nothing, on this machine alone. Never log this object. */
  readonly adminToken: string | null;
  readonly sandboxPort: number;
  /** A sandbox process elsewhere; null: the simulators run in this one. */
  readonly sandboxUrl: string | null;
  /** Where simulators keep their books; null: in memory. */
  readonly sandboxDataDir: string | null;
  /** How many times faster than the real providers the simulators repeat their callbacks. */
  readonly sandboxTimeFactor: number;
  /** After SIGTERM this process says on `/readyz` that it leaves, and serves on for so long. */
  readonly stopGraceMs: number;
  readonly configPath: string;
  readonly dataDir: string;
  /** What replicas share their counters through; null: this process counts by itself. Never log it. */
  readonly redis: RedisTarget | null;
  /** The database of the cluster shape, with its password; null: the embedded store in `dataDir`. */
  readonly mongoUrl: string | null;
  /** Without a slash at its end; null: derived from the public listener. */
  readonly publicUrl: string | null;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly production: boolean;
  /** Where spans go, in the usual variables of OpenTelemetry; null: nowhere. */
  readonly traces: { readonly url: string; readonly serviceName: string; readonly sampleRatio: number } | null;
  /** The key that signs for the platform in version 2 of epay, PEM or base64; null: one in the data folder. Never log this object. */
  readonly epayPrivateKey: string | null;
  /** Base64, for `openMasterKey`; never log this object. */
  readonly masterKey: string | null;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const NODE_ENVS = ['production', 'development', 'test'] as const;

/** Reads the variables of `api.md`, or names every one that is wrong. An empty variable counts as absent. */
export function readEnvironment(env: Env): Result<Environment, readonly ConfigFault[]> {
  const given = Object.fromEntries(Object.keys(environmentSchema.shape).map((name) => [name, env[name] || undefined]));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    return err(parsed.error.issues.map(({ path, message }) => environmentFault(String(path[0] ?? ''), message)));
  }
  const vars = parsed.data;
  const clash = sharedPort(vars);
  if (clash !== null) return err([clash]);
  const adminToken = readAdminToken(vars);
  if (!adminToken.ok) return err([adminToken.error]);
  return ok({
    host: vars.HOST,
    port: vars.PORT,
    adminHost: vars.ADMIN_HOST,
    adminPort: vars.ADMIN_PORT,
    adminToken: adminToken.value,
    sandboxPort: vars.SANDBOX_PORT,
    sandboxUrl: vars.SANDBOX_URL ?? null,
    sandboxDataDir: vars.SANDBOX_DATA_DIR ?? null,
    sandboxTimeFactor: vars.SANDBOX_TIME_FACTOR,
    stopGraceMs: vars.STOP_GRACE_S * 1_000,
    configPath: vars.CONFIG,
    dataDir: vars.DATA_DIR,
    redis: vars.REDIS_URL ?? null,
    mongoUrl: vars.MONGO_URL ?? null,
    publicUrl: vars.PUBLIC_URL ?? null,
    logLevel: vars.LOG_LEVEL,
    production: vars.NODE_ENV === 'production',
    traces: tracesOf(vars),
    epayPrivateKey: vars.EPAY_PRIVATE_KEY ?? null,
    masterKey: vars.MASTER_KEY ?? null,
  });
}

/** As the OpenTelemetry specification has it: the address for traces is taken as it is, the common one gets a path. */
function tracesOf(vars: z.output<typeof environmentSchema>): Environment['traces'] {
  const common = vars.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url = vars.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (common === undefined ? null : `${common}/v1/traces`);
  if (url === null || vars.OTEL_SDK_DISABLED === 'true') return null;
  return { url, serviceName: vars.OTEL_SERVICE_NAME, sampleRatio: vars.OTEL_TRACES_SAMPLER_ARG };
}

const port = (fallback: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number from 0 (any free port) to 65535')
    .transform(Number)
    .refine((value) => value <= 65_535, 'must be a port number from 0 (any free port) to 65535')
    .default(fallback);

const host = () =>
  z.union([z.ipv4(), z.ipv6(), z.hostname()], 'must be an IP address or a host name').default('127.0.0.1');

const baseUrl = () => {
  const message = 'must be an http or https URL without user name, query and fragment';
  return z
    .string()
    .refine(isBaseUrl, message)
    .transform((text) => text.replace(/\/+$/, ''))
    .optional();
};

const redisUrl = () =>
  z
    .string()
    .transform((text, context) => {
      const target = readRedisUrl(text);
      if (target.ok) return target.value;
      context.addIssue({ code: 'custom', message: target.error });
      return z.NEVER;
    })
    .optional();

const environmentSchema = z.strictObject({
  HOST: host(),
  PORT: port(8080),
  ADMIN_HOST: host(),
  ADMIN_PORT: port(8081),
  ADMIN_TOKEN: z.string().optional(),
  ADMIN_TOKEN_FILE: z.string().optional(),
  SANDBOX_PORT: port(8082),
  SANDBOX_URL: baseUrl(),
  SANDBOX_DATA_DIR: z.string().optional(),
  SANDBOX_TIME_FACTOR: z
    .string()
    .regex(/^\d{1,6}(\.\d{1,6})?$/, 'must be a number, for example 60')
    .transform(Number)
    .refine((factor) => factor > 0, 'must be more than 0')
    .default(1),
  STOP_GRACE_S: z
    .string()
    .regex(/^\d{1,2}$/, 'must be a whole number of seconds, at most 60')
    .transform(Number)
    .refine((seconds) => seconds <= 60, 'must be at most 60 seconds')
    .default(0),
  CONFIG: z.string().default('config/gateway.yaml'),
  DATA_DIR: z.string().default('./data'),
  PUBLIC_URL: baseUrl(),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  NODE_ENV: z.enum(NODE_ENVS, `must be one of ${NODE_ENVS.join(', ')}`).default('development'),
  MONGO_URL: z
    .string()
    .regex(
      /^mongodb(\+srv)?:\/\/[^\s/?]+(\/[^\s/?]*)?(\?\S*)?$/,
      'must be a URL that begins with mongodb:// or mongodb+srv://',
    )
    .optional(),
  REDIS_URL: redisUrl(),
  MASTER_KEY: z.string().optional(),
  EPAY_PRIVATE_KEY: z
    .string()
    .refine(
      (text) => readPrivateKey(text) !== null,
      'must be an RSA private key of at least 2048 bits, PKCS#8: PEM or base64',
    )
    .optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: baseUrl(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: baseUrl(),
  OTEL_SERVICE_NAME: z.string().max(100, 'must have at most 100 characters').default('switchyard'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.\d{1,9})?|1(\.0{1,9})?)$/, 'must be a share from 0 to 1, for example 0.1')
    .transform(Number)
    .default(1),
  OTEL_SDK_DISABLED: z.string().optional(),
});

/** All listeners but the sandbox's have a host of their own; two that differ may share a port. */
function sharedPort(vars: z.output<typeof environmentSchema>): ConfigFault | null {
  const listeners = [
    { name: 'PORT', port: vars.PORT, host: vars.HOST },
    { name: 'ADMIN_PORT', port: vars.ADMIN_PORT, host: vars.ADMIN_HOST },
    { name: 'SANDBOX_PORT', port: vars.SANDBOX_PORT, host: '127.0.0.1' },
  ].filter((listener) => listener.port !== 0);
  for (const [index, listener] of listeners.entries()) {
    const other = listeners.slice(0, index).find((one) => one.port === listener.port && one.host === listener.host);
    if (other) return environmentFault(listener.name, `is the port of ${other.name} already`);
  }
  return null;
}

function isBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}
