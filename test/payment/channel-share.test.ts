import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as core from '../../src/payment/index.ts';
import { type ChannelShift, channelShifts } from '../../src/payment/index.ts';
import { anyHistory, play } from './history.ts';

type Sums = { takenMinor: number; paidMinor: number; live: number };

/** What a list of shifts comes to, per channel. */
function sumsOf(shifts: readonly ChannelShift[]): Record<string, Sums> {
  const sums: Record<string, Sums> = {};
  for (const { channelId, takenMinor, paidMinor, live } of shifts) {
    const sum = sums[channelId] ?? { takenMinor: 0, paidMinor: 0, live: 0 };
    sums[channelId] = {
      takenMinor: sum.takenMinor + takenMinor,
      paidMinor: sum.paidMinor + paidMinor,
      live: sum.live + live,
    };
  }
  return Object.fromEntries(Object.entries(sums).filter(([, sum]) => Object.values(sum).some((value) => value !== 0)));
}

test('whatever happens to a payment, the shifts of its changes come to what the payment at its end counts', () => {
  fc.assert(
    fc.property(anyHistory, ({ policies, moves }) => {
      const steps = play(core, moves, { policies });
      const shifts = steps.flatMap(({ before, after }) => channelShifts(before, after));
      const end = steps.at(-1)?.after;
      expect(sumsOf(shifts)).toEqual(end ? sumsOf(channelShifts(null, end)) : {});
    }),
  );
});

test('nothing is ever taken or live below zero, and what is paid was taken', () => {
  fc.assert(
    fc.property(anyHistory, ({ policies, moves }) => {
      for (const { after } of play(core, moves, { policies })) {
        for (const sum of Object.values(sumsOf(channelShifts(null, after)))) {
          expect(Math.min(sum.takenMinor, sum.paidMinor, sum.live)).toBeGreaterThanOrEqual(0);
          expect(sum.takenMinor).toBeGreaterThanOrEqual(sum.paidMinor);
        }
      }
    }),
  );
});
