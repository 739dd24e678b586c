import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { type Collector, openCollector } from './collector.ts';
import { freePorts, type Started, startProcess } from './processes.ts';
import { startCommand } from './start-command.ts';

export const ROOT = join(import.meta.dirname, '..');

/** As many connections as the open loop may ever need; a closed loop uses as many as it has callers. */
const CONNECTIONS_MAX = 256;

export interface StageOptions {
  /** Simulators in the gateway's own process, as `npm start` has them; otherwise they are a process of their own. */
  readonly embedded?: boolean;
  /** Another checkout with its packages, whose gateway, simulators and configuration are taken. Absent: this one. */
  readonly root?: string;
  /** Start the floor program beside the gateway. */
  readonly floor?: boolean;
  /** Callbacks go to the collector instead of the gateway, to be replayed. */
  readonly holdCallbacks?: boolean;
  /** Leave data and logs where they are, to be looked at. */
  readonly keep?: boolean;
  /** Changes the shipped `gateway.yaml`. */
  readonly editConfig?: (yaml: string) => string;
  /** Fills the data directory before the gateway starts. */
  readonly prepare?: (dataDir: string) => Promise<void>;
  /** Where the gateway's data is, or will be; it stays there. Absent: a folder that is removed at the end. */
  readonly dataDir?: string;
  /** More variables for the gateway. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another stage whose simulators and collector serve this one too: another replica of its gateway. */
  readonly beside?: Pick<Stage, 'sandboxUrl' | 'collector'>;
  /** More arguments for Node of the gateway and of the floor, for example `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
}

/** Everything that a measurement needs, each program in a process of its own; this process is the load generator. */
export interface Stage {
  readonly gateway: Started;
  readonly floor: Started | null;
  readonly collector: Collector;
  readonly gatewayPool: Pool;
  readonly floorPool: Pool;
  readonly sandboxPool: Pool;
  readonly adminUrl: string;
  readonly sandboxUrl: string;
  /** How the gateway was started, for the report. */
  readonly command: string;
  /** Data and logs; removed at the end. */
  readonly folder: string;
  stop(): Promise<void>;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-bench-'));
  const root = options.root ?? ROOT;
  const config = await writeConfig(root, folder, options.editConfig);
  const dataDir = options.dataDir ?? join(folder, 'data');
  await options.prepare?.(dataDir);
  const collector = options.beside?.collector ?? (await openCollector());
  const [port = 0, adminPort = 0, sandboxPort = 0, floorPort = 0] = await freePorts(4);
  const sandboxUrl = options.beside?.sandboxUrl ?? `http://127.0.0.1:${sandboxPort}`;
  const common = { CONFIG: config, SANDBOX_PORT: String(sandboxPort) };
  const started: Started[] = [];
  const start = async (name: string, args: readonly string[], env: Record<string, string>, readyUrl: string) => {
    const process = await startProcess({ name, args, env: { ...common, ...env }, cwd: root, folder, readyUrl });
    started.push(process);
    return process;
  };
  const stop = async (): Promise<void> => {
    for (const process of started.toReversed()) await process.stop();
    if (options.beside === undefined) await collector.close();
    if (options.keep !== true) await rm(folder, { recursive: true, force: true });
  };

  const { text: command, env: startEnv, nodeFlags, script } = startCommand(root);
  if (options.embedded !== true && options.beside === undefined) {
    await start('sandbox', ['src/cli.ts', 'sandbox'], {}, `${sandboxUrl}/_control/channels`);
  }
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const gateway = await start(
    'gateway',
    [...nodeFlags, ...(options.nodeArgs ?? []), ...script],
    {
      ...startEnv,
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
      DATA_DIR: dataDir,
      ...options.env,
      ...(options.embedded === true ? {} : { SANDBOX_URL: sandboxUrl }),
      ...(options.holdCallbacks === true ? { PUBLIC_URL: collector.url } : {}),
    },
    `${adminUrl}/readyz`,
  );
  const floorUrl = `http://127.0.0.1:${floorPort}`;
  const floorEnv = {
    ...{ PORT: String(floorPort), DATABASE: join(folder, 'floor.db'), SANDBOX_URL: sandboxUrl },
    ...{ PUBLIC_URL: collector.url, SHOP_URL: collector.shopUrl('floor') },
  };
  const floor = options.floor
    ? await start(
        'floor',
        [...nodeFlags, ...(options.nodeArgs ?? []), join(ROOT, 'bench/floor.ts')],
        { ...startEnv, ...floorEnv },
        `${floorUrl}/healthz`,
      )
    : null;

  const pool = (url: string) => new Pool(url, { connections: CONNECTIONS_MAX, pipelining: 1 });
  const pools = {
    gatewayPool: pool(`http://127.0.0.1:${port}`),
    floorPool: pool(floorUrl),
    sandboxPool: pool(sandboxUrl),
  };
  return {
    ...{ gateway, floor, collector, adminUrl, sandboxUrl, command, folder, ...pools },
    async stop() {
      await Promise.all(Object.values(pools).map((each) => each.destroy()));
      await stop();
    },
  };
}

/** The shipped configuration; only the demo shop's limit of calls per minute, which would end every measurement, is lifted. */
async function writeConfig(root: string, folder: string, edit = (yaml: string): string => yaml): Promise<string> {
  const config = join(folder, 'config');
  await mkdir(config);
  const path = join(config, 'gateway.yaml');
  await writeFile(path, edit(await readFile(join(root, 'config/gateway.yaml'), 'utf8')));
  const merchants = await readFile(join(root, 'config/merchants.yaml'), 'utf8');
  const lifted = merchants.replace(/per_minute: \d+/, 'per_minute: null');
  if (lifted === merchants) throw new Error('config/merchants.yaml: no per_minute found to lift for the bench');
  await writeFile(join(config, 'merchants.yaml'), lifted);
  return path;
}
