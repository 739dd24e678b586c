import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EphemeralState } from '../../src/ephemeral/index.ts';

/** One adapter, empty, with the clock that it lives by. An adapter on real time passes it in `advance`. */
export interface EphemeralHarness {
  readonly state: EphemeralState;
  now(): number;
  advance(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

/** What every adapter of `EphemeralState` does. */
export function describeEphemeralContract(name: string, open: () => Promise<EphemeralHarness>): void {
  describe(`${name} as ephemeral state`, () => {
    let harness: EphemeralHarness;
    let state: EphemeralState;

    beforeEach(async () => {
      harness = await open();
      state = harness.state;
    });

    afterEach(() => harness.dispose());

    describe('a limit', () => {
      test('lets its number of hits through and refuses the next', async () => {
        const answers = [];
        for (let i = 0; i < 4; i += 1) answers.push(await state.hit('ip/192.0.2.1', 3, 1_000));
        expect(answers.map((a) => a.allowed)).toEqual([true, true, true, false]);
      });

      test('tells a refused caller how long to wait, and nobody else', async () => {
        expect((await state.hit('k', 1, 1_000)).retryAfterMs).toBe(0);
        const refused = await state.hit('k', 1, 1_000);
        expect(refused.retryAfterMs).toBeGreaterThan(0);
        expect(refused.retryAfterMs).toBeLessThanOrEqual(1_000);
      });

      test('starts its window at the first hit and lets hits through again when that is over', async () => {
        await state.hit('k', 1, 1_000);
        const { retryAfterMs } = await state.hit('k', 1, 1_000);
        await harness.advance(retryAfterMs);
        expect((await state.hit('k', 1, 1_000)).allowed).toBe(true);
        expect((await state.hit('k', 1, 1_000)).allowed).toBe(false);
      });

      test('is not prolonged by refused hits', async () => {
        await state.hit('k', 1, 1_000);
        await harness.advance(600);
        expect((await state.hit('k', 1, 1_000)).allowed).toBe(false);
        await harness.advance(400);
        expect((await state.hit('k', 1, 1_000)).allowed).toBe(true);
      });

      test('is counted for each key alone', async () => {
        await state.hit('a', 1, 1_000);
        expect((await state.hit('b', 1, 1_000)).allowed).toBe(true);
      });

      test('of zero lets nothing through', async () => {
        expect((await state.hit('k', 0, 1_000)).allowed).toBe(false);
      });

      test('lets exactly its number through when all come at once', async () => {
        const answers = await Promise.all(Array.from({ length: 50 }, () => state.hit('k', 20, 1_000)));
        expect(answers.filter((a) => a.allowed)).toHaveLength(20);
      });
    });

    describe('a sum', () => {
      test('is not there before anything was added', async () => {
        expect(await state.total('alipay-main/today')).toBeNull();
      });

      test('answers its new total at each addition and the same when asked', async () => {
        const forgetAt = harness.now() + 60_000;
        expect(await state.add('k', 250, forgetAt)).toBe(250);
        expect(await state.add('k', 1_000_000_000_000, forgetAt)).toBe(1_000_000_000_250);
        expect(await state.add('k', -250, forgetAt)).toBe(1_000_000_000_000);
        expect(await state.total('k')).toBe(1_000_000_000_000);
      });

      test('is forgotten at its time', async () => {
        await state.add('k', 250, harness.now() + 1_000);
        await harness.advance(1_000);
        expect(await state.total('k')).toBeNull();
        expect(await state.add('k', 100, harness.now() + 1_000)).toBe(100);
      });

      test('follows the latest time that it was given', async () => {
        await state.add('k', 250, harness.now() + 1_000);
        await state.add('k', 250, harness.now() + 60_000);
        await harness.advance(1_000);
        expect(await state.total('k')).toBe(500);
      });

      test('misses nothing when additions come at once', async () => {
        const forgetAt = harness.now() + 60_000;
        await Promise.all(Array.from({ length: 50 }, (_, i) => state.add('k', i, forgetAt)));
        expect(await state.total('k')).toBe(1_225);
      });

      test('is not the limit of the same name', async () => {
        await state.hit('k', 5, 1_000);
        expect(await state.total('k')).toBeNull();
      });

      test('is begun once, by whoever comes first', async () => {
        const forgetAt = harness.now() + 60_000;
        expect(await state.begin('k', 700, forgetAt)).toBe(700);
        expect(await state.addBegun('k', 50)).toBe(750);
        expect(await state.begin('k', 900, forgetAt)).toBe(750);
        expect(await state.total('k')).toBe(750);
      });

      test('that is not there takes nothing from somebody who would only follow it', async () => {
        expect(await state.addBegun('k', 50)).toBeNull();
        expect(await state.total('k')).toBeNull();
      });

      test('that was begun is forgotten at its time, whatever was added to it', async () => {
        await state.begin('k', 700, harness.now() + 1_000);
        await state.addBegun('k', 50);
        await harness.advance(1_000);
        expect(await state.total('k')).toBeNull();
      });

      test('that is dropped can be begun anew', async () => {
        const forgetAt = harness.now() + 60_000;
        await state.add('k', 50, forgetAt);
        await state.drop('k');
        expect(await state.addBegun('k', 50)).toBeNull();
        expect(await state.begin('k', 700, forgetAt)).toBe(700);
      });
    });
  });
}
