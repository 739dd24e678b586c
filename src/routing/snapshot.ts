import type { EpochMs } from '../payment/index.ts';
import type { LimitPrices } from './limit-price.ts';
import type { PaymentStage } from './payment-stage.ts';
import { CHANNELS_MAX, type Snapshot, snapshotSchema } from './snapshot-schema.ts';
import type { TechnicalStage } from './technical-stage.ts';
import type { Outlook } from './tier-outlook.ts';

/** Whatever a restart must not forget. */
interface Stages {
  readonly payments: PaymentStage;
  readonly technical: TechnicalStage;
  readonly outlook: Outlook;
  readonly prices: LimitPrices;
}

/** Knowledge that is older than this is worth less than the priors. */
const AGE_MS_MAX = 7 * 24 * 3_600_000;

/** What a restart must not forget, as text. Breakers, orders under way, paces and budgets are left out: they pass by themselves. */
export function writeSnapshot(stages: Stages, now: EpochMs): string {
  const snapshot: Snapshot = {
    version: 1,
    savedAt: now,
    payments: stages.payments.snapshot(CHANNELS_MAX, now),
    calls: stages.technical.snapshot(10 * CHANNELS_MAX),
    outlook: stages.outlook.snapshot(),
    limits: stages.prices.snapshot(now),
  };
  return JSON.stringify(snapshot);
}

/**
 * Takes an earlier snapshot up again.
 * @returns why it was left alone, or null when it was taken
 */
export function readSnapshot(stages: Stages, text: string, now: EpochMs): 'damaged' | 'too_old' | null {
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
  stages.outlook.restore(parsed.data.outlook);
  stages.prices.restore(parsed.data.limits);
  return null;
}
