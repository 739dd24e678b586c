import { z } from 'zod';
import { CHECKPOINTS_MS } from './delays.ts';
import { HOURS, LEAD_CLASSES } from './demand.ts';

/** So many channels are kept; the ones that were looked at longest ago are left out. */
export const CHANNELS_MAX = 1_000;

const amount = z.number().min(0).max(1e12);
const counted = { seen: amount, fastPaid: amount, fastExposed: amount, slowPaid: amount, slowExposed: amount };
const sums = z
  .strictObject({ ...counted, slowExpected: amount.optional() })
  // Earlier versions did not keep it: as if everything had come as expected.
  .transform(({ slowExpected, ...known }) => ({ ...known, slowExpected: slowExpected ?? known.slowPaid }));
const pooledSums = z.strictObject({
  ...counted,
  opened: amount,
  gapMs: amount,
  lastAt: z.number(),
  slowExpected: amount,
});
const counts = z.strictObject({
  watched: z.array(amount).length(CHECKPOINTS_MS.length),
  paid: z.array(amount).length(CHECKPOINTS_MS.length),
});
const name = z.string().min(1).max(100);
const payments = z.strictObject({
  pooled: z.array(z.tuple([z.string().max(300), pooledSums])).max(10_000),
  delays: z.strictObject({ pool: counts, channels: z.record(name, counts) }),
  channels: z
    .array(
      z.strictObject({
        id: name,
        sums,
        pairs: z.array(
          z.strictObject({
            method: name,
            sums,
            opened: amount,
            openedAt: z.number(),
            leaves: z.array(z.strictObject({ currency: name, band: z.int().min(0).max(100), inCurrency: sums, sums })),
          }),
        ),
      }),
    )
    .max(CHANNELS_MAX),
});
const call = z.strictObject({
  channelId: name,
  method: name,
  failures: amount,
  calls: amount,
  at: z.number(),
  gapMs: amount,
  logMean: z.number().min(-10).max(20),
  logVariance: z.number().min(0).max(50),
  latencies: amount,
  lostMs: amount,
  lost: amount,
  lastCallAt: z.number(),
});
const watched = z.strictObject({
  channelId: name,
  currency: name,
  minor: z.number().min(0),
  watchedMs: amount,
  at: z.number(),
});
const ofLead = z
  .tuple([
    z
      .int()
      .min(0)
      .max(LEAD_CLASSES - 1),
    z.number().min(0),
  ])
  .readonly();
const limit = z.strictObject({
  channelId: name,
  currency: name,
  at: z.number(),
  hours: z
    .array(
      z.strictObject({
        watchedMs: amount,
        byLead: z.array(ofLead).max(LEAD_CLASSES).readonly(),
      }),
    )
    .length(HOURS)
    .readonly(),
});
/** What a snapshot has to look like to be taken up. */
export const snapshotSchema = z.strictObject({
  version: z.literal(1),
  savedAt: z.number(),
  payments,
  calls: z.array(call).max(10 * CHANNELS_MAX),
  // Earlier versions did not keep it.
  outlook: z.array(watched).max(10_000).readonly().default([]),
  limits: z.array(limit).max(10_000).readonly().default([]),
});

export type PaymentSnapshot = z.infer<typeof payments>;
export type CallSnapshot = z.infer<typeof call>;
export type Snapshot = z.input<typeof snapshotSchema>;
