import type { EpochMs } from '../payment/index.ts';
import type { RecordedFigures } from './report.ts';
import type { Order } from './types.ts';

interface Sum {
  capturedMinor: bigint;
  feesMinor: bigint;
}

/** Adds up what really became of recorded payments, as it was known at `knownUntil`. */
export function createRecordedFigures(knownUntil: EpochMs) {
  const channels = new Map<string, { first: number; succeeded: number }>();
  const money = new Map<string, Sum>();
  let payments = 0;
  let succeeded = 0;
  let pending = 0;
  const expired = { payments: 0, succeeded: 0 };

  function channelOf(channelId: string): { first: number; succeeded: number } {
    const known = channels.get(channelId);
    if (known) return known;
    const made = { first: 0, succeeded: 0 };
    channels.set(channelId, made);
    return made;
  }

  return {
    add({ at, expiresInMs, amount, tries }: Order): void {
      payments += 1;
      const first = tries[0];
      if (first) channelOf(first.channelId).first += 1;
      const paid = tries.find(({ outcome }) => outcome === 'paid');
      if (at + expiresInMs <= knownUntil) {
        expired.payments += 1;
        if (paid) expired.succeeded += 1;
      }
      if (!paid) {
        if (tries.some(({ answer, outcome }) => answer === 'opened' && outcome === null)) pending += 1;
        return;
      }
      succeeded += 1;
      channelOf(paid.channelId).succeeded += 1;
      const sum = money.get(amount.currency) ?? { capturedMinor: 0n, feesMinor: 0n };
      sum.capturedMinor += BigInt(amount.minor);
      sum.feesMinor += BigInt(paid.feeMinor ?? 0);
      money.set(amount.currency, sum);
    },

    figures: (): RecordedFigures => ({
      ...{ payments, succeeded, pending, expired },
      channels: [...channels]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([channel, sums]) => ({ channel, first_choices: sums.first, succeeded: sums.succeeded })),
      money: [...money]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([currency, { capturedMinor, feesMinor }]) => ({
          ...{ currency, captured: Number(capturedMinor), fees: Number(feesMinor) },
          after_fees: Number(capturedMinor - feesMinor),
        })),
    }),
  };
}
