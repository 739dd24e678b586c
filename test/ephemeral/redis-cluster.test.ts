import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { readRedisUrl } from '../../src/config/index.ts';
import { createMemoryEphemeral, withLocal } from '../../src/ephemeral/index.ts';
import { createRedisBoard, createRedisEphemeral, openLink, type RedisLink } from '../../src/ephemeral/redis/index.ts';
import { describeEphemeralContract } from '../contract/ephemeral-suite.ts';
import { eventually } from '../e2e/stage.ts';
import { type RedisCluster, startRedisCluster } from '../services/redis-cluster.ts';

const found = inject('redis');
const START_TIMEOUT_MS = 60_000;
/** Until the others have agreed that a node is dead, have put its replica in its place, and that was found. */
const FAILOVER_MS = 30_000;

describe.skipIf('missing' in found)('on a real cluster', () => {
  let cluster: RedisCluster;
  const links: RedisLink[] = [];

  beforeAll(async () => {
    cluster = await startRedisCluster('path' in found ? found.path : '');
  }, START_TIMEOUT_MS);
  afterEach(async () => {
    for (const link of links.splice(0)) await link.close();
  });
  afterAll(() => cluster?.stop());

  async function connected(patience: { timeoutMs?: number } = {}): Promise<RedisLink> {
    const target = readRedisUrl(cluster.url);
    if (!target.ok) throw new Error(target.error);
    const link = await openLink({ target: target.value, now: Date.now, random: Math.random, ...patience });
    links.push(link);
    return link;
  }

  const counting = (link: RedisLink) =>
    withLocal({
      ...{ shared: createRedisEphemeral(link, Date.now), local: createMemoryEphemeral({ now: Date.now }) },
      ...{ now: Date.now, onLocal: () => {} },
    });

  /** A key that this master has. */
  async function keyOn(master: number): Promise<string> {
    for (let i = 0; ; i += 1) if ((await cluster.masterOf(`switchyard:window:k${i}`)) === master) return `k${i}`;
  }

  describeEphemeralContract('a cluster of Redis', async () => {
    await cluster.empty();
    // What a slow machine makes of the usual time-out is no part of the contract.
    const state = createRedisEphemeral(await connected({ timeoutMs: 5_000 }), Date.now);
    return { state, now: Date.now, advance: (ms) => pause(ms + 3), dispose: () => state.close() };
  });

  test('replicas hear of each other and of its time, whatever master has the note', async () => {
    const [one, other] = [await connected({ timeoutMs: 5_000 }), await connected({ timeoutMs: 5_000 })];
    for (const key of ['switchyard:a', 'switchyard:b', 'switchyard:c', 'switchyard:d']) {
      const [ours, theirs] = [createRedisBoard(one, key), createRedisBoard(other, key)];
      await theirs.exchange(null);
      await ours.exchange(`told on ${key}`);
      expect(await theirs.exchange(null)).toEqual([`told on ${key}`]);
    }
    expect(Math.abs((await one.time()) - Date.now())).toBeLessThan(5_000);
  });

  test('a master dies: nobody is refused meanwhile, and its counters go on in the replica that takes its place', {
    timeout: FAILOVER_MS * 2,
  }, async () => {
    const [here, there] = [await connected(), await connected()];
    const [one, other] = [counting(here), counting(there)];
    const [dying, kept] = [await keyOn(0), await keyOn(1)];
    for (const key of [dying, kept]) for (const state of [one, other]) await state.hit(key, 10, 600_000);
    await cluster.replicated();
    await cluster.masters[0]?.kill();

    expect(await one.hit(dying, 10, 600_000)).toMatchObject({ allowed: true });
    await eventually(async () => !(await one.hit('during', 0, 600_000)).allowed && !here.state().up);
    for (const [state, link] of [
      [one, here],
      [other, there],
    ] as const) {
      await eventually(async () => {
        await state.hit('looking', 1_000_000, 600_000);
        return link.state().up && (await link.get(`switchyard:window:${dying}`)) === '2';
      }, FAILOVER_MS);
    }
    for (const key of [dying, kept]) {
      expect(await one.hit(key, 3, 600_000)).toMatchObject({ allowed: true });
      expect(await other.hit(key, 3, 600_000)).toMatchObject({ allowed: false });
    }
  });
});
