import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ChannelAdapter, Provider } from '../src/channel/index.ts';
import { type ConfiguredChannel, loadConfig } from '../src/config/index.ts';
import { createLiveChannels } from '../src/live-channels.ts';
import { ok } from '../src/payment/index.ts';
import { aProvider, GATEWAY, MERCHANTS } from './config/builders.ts';

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }));
afterEach(() => void vi.useRealTimers());

/** The configuration of `test/config`, after a change, as a list of its live channels. */
function channelsOf(change: (yaml: string) => string = (yaml) => yaml): readonly ConfiguredChannel[] {
  const texts = new Map([
    ['/gateway.yaml', change(GATEWAY)],
    ['/merchants.yaml', MERCHANTS],
  ]);
  const readFile = (path: string) => texts.get(path) ?? '';
  const loaded = loadConfig({ path: '/gateway.yaml', env: {}, providers: [aProvider()], production: false, readFile });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  return loaded.value.channels.filter(({ mode }) => mode === 'live');
}

const otherSecret = (yaml: string) => yaml.replace('dont-look-at-me-4711', 'dont-look-at-me-4712');

function openStage() {
  const opened: { readonly secret: string; disposed: boolean; finish: () => void; readonly adapter: ChannelAdapter }[] =
    [];
  let needing = 0;
  const gone: string[] = [];
  const provider: Provider = {
    ...aProvider(),
    openAdapter: (config) => {
      const { app, secret } = config as { app: string; secret: string };
      if (secret === 'cannot-be-opened') throw new Error('a library quotes cannot-be-opened');
      const call = Promise.withResolvers<void>();
      const one = {
        secret,
        disposed: false,
        finish: call.resolve,
        adapter: {
          account: app,
          query: async () => {
            await call.promise;
            return ok({ state: 'open' });
          },
          dispose: async () => {
            one.disposed = true;
          },
        } as unknown as ChannelAdapter,
      };
      for (const name of ['create', 'close', 'refund', 'queryRefund', 'parseCallback', 'probe']) {
        Object.assign(one.adapter, { [name]: async () => ok(undefined) });
      }
      opened.push(one);
      return one.adapter;
    },
  };
  const channels = createLiveChannels({
    providers: [provider],
    sandboxes: { connect: async () => ({}) },
    publicUrl: () => 'http://127.0.0.1',
    adapterPorts: { now: Date.now, randomBytes: (size) => new Uint8Array(size), record: () => {} },
    telemetry: { info: () => {}, warn: () => {} },
    needing: async () => needing,
    onGone: (id) => gone.push(id),
  });
  return {
    channels,
    opened,
    gone,
    need: (count: number) => {
      needing = count;
    },
    put: async (next: readonly ConfiguredChannel[]) => {
      const prepared = await channels.prepare(next);
      if (prepared.ok) prepared.value.commit();
      return prepared;
    },
    query: () =>
      channels
        .current()
        .get('pay-main')
        ?.adapter.query({} as never, AbortSignal.timeout(1_000_000)),
  };
}

const SECONDS = 1_000;

describe('channels of a gateway that runs', () => {
  test('keep their adapter when anything but their credentials changes', async () => {
    const stage = openStage();
    await stage.put(channelsOf());
    const before = stage.channels.current();
    await stage.put(channelsOf((yaml) => yaml.replace('weight: 100', 'weight: 5')));
    expect(stage.opened).toHaveLength(1);
    expect(stage.channels.current().get('pay-main')?.profile.weight).toBe(5);
    // Who has looked before goes on with what it saw.
    expect(before.get('pay-main')?.profile.weight).toBe(100);
  });

  test('end a call on the adapter on which it began, and close that adapter afterwards', async () => {
    const stage = openStage();
    await stage.put(channelsOf());
    const call = stage.query();
    await stage.put(channelsOf(otherSecret));
    const [old, fresh] = stage.opened;
    await vi.advanceTimersByTimeAsync(60 * SECONDS);
    expect(old?.disposed).toBe(false);
    old?.finish();
    expect(await call).toEqual(ok({ state: 'open' }));
    await vi.advanceTimersByTimeAsync(20 * SECONDS);
    expect([old?.disposed, fresh?.disposed]).toEqual([true, false]);
  });

  test('leave an adapter to whoever took it just before it was replaced, also when it had long been idle', async () => {
    const stage = openStage();
    await stage.put(channelsOf());
    await vi.advanceTimersByTimeAsync(60 * SECONDS);
    const taken = stage.channels.current().get('pay-main');
    await stage.put(channelsOf(otherSecret));
    await vi.advanceTimersByTimeAsync(5 * SECONDS);
    expect(stage.opened[0]?.disposed).toBe(false);
    const call = taken?.adapter.query({} as never, AbortSignal.timeout(1_000_000));
    stage.opened[0]?.finish();
    expect(await call).toEqual(ok({ state: 'open' }));
    await vi.advanceTimersByTimeAsync(20 * SECONDS);
    expect(stage.opened[0]?.disposed).toBe(true);
  });

  test('close a replaced adapter in the end, also when a call on it never ends', async () => {
    const stage = openStage();
    await stage.put(channelsOf());
    void stage.query();
    await stage.put(channelsOf(otherSecret));
    await vi.advanceTimersByTimeAsync(125 * SECONDS);
    expect(stage.opened.map(({ disposed }) => disposed)).toEqual([true, false]);
  });

  test('stay open when removed until no payment needs them, and take nothing new', async () => {
    const stage = openStage();
    await stage.put(channelsOf());
    stage.need(1);
    await stage.put([]);
    await vi.advanceTimersByTimeAsync(600 * SECONDS);
    expect(stage.channels.current().get('pay-main')?.profile.enabled).toBe(false);
    expect(stage.opened[0]?.disposed).toBe(false);
    stage.need(0);
    await vi.advanceTimersByTimeAsync(32 * SECONDS);
    expect([...stage.channels.current().keys()]).toEqual([]);
    expect([stage.opened[0]?.disposed, stage.gone]).toEqual([true, ['pay-main']]);
  });

  test('come back under their name as they were', async () => {
    const stage = openStage();
    await stage.put(channelsOf());
    await stage.put([]);
    await stage.put(channelsOf());
    await vi.advanceTimersByTimeAsync(600 * SECONDS);
    expect(stage.channels.current().get('pay-main')?.profile.enabled).toBe(true);
    expect(stage.opened.map(({ disposed }) => disposed)).toEqual([false]);
  });

  test('stay as they are when one of the others cannot be opened, and nothing of it is left open', async () => {
    const stage = openStage();
    await stage.put(channelsOf());
    const [first] = channelsOf();
    if (!first) throw new Error('no channel');
    const credentials = (secret: string) => ({ app: 'app-1', secret });
    const refused = await stage.put([
      { ...first, credentials: credentials('a-good-secret-4713') },
      { ...first, id: 'pay-more', credentials: credentials('cannot-be-opened') },
    ]);
    expect(refused).toMatchObject({ ok: false, error: { channelId: 'pay-more' } });
    expect(refused.ok ? '' : refused.error.message).not.toContain('cannot-be-opened');
    expect(stage.opened.map(({ secret, disposed }) => [secret, disposed])).toEqual([
      ['dont-look-at-me-4711', false],
      ['a-good-secret-4713', true],
    ]);
    expect([...stage.channels.current().keys()]).toEqual(['pay-main']);
  });

  test('do not go over to another account', async () => {
    const stage = openStage();
    await stage.put(channelsOf());
    const refused = await stage.put(channelsOf((yaml) => yaml.replace('app: app-1', 'app: app-2')));
    expect(refused).toMatchObject({ ok: false, error: { message: expect.stringContaining('another account') } });
  });
});
