import { freePorts } from '../../bench/processes.ts';
import { eventually } from '../e2e/stage.ts';
import { type RedisServer, rawClient, startRedis } from './redis.ts';

/** Three masters that share the slots, and a replica of the first one, which takes its place when it dies. */
export interface RedisCluster {
  readonly masters: readonly RedisServer[];
  readonly url: string;
  /** Which master has this key, while none has died. */
  masterOf(key: string): Promise<number>;
  /** Returns when the replica of the first master has what was written so far. */
  replicated(): Promise<void>;
  empty(): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
/** After so long without an answer a node is taken for dead. */
const NODE_TIMEOUT_MS = 1_500;
const PATIENCE_MS = 15_000;

export async function startRedisCluster(program: string): Promise<RedisCluster> {
  const busPorts = await freePorts(4);
  const nodes = await Promise.all(
    busPorts.map((busPort) => {
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
      return startRedis(program, [...cluster, '--cluster-node-timeout', String(NODE_TIMEOUT_MS)]);
    }),
  );
  const clients = nodes.map(rawClient);
  const ask = (node: number, ...command: readonly [string, ...string[]]): Promise<unknown> => {
    const [name, ...given] = command;
    const client = clients[node];
    if (client === undefined) throw new Error(`no node ${node}`);
    return client.call(name, ...given);
  };
  const info = async (node: number): Promise<string> => String(await ask(node, 'CLUSTER', 'INFO'));
  const share = (node: number): number => Math.floor((SLOTS * node) / 3);
  for (const node of [0, 1, 2]) {
    await ask(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(node + 1));
    await ask(node, 'CLUSTER', 'ADDSLOTSRANGE', String(share(node)), String(share(node + 1) - 1));
  }
  for (const node of [1, 2, 3])
    await ask(0, 'CLUSTER', 'MEET', '127.0.0.1', String(nodes[node]?.port), String(busPorts[node]));
  const joined = async (node: number): Promise<boolean> =>
    /cluster_state:ok[\s\S]*cluster_known_nodes:4/.test(await info(node));
  for (const node of [0, 1, 2, 3]) await eventually(() => joined(node), PATIENCE_MS);
  await ask(3, 'CLUSTER', 'REPLICATE', String(await ask(0, 'CLUSTER', 'MYID')));
  await eventually(async () => /master_link_status:up/.test(String(await ask(3, 'INFO', 'replication'))), PATIENCE_MS);

  const masters = nodes.slice(0, 3);
  return {
    masters,
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masterOf: async (key) => {
      const slot = Number(await ask(1, 'CLUSTER', 'KEYSLOT', key));
      return [0, 1, 2].findLast((node) => share(node) <= slot) ?? 0;
    },
    replicated: async () => void (await eventually(async () => (await ask(0, 'WAIT', '1', '100')) === 1, PATIENCE_MS)),
    empty: async () => {
      for (const node of [0, 1, 2]) await ask(node, 'FLUSHALL');
    },
    stop: async () => {
      for (const client of clients) client.disconnect();
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}
