import { z } from 'zod';
import type { EpochMs } from '../payment/index.ts';
import { CHECKPOINTS_MS } from './delays.ts';
import type { PaymentStage } from './payment-stage.ts';
import type { TechnicalStage } from './technical-stage.ts';

/** Knowledge that is older than this is worth less than the priors. */
const AGE_MS_MAX = 7 * 24 * 3_600_000;
/** So many channels are kept; the ones that were looked at longest ago are left out. */
const CHANNELS_MAX = 1_000;

const amount = z.number().min(0).max(1e12);
const sums = z.strictObject({
  seen: amount,
  fastPaid: amount,
  fastExposed: amount,
  slowPaid: amount,
  slowExposed: amount,
});
const pooledSums = z.strictObject({
  ...sums.shape,
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
const snapshotSchema = z.strictObject({
  version: z.literal(1),
  savedAt: z.number(),
  payments,
  calls: z.array(call).max(10 * CHANNELS_MAX),
});

export type PaymentSnapshot = z.infer<typeof payments>;
export type CallSnapshot = z.infer<typeof call>;
type Snapshot = z.infer<typeof snapshotSchema>;

/** What a restart must not forget, as text. Breakers, orders under way, paces and budgets are left out: they pass by themselves. */
export function writeSnapshot(stages: { payments: PaymentStage; technical: TechnicalStage }, now: EpochMs): string {
  const snapshot: Snapshot = {
    version: 1,
    savedAt: now,
    payments: stages.payments.snapshot(CHANNELS_MAX, now),
    calls: stages.technical.snapshot(10 * CHANNELS_MAX),
  };
  return JSON.stringify(snapshot);
}

/**
 * Takes an earlier snapshot up again.
 * @returns why it was left alone, or null when it was taken
 */
export function readSnapshot(
  stages: { payments: PaymentStage; technical: TechnicalStage },
  text: string,
  now: EpochMs,
): 'damaged' | 'too_old' | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'damaged';
  }
  const parsed = snapshotSchema.safeParse(value);
  if (!parsed.success) return 'damaged';
  if (Math.abs(now - parsed.data.savedAt) > AGE_MS_MAX) return 'too_old';
  stages.payments.restore(parsed.data.payments);
  stages.technical.restore(parsed.data.calls);
  return null;
}
