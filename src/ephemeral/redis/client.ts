import { Cluster, Redis } from 'ioredis';
import type { RedisTarget } from '../port.ts';
import { SCRIPTS } from './scripts.ts';

export type Client = Redis | Cluster;

/** How long a new connection may take, with the greeting, TLS and in a cluster the map of its nodes. */
const CONNECT_MS = 1_000;

/**
 * A connection that is made once: when it ends nothing is resent and nothing queued, since a request that waits for Redis would
 * make a buyer wait. Whoever holds it opens another.
 */
export async function connect(target: RedisTarget): Promise<Client> {
  const client = open(target);
  let told: unknown;
  // Without a listener ioredis writes to the console; and it says here why it could not connect.
  client.on('error', (error) => {
    told ??= error;
  });
  try {
    await within(CONNECT_MS, client.connect());
    if (client instanceof Cluster) await reachMasters(client);
    return client;
  } catch (thrown) {
    client.disconnect();
    throw told ?? thrown;
  }
}

/**
 * ioredis connects to a master with the first command for it, and has what comes meanwhile wait for 100 ms, which is most of what a request may
 * take. A master that does not answer is left to whoever asks for one of its keys.
 */
async function reachMasters(cluster: Cluster): Promise<void> {
  const asked = cluster.nodes('master').map((node) => node.ping());
  await within(CONNECT_MS, Promise.allSettled(asked)).catch(() => {});
}

function open({ nodes, cluster, tls, username, password, database }: RedisTarget): Client {
  const shared = {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    ...{ connectTimeout: CONNECT_MS, maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false },
    ...{ disableClientInfo: true, connectionName: 'switchyard' },
  };
  const once = { lazyConnect: true, enableOfflineQueue: false, scripts: SCRIPTS };
  if (cluster) {
    return new Cluster([...nodes], { ...once, clusterRetryStrategy: () => null, redisOptions: shared });
  }
  const [node = { host: '127.0.0.1', port: 6379 }] = nodes;
  return new Redis({ ...shared, ...once, ...node, db: database, retryStrategy: () => null });
}

/** The answer, or an error when it takes longer. What this process has slept through itself does not count as waiting. */
export function within<T>(ms: number, asked: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error(`no answer within ${ms} ms`));
    // An answer that lies in the socket is read before the immediate runs.
    const timer = setTimeout(() => setImmediate(late), ms);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
