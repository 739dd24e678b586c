import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { scrape } from '../../bench/metrics.ts';
import { freePorts } from '../../bench/processes.ts';
import { startCommand } from '../../bench/start-command.ts';
import { openTheatre, type Program, type Theatre } from '../e2e/program.ts';
import { type ConfigEdits, eventually } from '../e2e/stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_MS_MAX = 60_000;
const ANSWER_MS_MAX = 30_000;
export const DEMO_KEY = 'sk_sandbox_demo';

export const CHANNELS = [
  'alipay-main',
  'alipay-backup',
  'wechatpay-main',
  'stripe-main',
  'paypal-main',
  'epay-upstream',
  'usdt-main',
] as const;

const START = startCommand(ROOT);
/** What `npm start` gives to Node, as arguments and as variables: the gateway runs here as it runs there. */
export const START_ARGS = [...START.nodeFlags, ...START.script];
export const START_ENV = START.env;

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly retryAfter: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and fail where they are not as expected
  readonly body: any;
}

/** One process that is killed and started again, always at the same place with the same data. */
export interface Service {
  /** Starts it without waiting. Throws when it runs. */
  spawn(): Program;
  /** Settles when it serves; rejects when it ends before. */
  ready(): Promise<void>;
  /** `spawn` and `ready`. */
  start(): Promise<Program>;
  /** The latest process. Throws before the first. */
  program(): Program;
  isRunning(): boolean;
  /** Ends it with kill -9 and waits until it is gone. Nothing happens when it is not running. */
  kill(): Promise<void>;
}

export interface SiteOptions extends ConfigEdits {
  readonly gatewayEnv?: Readonly<Record<string, string>>;
  readonly sandboxEnv?: Readonly<Record<string, string>>;
  /** A site whose simulators serve this one too. */
  readonly simulatorsOf?: Site;
  /** A command that runs the command it is given, for example in a name space of its own. */
  readonly within?: (dataDir: string) => readonly [string, ...string[]];
}

/** What a shop and a judge need of a site, however many processes are behind it. */
export type Counter = Pick<Site, 'url' | 'api' | 'control'>;

/** A gateway and its simulators as real processes of their own, at ports that stay the same however often they die. */
export interface Site {
  readonly theatre: Theatre;
  readonly url: string;
  readonly adminUrl: string;
  readonly sandboxUrl: string;
  readonly gateway: Service;
  readonly sandbox: Service;
  /** Calls the merchant API as the demo shop; rejects when no whole answer comes. */
  api(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** Calls the sandbox's control API. */
  control(channel: string, verb: string, body?: unknown): Promise<Answer>;
  metrics(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

/** Nothing is started yet. */
export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const theatre = await openTheatre(options);
  const [port = 0, adminPort = 0, sandboxPort = 0] = await freePorts(3);
  const place = { PORT: String(port), ADMIN_PORT: String(adminPort), SANDBOX_PORT: String(sandboxPort) };
  const [url, adminUrl, ownSandboxUrl] = [port, adminPort, sandboxPort].map((each) => `http://127.0.0.1:${each}`) as [
    string,
    string,
    string,
  ];
  const sandboxUrl = options.simulatorsOf?.sandboxUrl ?? ownSandboxUrl;
  const agent = new Agent({ connections: 256, keepAliveTimeout: 2_000 });
  const ask = (method: string, target: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) =>
    askOnce(agent, method, target, body, headers);

  const gateway = openService(
    () => {
      const [file = process.execPath, ...before] = [...(options.within?.(theatre.dataDir) ?? []), process.execPath];
      return theatre.command(file, [...before, ...START_ARGS], {
        ...{ ...START_ENV, ...place, SANDBOX_URL: sandboxUrl, DATA_DIR: theatre.dataDir },
        ...options.gatewayEnv,
      });
    },
    async () => (await ask('GET', `${adminUrl}/readyz`)).status === 200,
  );
  const ownSandbox = openService(
    () =>
      theatre.run(['sandbox'], { ...place, SANDBOX_DATA_DIR: join(theatre.folder, 'books'), ...options.sandboxEnv }),
    async () => (await ask('GET', `${sandboxUrl}/_control/channels`)).status === 200,
  );
  const sandbox = options.simulatorsOf?.sandbox ?? ownSandbox;

  return {
    ...{ theatre, url, adminUrl, sandboxUrl, gateway, sandbox },
    api: (method, path, body, headers) =>
      ask(method, `${url}${path}`, body, { authorization: `Bearer ${DEMO_KEY}`, ...headers }),
    control: (channel, verb, body) =>
      ask(body === undefined ? 'GET' : 'POST', `${sandboxUrl}/_control/channels/${channel}/${verb}`, body),
    metrics: () => scrape(adminUrl),
    async close() {
      await agent.destroy();
      await theatre.close();
    },
  };
}

export function openService(launch: () => Program, serves: () => Promise<boolean>): Service {
  let current: Program | undefined;
  let over = true;
  const program = (): Program => {
    if (!current) throw new Error('it was never started');
    return current;
  };
  const spawn = (): Program => {
    if (!over) throw new Error('it is still running');
    over = false;
    const started = launch();
    current = started;
    void started.ended.finally(() => {
      if (current === started) over = true;
    });
    return started;
  };
  const ready = async (): Promise<void> => {
    await eventually(async () => {
      if (over) throw new Error(`ended instead of serving: ${program().output()}`);
      return serves().catch(() => false);
    }, START_MS_MAX);
  };
  return {
    ...{ spawn, ready, program, isRunning: () => !over },
    async start() {
      const started = spawn();
      await ready();
      return started;
    },
    async kill() {
      if (!current || over) return;
      current.kill('SIGKILL');
      await current.ended;
      over = true;
    },
  };
}

export async function askOnce(
  agent: Agent,
  method: string,
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number = ANSWER_MS_MAX,
): Promise<Answer> {
  const answer = await request(url, {
    ...{ dispatcher: agent, method: method as 'GET' | 'POST', signal: AbortSignal.timeout(timeoutMs) },
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.body.text();
  const type = String(answer.headers['content-type'] ?? '');
  const retryAfter = answer.headers['retry-after'];
  return {
    ...{ status: answer.statusCode, type, retryAfter: typeof retryAfter === 'string' ? retryAfter : null },
    body: type.includes('json') ? JSON.parse(text) : text,
  };
}

/** A little later; for callers that try again. */
export async function aMoment(ms = 50): Promise<void> {
  await pause(ms);
}
