import { randomBytes } from 'node:crypto';
import { startMongo } from '../test/services/mongo.ts';
import { findOrInstall } from '../test/services/program.ts';
import { startRedis } from '../test/services/redis.ts';

type ClusterEnv = Readonly<Record<'MONGO_URL' | 'REDIS_URL' | 'MASTER_KEY', string>>;

/** A database and a Redis for gateways that share both. */
export interface ClusterServers {
  /** Which database server it is, for the report. */
  readonly database: string;
  readonly mongoUrl: string;
  /** The variables that a gateway takes to work on `database` (a name of this run's own) and on the Redis database of that number. */
  envOf(database: string, redisNo: number): ClusterEnv;
  stop(): Promise<void>;
}

const REDIS = {
  ...{ name: 'Redis', variable: 'REDIS_SERVER', commands: ['redis-server'] },
  ...{ packages: ['redis-server'], services: ['redis-server.service'] },
};

/** The server of TEST_MONGO_URL, or else the FerretDB that the tests build; the redis-server of REDIS_SERVER or the PATH. Or why not. */
export async function startClusterServers(): Promise<ClusterServers | { readonly missing: string }> {
  const program = findOrInstall(REDIS);
  if ('missing' in program) return program;
  const mongo = await startMongo();
  if ('missing' in mongo) return mongo;
  const redis = await startRedis(program.path);
  const run = randomBytes(4).toString('hex');
  const masterKey = randomBytes(32).toString('base64');
  return {
    mongoUrl: mongo.url,
    database: process.env.TEST_MONGO_URL === undefined ? 'FerretDB' : 'TEST_MONGO_URL',
    envOf: (database, redisNo) => ({
      MONGO_URL: `${mongo.url}/bench_${run}_${database}`,
      REDIS_URL: `${redis.url}/${redisNo}`,
      MASTER_KEY: masterKey,
    }),
    stop: async () => {
      await redis.stop();
      await mongo.stop();
    },
  };
}
