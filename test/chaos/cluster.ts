import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from 'undici';
import { scrape } from '../../bench/metrics.ts';
import { freePorts } from '../../bench/processes.ts';
import { openTheatre, type Program, type Theatre } from '../e2e/program.ts';
import { type ConfigEdits, eventually } from '../e2e/stage.ts';
import { type BreakableProxy, startProxy } from '../services/breakable-proxy.ts';
import { type MongoServer, startMongo } from '../services/mongo.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import type { Chance } from './chance.ts';
import {
  type Answer,
  askOnce,
  type Counter,
  DEMO_KEY,
  openService,
  type Service,
  START_ARGS,
  START_ENV,
} from './site.ts';

const CLOCK = join(import.meta.dirname, 'clock-process.ts');
/** A replica that has said nothing for so long is left for another one. */
const PATIENCE_MS = 12_000;
/** Until a process that starts on a busy machine knows the time. */
const CLOCK_MS_MAX = 60_000;

/** One of several gateways on one MongoDB and one Redis, with a way to each that can be broken. */
export interface Replica extends Service {
  readonly name: string;
  readonly url: string;
  readonly adminUrl: string;
  readonly toMongo: BreakableProxy;
  readonly toRedis: BreakableProxy;
  readonly toSandbox: BreakableProxy;
  /** Holds the process up where it stands, and lets it go on. */
  freeze(): void;
  thaw(): void;
  isFrozen(): boolean;
}

/** Three gateways behind what a load balancer is to a shop: another one is asked when one does not answer. */
export interface Cluster extends Counter {
  readonly theatre: Theatre;
  readonly replicas: readonly Replica[];
  readonly sandbox: Service;
  readonly redis: RedisServer;
  readonly mongo: MongoServer;
  /** Where callbacks and browsers come in. */
  readonly front: BreakableProxy;
  /** Answers of 5xx other than 503; there may be none. */
  readonly faults: readonly string[];
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Moves the clocks of all processes ahead, as if everything had stood still for so long. */
  passTime(ms: number): Promise<void>;
  output(): string;
  close(): Promise<void>;
}

export interface ClusterOptions extends ConfigEdits {
  readonly chance: Chance;
  readonly redisProgram: string;
  readonly size?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Servers and proxies run; no replica and no sandbox is started yet. Null: there is no MongoDB for tests. */
export async function openCluster({
  chance,
  redisProgram,
  size = 3,
  env = {},
  ...edits
}: ClusterOptions): Promise<Cluster> {
  const mongo = await startMongo();
  if ('missing' in mongo) throw new Error(mongo.missing);
  const redis = await startRedis(redisProgram);
  const theatre = await openTheatre(edits);
  const agent = new Agent({ connections: 256, keepAliveTimeout: 2_000 });
  const ask = (method: string, url: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) =>
    askOnce(agent, method, url, body, headers, PATIENCE_MS);
  const clocks: { readonly file: string; program: () => Program | null }[] = [];
  let offsetMs = 0;
  const clock = (name: string, program: () => Program | null) => {
    const file = join(theatre.folder, `clock-${name}`);
    writeFileSync(file, '0');
    clocks.push({ file, program });
    return { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_OFFSET_FILE: file };
  };
  /** A process that stands still is told and not waited for; one that begins reads the file by itself. */
  const hasTime = (file: string, program: Program | null): boolean => {
    if (program === null) return true;
    const mark = `${file}.${program.pid}`;
    if (!existsSync(mark)) return false;
    if (readFileSync(mark, 'utf8') === String(offsetMs)) return true;
    program.kill('SIGUSR2');
    return replicas.some((replica) => replica.isFrozen() && replica.program() === program);
  };
  const programs: Program[] = [];
  const [sandboxPort = 0, ...ports] = await freePorts(1 + 2 * size);
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const database = `switchyard_${chance.below(2 ** 32).toString(16)}_${process.pid}`;
  const mongoPort = Number(new URL(mongo.url).port);

  const replicas: Replica[] = [];
  /** Where providers and browsers come in: any replica that takes connections. */
  const front = await startProxy(() => {
    const running = replicas.filter((replica) => replica.isRunning());
    const [first, ...others] = running;
    return first === undefined ? null : Number(new URL(chance.pick([first, ...others]).url).port);
  });
  const url = `http://127.0.0.1:${front.port}`;
  for (let i = 0; i < size; i += 1) {
    const [port = 0, adminPort = 0] = ports.slice(2 * i);
    const adminUrl = `http://127.0.0.1:${adminPort}`;
    const [toMongo = front, toRedis = front, toSandbox = front] = await Promise.all(
      [mongoPort, redis.port, sandboxPort].map((target) => startProxy(target)),
    );
    const name = `replica-${i + 1}`;
    const dataDir = join(theatre.folder, name);
    mkdirSync(dataDir);
    let frozen = false;
    const timed = clock(name, () => (service.isRunning() ? service.program() : null));
    const service: Service = openService(
      () => {
        frozen = false;
        const program = theatre.command(process.execPath, START_ARGS, {
          ...{ ...START_ENV, PORT: String(port), ADMIN_PORT: String(adminPort), DATA_DIR: dataDir },
          ...{
            MONGO_URL: `mongodb://127.0.0.1:${toMongo.port}/${database}`,
            REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
            SANDBOX_URL: `http://127.0.0.1:${toSandbox.port}`,
          },
          ...{ MASTER_KEY: Buffer.alloc(32, 'chaos-key-').toString('base64'), PUBLIC_URL: url, ...timed, ...env },
        });
        programs.push(program);
        return program;
      },
      async () => (await ask('GET', `${adminUrl}/readyz`)).status === 200,
    );
    replicas.push({
      ...service,
      ...{ name, url: `http://127.0.0.1:${port}`, adminUrl, toMongo, toRedis, toSandbox },
      freeze: () => {
        frozen = true;
        service.program().kill('SIGSTOP');
      },
      thaw: () => {
        frozen = false;
        service.program().kill('SIGCONT');
      },
      isFrozen: () => frozen,
    });
  }
  const sandboxClock = clock('sandbox', () => (sandbox.isRunning() ? sandbox.program() : null));
  const sandbox: Service = openService(
    () =>
      theatre.run(['sandbox'], {
        ...{ SANDBOX_PORT: String(sandboxPort), SANDBOX_DATA_DIR: join(theatre.folder, 'books') },
        ...{ PUBLIC_URL: url, ...sandboxClock },
      }),
    async () => (await ask('GET', `${sandboxUrl}/_control/channels`)).status === 200,
  );

  const faults: string[] = [];
  /** As a load balancer with retries does it: no answer or a 503 has the next replica asked, with the same Idempotency-Key. */
  async function api(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const order = body as { merchant_order_no?: string; merchant_refund_no?: string } | undefined;
    const key = order?.merchant_order_no ?? order?.merchant_refund_no;
    const all = {
      authorization: `Bearer ${DEMO_KEY}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...headers,
    };
    const first = chance.below(size);
    let last: Answer | null = null;
    let failure: unknown = new Error('no replica runs');
    for (let i = 0; i < size; i += 1) {
      const replica = replicas[(first + i) % size];
      if (!replica?.isRunning()) continue;
      try {
        last = await ask(method, `${replica.url}${path}`, body, all);
      } catch (thrown) {
        failure = thrown;
        continue;
      }
      if (last.status >= 500 && last.status !== 503)
        faults.push(`${replica.name} ${method} ${path}: ${last.status} ${JSON.stringify(last.body)}`);
      if (last.status < 500) return last;
    }
    if (last === null) throw failure;
    return last;
  }

  return {
    ...{ theatre, replicas, sandbox, redis, mongo, front, faults, url, api },
    control: (channel, verb, body) =>
      ask(body === undefined ? 'GET' : 'POST', `${sandboxUrl}/_control/channels/${channel}/${verb}`, body),
    metrics: () => scrape(replicas[0]?.adminUrl ?? ''),
    async passTime(ms) {
      offsetMs += ms;
      for (const { file } of clocks) writeFileSync(file, String(offsetMs));
      await Promise.all(clocks.map(({ file, program }) => eventually(() => hasTime(file, program()), CLOCK_MS_MAX)));
    },
    output: () => programs.map((program, i) => `--- process ${i + 1}\n${program.output()}`).join('\n'),
    async close() {
      for (const replica of replicas) if (replica.isFrozen()) replica.thaw();
      await agent.destroy();
      await theatre.close();
      await Promise.all(
        replicas.flatMap(({ toMongo, toRedis, toSandbox }) => [toMongo, toRedis, toSandbox].map((way) => way.stop())),
      );
      await front.stop();
      await redis.stop();
      await mongo.stop();
    },
  };
}
