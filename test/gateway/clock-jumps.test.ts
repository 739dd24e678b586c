import { afterEach, expect, test } from 'vitest';
import { refuses } from './scripted-channel.ts';
import { attemptsOf, HOUR, openStage, SECOND, type Stage } from './stage.ts';

const QUOTE = { amount: { minor: 1_000, currency: 'CNY' }, methods: [], scene: 'qr' as const, pinnedChannelId: null };

let stage: Stage<'a' | 'b'>;
afterEach(() => stage.stop());

const firstChoice = async () => (await stage.gateway.quote(stage.merchant, QUOTE)).channelId;
const waits = (ms: number) => stage.drive(new Promise((resolve) => setTimeout(resolve, ms)));

test('a pause that a provider asked for ends with the clock that it was counted by', async () => {
  stage = await openStage({ channels: { a: {}, b: {} } });
  stage.channels.a.next('create', refuses('RATE_LIMITED'));
  await stage.open();
  expect(await firstChoice()).toBe('b');
  stage.clock.advance(-HOUR);
  expect(await firstChoice()).toBe('a');
});

test('a channel that nobody calls is still probed after the clock was set back, and no more often than before', async () => {
  stage = await openStage({ channels: { a: {}, b: {} }, running: true });
  const probesIn = async (ms: number): Promise<number> => {
    const before = stage.channels.a.count('probe');
    for (let passed = 0; passed < ms; passed += SECOND) {
      stage.clock.advance(SECOND);
      await waits(SECOND);
    }
    return stage.channels.a.count('probe') - before;
  };
  stage.channels.a.next('probe', refuses('CHANNEL_UNAVAILABLE'));
  await probesIn(20 * SECOND);
  const usual = await probesIn(30 * SECOND);
  stage.clock.advance(-HOUR);
  const afterwards = await probesIn(30 * SECOND);
  expect(usual).toBeGreaterThan(5);
  expect(afterwards).toBeGreaterThan(5);
  expect(afterwards).toBeLessThan(usual + 5);
});

test.each([
  ['ahead', HOUR],
  ['back', -HOUR],
])('a clock that is set %s during a call teaches routing no latency that never was', async (_, ms) => {
  stage = await openStage({ channels: { a: {}, b: {} } });
  stage.channels.a.next('create', (honest) => {
    stage.clock.advance(ms);
    return honest();
  });
  await stage.open();
  const { candidates } = await stage.gateway.quote(stage.merchant, QUOTE);
  const believed = candidates.find(({ channelId }) => channelId === 'a')?.latencyMs ?? Number.NaN;
  expect(believed).toBeGreaterThanOrEqual(0);
  expect(believed).toBeLessThan(10 * SECOND);
});

test('a create that died with its process goes on at the repeat, also when the clock was set back before the restart', async () => {
  stage = await openStage({ channels: { a: {}, b: {} }, alone: true });
  const dying = Promise.withResolvers<Stage<'a' | 'b'>>();
  stage.channels.a.next('create', (honest) => {
    const answer = honest();
    stage.clock.advance(-HOUR);
    dying.resolve(stage.crash());
    return answer;
  });
  await expect(stage.create({ merchantOrderNo: 'cut off' })).rejects.toThrow('update');
  stage = await dying.promise;
  stage.clock.advance(SECOND);
  expect(attemptsOf(await stage.open({ merchantOrderNo: 'cut off' }))).toEqual(['a closed', 'a open']);
});
