import type { EpochMs } from '../payment/index.ts';
import { createChance } from './chance.ts';
import { compare } from './compare.ts';
import { createReplay } from './replay.ts';
import type { RecordedFigures, TrafficSource, WhatIfReport } from './report.ts';
import type { Order, Setup, World } from './types.ts';

export interface WhatIf {
  readonly live: Setup;
  readonly proposed: Setup;
  readonly world: World;
  readonly seed: number;
  /** In the order of time. */
  readonly orders: Iterable<Order>;
  /** Earlier orders only warm the routers up. */
  readonly countsFrom: EpochMs;
  readonly startsAt: EpochMs;
  readonly countsFor: number;
  /** What was paid over a channel in a period of its fee tiers before `startsAt`; minor units. */
  readonly paidBefore: (channelId: string, currency: string, periodStart: EpochMs) => number;
  /** Told when all orders have been seen. */
  readonly traffic: (counted: number) => TrafficSource;
  readonly recorded: RecordedFigures | null;
}

/** Routes the same payments under both configurations and says what differs. The same arguments give the same report. */
export function whatIf(question: WhatIf): WhatIfReport {
  const { live, proposed, world, seed, orders, countsFrom, startsAt, countsFor, paidBefore, traffic, recorded } =
    question;
  const chance = createChance(seed);
  const [before, after] = [live, proposed].map((setup) =>
    createReplay({ setup, world, chance, startsAt, countsFor, paidBefore }),
  );
  if (!before || !after) throw new Error('simulation: there are two configurations');
  let counted = 0;
  for (const order of orders) {
    const counts = order.at >= countsFrom;
    if (counts) counted += 1;
    before.route(order, counts);
    after.route(order, counts);
  }
  return compare({
    ...{ live: before.tally, proposed: after.tally, world, seed, recorded },
    traffic: traffic(counted),
    channelIds: [...live.channels, ...proposed.channels].map(({ profile }) => profile.id),
  });
}
