import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { createMemoryEphemeral, type EphemeralState, withLocal } from '../../src/ephemeral/index.ts';
import { createRedisEphemeral, type LinkState, openLink, type RedisLink } from '../../src/ephemeral/redis/index.ts';
import { type BreakableProxy, startProxy } from '../services/breakable-proxy.ts';
import { type RedisServer, rawClient, startRedis } from '../services/redis.ts';

const found = inject('redis');
/** Far above the time-out of a request, and far below what a hanging one would take. */
const SOON_MS = 5_000;
const DAY_MS = 24 * 3_600_000;

interface Replica {
  readonly state: EphemeralState;
  readonly link: RedisLink;
  readonly told: LinkState[];
  /** How often it was answered from its own state. */
  fallbacks(): number;
}

describe.skipIf('missing' in found)('a replica that loses Redis', () => {
  let server: RedisServer;
  let proxy: BreakableProxy;
  let open: Replica[] = [];

  beforeAll(async () => {
    server = await startRedis('path' in found ? found.path : '');
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const raw = rawClient(server);
    await raw.flushall();
    raw.disconnect();
    proxy = await startProxy(server.port);
  });
  afterEach(async () => {
    for (const { state } of open) await state.close();
    open = [];
    await proxy.stop();
  });

  async function replica(port = proxy.port, auth: { readonly password: string } | null = null): Promise<Replica> {
    const told: LinkState[] = [];
    let fallbacks = 0;
    const nodes = [{ host: '127.0.0.1', port }];
    const link = await openLink({
      target: { nodes, cluster: false, tls: false, username: null, password: auth?.password ?? null, database: 0 },
      now: Date.now,
      random: Math.random,
      onChange: (state) => told.push(state),
    });
    const state = withLocal({
      shared: createRedisEphemeral(link, Date.now),
      local: createMemoryEphemeral({ now: Date.now }),
      now: Date.now,
      onLocal: () => {
        fallbacks += 1;
      },
    });
    const one: Replica = { state, link, told, fallbacks: () => fallbacks };
    open.push(one);
    return one;
  }

  const untilUp = ({ link }: Replica) =>
    vi.waitFor(() => expect(link.state().up).toBe(true), { timeout: SOON_MS, interval: 10 });

  test('counts by itself when the server is killed, and with the others again when it is back, without its scripts', async () => {
    const one = await replica();
    expect(one.told.map(({ up }) => up)).toEqual([true]);
    await one.state.hit('k', 2, 60_000);
    await server.kill();
    const answers = [];
    for (let i = 0; i < 3; i += 1) answers.push(await one.state.hit('k', 2, 60_000));
    expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, false]);
    expect(one.link.state()).toMatchObject({ up: false, reason: expect.any(String) });
    await server.start();
    await untilUp(one);
    const other = await replica();
    expect((await one.state.hit('k', 1, 60_000)).allowed).toBe(true);
    expect((await other.state.hit('k', 1, 60_000)).allowed).toBe(false);
    expect(one.told.map(({ up }) => up)).toEqual([true, false, true]);
  });

  test.each([
    ['a paused server', () => server.pause(), () => server.resume()],
    ['a network that swallows everything', () => proxy.swallow(), () => proxy.pass()],
  ])('waits for %s once and not at every request, and goes back to it', async (_, breaks, mends) => {
    const one = await replica();
    breaks();
    await one.state.hit('k', 1_000, 60_000);
    expect(one.link.state()).toMatchObject({ up: false, reason: 'no answer within 150 ms' });
    // With a wait of 150 ms for each the test would end in its time-out.
    for (let i = 0; i < 500; i += 1) await one.state.hit('k', 1_000, 60_000);
    expect(one.fallbacks()).toBe(501);
    mends();
    await untilUp(one);
    await one.state.hit('k', 1_000, 60_000);
    expect(one.fallbacks()).toBe(501);
  });

  test('notices at once that its connection was cut, and makes another', async () => {
    const one = await replica();
    proxy.cut();
    await vi.waitFor(() => expect(one.told.map(({ up }) => up)).toEqual([true, false, true]), { timeout: SOON_MS });
    expect(proxy.connections()).toBe(2);
  });

  test('does not take a server that only reads for one that is there', async () => {
    const one = await replica(server.port);
    const raw = rawClient(server);
    await raw.replicaof('127.0.0.1', '1');
    await one.state.hit('k', 1, 60_000);
    expect(one.link.state()).toMatchObject({ up: false, reason: expect.stringContaining('READONLY') });
    await raw.replicaof('NO', 'ONE');
    raw.disconnect();
    await untilUp(one);
  });

  test('starts without it, and never tells the password', async () => {
    await server.kill();
    const one = await replica(server.port);
    expect(one.told).toMatchObject([{ up: false, reason: expect.stringContaining('ECONNREFUSED') }]);
    expect((await one.state.hit('k', 1, 60_000)).allowed).toBe(true);
    await server.start();
    await untilUp(one);
    const wrong = await replica(server.port, { password: 'hunter2-4711' });
    expect(JSON.stringify([wrong.told, wrong.link.state()])).not.toContain('4711');
  });

  test('has a sum that missed something of its own begun again, and leaves the others alone', async () => {
    const [one, other] = [await replica(), await replica(server.port)];
    const forgetAt = Date.now() + DAY_MS;
    for (const key of ['touched', 'untouched']) await one.state.begin(key, 100, forgetAt);
    proxy.swallow();
    // Lost on the way: the caller asks the store and goes on by itself.
    expect(await one.state.addBegun('touched', 10)).toBeNull();
    expect(await one.state.begin('touched', 110, forgetAt)).toBe(110);
    expect(await one.state.addBegun('touched', 5)).toBe(115);
    expect(await other.state.addBegun('untouched', 7)).toBe(107);
    proxy.pass();
    await untilUp(one);
    expect(await one.state.total('touched')).toBeNull();
    expect(await one.state.begin('touched', 130, forgetAt)).toBe(130);
    expect(await other.state.addBegun('touched', 1)).toBe(131);
    expect(await one.state.addBegun('untouched', 1)).toBe(108);
  });
});
