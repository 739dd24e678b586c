import { afterEach, describe, expect, test } from 'vitest';
import { refuses } from './scripted-channel.ts';
import { attemptOf, attemptsOf, MINUTE, openStage, SECOND, type Stage, type StageOptions } from './stage.ts';

let stage: Stage<'a' | 'b'>;
afterEach(() => stage.stop());

const QUICK = { failureRate: 0.5, minRequests: 2, windowMs: 10_000, openForMs: 1_000 };

async function open(options: Partial<StageOptions<'a' | 'b'>> = {}): Promise<void> {
  stage = await openStage({ channels: { a: { breaker: QUICK }, b: {} }, running: true, ...options });
}

const waits = (ms: number) => stage.drive(new Promise((resolve) => setTimeout(resolve, ms)));
/** The breaker of `create` goes by the clock, not by timers. */
const passing = () => {
  stage.clock.advance(50);
  return true;
};
const firstChoice = async () => (await stage.gateway.quote(stage.merchant, QUOTE)).channelId;
const QUOTE = { amount: { minor: 1_000, currency: 'CNY' }, methods: [], scene: 'qr' as const, pinnedChannelId: null };

describe('a channel whose breaker is open', () => {
  test('gets a payment again after a good probe, and no buyer is used while even probes fail', async () => {
    await open();
    stage.channels.a.always('create', refuses('CHANNEL_UNAVAILABLE'));
    stage.channels.a.always('probe', refuses('CHANNEL_UNAVAILABLE'));
    for (let i = 0; i < 6; i += 1) await stage.open();
    const asked = stage.channels.a.count('create');
    expect(await firstChoice()).toBe('b');
    stage.channels.a.always('create', null);
    stage.channels.a.always('probe', null);
    await stage.until(async () => passing() && (await firstChoice()) === 'a');
    expect(stage.channels.a.count('create')).toBe(asked);
    expect(attemptsOf(await stage.open())).toEqual(['a open']);
  });

  test('stays open while its probes fail, also when they fail for want of a right key', async () => {
    await open();
    stage.channels.a.next('create', refuses('AUTH_MISCONFIGURED'));
    await stage.open();
    stage.channels.a.always('probe', refuses('AUTH_MISCONFIGURED'));
    const probes = stage.channels.a.count('probe');
    await stage.until(() => passing() && stage.channels.a.count('probe') >= probes + 3);
    expect(await firstChoice()).toBe('b');
    stage.channels.a.always('probe', null);
    await stage.until(async () => passing() && (await firstChoice()) === 'a');
  });

  test('gets ever fewer payments while its account is frozen, although its probes are good', async () => {
    await open();
    stage.channels.a.always('create', refuses('AUTH_MISCONFIGURED'));
    for (let i = 0; i < 400; i += 1) {
      stage.clock.advance(100);
      await stage.open();
    }
    expect(stage.channels.a.count('probe')).toBeGreaterThan(20);
    expect(stage.channels.a.count('create')).toBeLessThan(14);
    stage.channels.a.always('create', null);
    await stage.until(async () => {
      passing();
      await stage.open();
      return (await firstChoice()) === 'a';
    });
  });

  test('that is disabled is not probed', async () => {
    await open({ channels: { a: { enabled: false }, b: {} } });
    await waits(2_000);
    expect(stage.channels.a.count('probe')).toBe(0);
    expect(stage.channels.b.count('probe')).toBeGreaterThan(0);
  });
});

describe('an open breaker of query or close', () => {
  test('leaves no payment stuck: it is asked again, and closes when the channel is back', async () => {
    await open();
    const payments = [await stage.open(), await stage.open(), await stage.open()];
    stage.channels.a.always('query', refuses('CHANNEL_UNAVAILABLE'));
    stage.channels.a.always('close', refuses('CHANNEL_UNAVAILABLE'));
    await stage.elapse(15 * MINUTE);
    await stage.elapse(5 * SECOND);
    const reached = stage.channels.a.count('close');
    await stage.elapse(15 * SECOND);
    expect(stage.channels.a.count('close')).toBeLessThan(reached + payments.length);
    for (const { id } of payments) {
      const waiting = await stage.read(id);
      expect(attemptsOf(waiting)).toEqual(['a open']);
      expect(waiting.nextDueAt).toBeGreaterThan(stage.clock.now());
    }
    stage.channels.a.always('query', null);
    stage.channels.a.always('close', null);
    await waits(2 * QUICK.openForMs);
    await stage.elapse(10 * MINUTE);
    await waits(2 * QUICK.openForMs);
    await stage.elapse(10 * MINUTE);
    for (const { id } of payments) expect(await stage.read(id)).toMatchObject({ status: 'closed', nextDueAt: null });
  });

  test('does not keep the channel from new payments', async () => {
    await open();
    await stage.open();
    stage.channels.a.always('query', refuses('CHANNEL_UNAVAILABLE'));
    for (const ms of [5, 10, 15, 30].map((s) => s * SECOND)) await stage.elapse(ms);
    expect(attemptOf(await stage.open(), 1).channelId).toBe('a');
  });
});
