import { describe, expect, test } from 'vitest';
import { createMemoryEphemeral } from '../../src/ephemeral/index.ts';
import { describeEphemeralContract } from '../contract/ephemeral-suite.ts';

const NEW_YEAR = Date.UTC(2026, 0, 1);

function startAt(nowMs: number, entriesMax?: number) {
  let now = nowMs;
  const clock = { now: () => now };
  const state = createMemoryEphemeral(entriesMax === undefined ? clock : { ...clock, entriesMax });
  return {
    state,
    now: clock.now,
    advance: async (ms: number) => {
      now += ms;
    },
    dispose: () => state.close(),
  };
}

describeEphemeralContract('memory', async () => startAt(NEW_YEAR));

describe('memory under a flood of keys', () => {
  const flood = async (state: ReturnType<typeof startAt>['state'], prefix: string, count: number) => {
    for (let i = 0; i < count; i += 1) await state.hit(`${prefix}/${i}`, 1, 1_000);
  };

  test('gives up windows that are over before windows that still count', async () => {
    const { state, advance } = startAt(NEW_YEAR, 100);
    await state.hit('mine', 1, 60_000);
    await flood(state, 'old', 99);
    await advance(1_000);
    await flood(state, 'new', 50);
    expect((await state.hit('mine', 1, 60_000)).allowed).toBe(false);
  });

  test('gives up what was counted longest ago when nothing is over', async () => {
    const { state } = startAt(NEW_YEAR, 100);
    await state.hit('early', 1, 60_000);
    await state.hit('busy', 1, 60_000);
    await flood(state, 'first', 98);
    await state.hit('busy', 1, 60_000);
    await flood(state, 'second', 1);
    expect((await state.hit('busy', 1, 60_000)).allowed).toBe(false);
    expect((await state.hit('early', 1, 60_000)).allowed).toBe(true);
  });

  test('keeps the sums of the channels', async () => {
    const { state } = startAt(NEW_YEAR, 100);
    await state.add('alipay-main/today', 500, NEW_YEAR + 60_000);
    await flood(state, 'ip', 1_000);
    expect(await state.total('alipay-main/today')).toBe(500);
  });
});

describe('memory when the clock is set', () => {
  const HOUR_MS = 3_600_000;

  test('back: a limit that was used up holds nobody up for longer than its window', async () => {
    const { state, advance } = startAt(NEW_YEAR);
    await state.hit('k', 1, 60_000);
    await advance(-HOUR_MS);
    expect((await state.hit('k', 1, 60_000)).allowed).toBe(true);
    const refused = await state.hit('k', 1, 60_000);
    expect(refused).toEqual({ allowed: false, retryAfterMs: 60_000 });
    await advance(60_000);
    expect((await state.hit('k', 1, 60_000)).allowed).toBe(true);
  });

  test('back by less than has passed of a window: the window ends as it would have', async () => {
    const { state, advance } = startAt(NEW_YEAR);
    await state.hit('k', 1, 60_000);
    await advance(30_000);
    await advance(-10_000);
    expect(await state.hit('k', 1, 60_000)).toEqual({ allowed: false, retryAfterMs: 40_000 });
  });

  test('back: a sum is kept', async () => {
    const { state, advance } = startAt(NEW_YEAR);
    await state.add('alipay-main/today', 500, NEW_YEAR + 60_000);
    await advance(-HOUR_MS);
    expect(await state.total('alipay-main/today')).toBe(500);
  });

  test('ahead: a window is over', async () => {
    const { state, advance } = startAt(NEW_YEAR);
    await state.hit('k', 1, 60_000);
    await advance(HOUR_MS);
    expect((await state.hit('k', 1, 60_000)).allowed).toBe(true);
  });
});
