import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type ClockCheck, createClockCheck } from '../src/clock-check.ts';
import { openLink, type RedisLink } from '../src/ephemeral/redis/index.ts';
import { eventually } from './e2e/stage.ts';
import { type RedisServer, startRedis } from './services/redis.ts';

const found = inject('redis');

describe.skipIf('missing' in found)('a clock that is compared with a server', () => {
  let server: RedisServer;
  let link: RedisLink;
  let check: ClockCheck;
  let aheadMs = 0;
  const lines: [string, object][] = [];
  const now = () => Date.now() + aheadMs;

  beforeAll(async () => {
    server = await startRedis('path' in found ? found.path : '');
    const nodes = [{ host: '127.0.0.1', port: server.port }];
    link = await openLink({
      target: { nodes, cluster: false, tls: false, username: null, password: null, database: 0 },
      ...{ now: Date.now, random: Math.random },
    });
    const telemetry = {
      info: (fields: object, message: string) => void lines.push([message, fields]),
      warn: (fields: object, message: string) => void lines.push([message, fields]),
    };
    check = createClockCheck({ clocks: new Map([['redis', link.time]]), now, telemetry, everyMs: 10 });
    check.start();
  });
  afterEach(() => {
    lines.length = 0;
  });
  afterAll(async () => {
    await check.stop();
    await link.close();
    await server.stop();
  });

  const skew = () => check.skews().get('redis') ?? Number.NaN;

  test.each([5_000, -5_000])('says once that it is %d ms off, and once that it agrees again', async (offMs) => {
    await eventually(() => Math.abs(skew()) < 1_000);
    expect(lines).toEqual([]);
    aheadMs = offMs;
    await eventually(() => Math.abs(skew() - offMs) < 1_000);
    expect(Math.sign(skew())).toBe(Math.sign(offMs));
    aheadMs = 0;
    await eventually(() => lines.length > 1);
    const [off, back] = lines;
    expect(off).toEqual([
      'the clock differs from that of a server which all replicas use',
      { against: 'redis', skewMs: expect.any(Number) },
    ]);
    expect(back?.[0]).toBe('the clock agrees again');
    expect(lines).toHaveLength(2);
  });

  test('knows nothing of a server that does not answer, and says nothing of it', async () => {
    await server.kill();
    await eventually(() => check.skews().size === 0);
    expect(lines).toEqual([]);
    await server.start();
    await eventually(() => check.skews().size === 1, 10_000);
  });
});
