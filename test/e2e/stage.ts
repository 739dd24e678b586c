import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Running, startSwitchyard } from '../../src/main.ts';
import { openShop, type Shop } from './shop.ts';

/** Changes to the two files of the shipped configuration. */
export interface ConfigEdits {
  readonly editConfig?: (yaml: string) => string;
  readonly editMerchants?: (yaml: string) => string;
}

/** The shipped configuration with everything that waits made short, so that a test sees it happen; answers its path. */
export async function impatientConfig(folder: string, { editConfig, editMerchants }: ConfigEdits): Promise<string> {
  const shipped = join(import.meta.dirname, '../../config');
  const gateway = (await readFile(join(shipped, 'gateway.yaml'), 'utf8'))
    .replaceAll(/create: 3s, query: 3s/g, 'create: 400ms, query: 400ms')
    .replaceAll(/create: 3s( +#)/g, 'create: 400ms$1')
    .replaceAll(/query: 3s( +#)/g, 'query: 400ms$1')
    .replaceAll(/open_for: 15s/g, 'open_for: 1s')
    .replace('exploration: 2%', 'exploration: 0%');
  await writeFile(join(folder, 'gateway.yaml'), editConfig?.(gateway) ?? gateway);
  const merchants = (await readFile(join(shipped, 'merchants.yaml'), 'utf8')).replace(
    'per_minute: 600',
    'per_minute: null',
  );
  await writeFile(join(folder, 'merchants.yaml'), editMerchants?.(merchants) ?? merchants);
  return join(folder, 'gateway.yaml');
}

/** For tests that wait for no time-out: a busy machine must not make a slow answer a lost one. */
export function patient(yaml: string): string {
  return yaml.replaceAll('400ms', '8s');
}

export interface StageOptions extends ConfigEdits {
  readonly env?: Readonly<Record<string, string>>;
  /** Puts something into the data folder before the first start. */
  readonly prepare?: (dataDir: string) => void;
}

/** A whole gateway with its simulators, as `npm start` runs it, and a shop that listens for events. */
export interface Stage {
  readonly gateway: () => Running;
  readonly shop: Shop;
  readonly dataDir: string;
  /** Calls the merchant API as the demo shop. */
  api(method: 'GET' | 'POST', path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  control(channel: string, verb: string, body?: unknown): Promise<Answer>;
  /** What the provider believes of one order. */
  order(channel: string, providerRef: string): Promise<Record<string, unknown> | undefined>;
  /** The value of one metric line, 0 when it is absent. */
  metric(line: string): Promise<number>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and fail where they are not as expected
  readonly body: any;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-e2e-'));
  const config = await impatientConfig(folder, options);
  const shop = await openShop();
  const dataDir = join(folder, 'data');
  options.prepare?.(dataDir);
  const start = async (ports: Record<string, string>): Promise<Running> => {
    const started = await startSwitchyard({
      CONFIG: config,
      DATA_DIR: dataDir,
      LOG_LEVEL: 'silent',
      SANDBOX_TIME_FACTOR: '100',
      ...ports,
      ...options.env,
    });
    if (!started.ok) throw new Error(JSON.stringify(started.error));
    return started.value;
  };
  let running = await start({ PORT: '0', ADMIN_PORT: '0', SANDBOX_PORT: '0' });
  const portOf = (url: string | null): string => new URL(url ?? '').port;

  return {
    gateway: () => running,
    shop,
    dataDir,
    api: (method, path, body, headers) =>
      call(method, `${running.publicUrl}${path}`, body, { authorization: 'Bearer sk_sandbox_demo', ...headers }),
    control: (channel, verb, body) =>
      call(body === undefined ? 'GET' : 'POST', `${running.sandboxUrl}/_control/channels/${channel}/${verb}`, body),
    order: async (channel, providerRef) => {
      const { body } = await call(
        'GET',
        `${running.sandboxUrl}/_control/channels/${channel}/orders?provider_ref=${providerRef}`,
      );
      return body.data[0];
    },
    metric: async (line) => {
      const text = await (await fetch(`${running.adminUrl}/metrics`)).text();
      const found = text.split('\n').find((l) => l.startsWith(`${line} `));
      return found ? Number(found.slice(line.length + 1)) : 0;
    },
    restart: async () => {
      const ports = {
        PORT: portOf(running.publicUrl),
        ADMIN_PORT: portOf(running.adminUrl),
        SANDBOX_PORT: portOf(running.sandboxUrl),
      };
      await running.stop();
      running = await start(ports);
    },
    stop: async () => {
      await running.stop();
      await shop.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One request with JSON in both directions. */
export async function call(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

/** An order that no other test uses. */
export function anOrder(stage: Stage, set: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    merchant_order_no: `T${randomBytes(8).toString('hex')}`,
    amount: 1000,
    currency: 'CNY',
    methods: ['alipay'],
    scene: 'qr',
    subject: '点卡 Game key',
    notify_url: stage.shop.url,
    ...set,
  };
}

/** Waits until `look` answers something; polls, with a bound. */
export async function eventually<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`did not happen within ${withinMs} ms: ${look.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
