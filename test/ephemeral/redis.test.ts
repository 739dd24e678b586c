import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { readRedisUrl } from '../../src/config/index.ts';
import { createRedisEphemeral, openLink } from '../../src/ephemeral/redis/index.ts';
import { describeEphemeralContract } from '../contract/ephemeral-suite.ts';
import { type RedisServer, rawClient, startRedis } from '../services/redis.ts';

const found = inject('redis');

describe.skipIf('missing' in found)('on a real server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis('path' in found ? found.path : '');
  });
  afterAll(() => server.stop());

  describeEphemeralContract('Redis', async () => {
    const target = readRedisUrl(server.url);
    if (!target.ok) throw new Error(target.error);
    const raw = rawClient(server);
    await raw.flushall();
    raw.disconnect();
    // What a slow machine makes of the usual time-out is no part of the contract.
    const link = await openLink({ target: target.value, now: Date.now, random: Math.random, timeoutMs: 5_000 });
    const state = createRedisEphemeral(link, Date.now);
    return {
      state,
      now: Date.now,
      // Redis ends what it keeps at a whole millisecond of its own.
      advance: (ms) => pause(ms + 3),
      dispose: () => state.close(),
    };
  });
});
