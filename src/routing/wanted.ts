import type { Judged } from './judged.ts';
import type { Arranged } from './rules.ts';
import { feeLeft, type Pull } from './score.ts';
import { feeMinorAtLast } from './tier-outlook.ts';
import type { RoutingRequest, Wanted } from './types.ts';

/**
 * Who would get the payment in the last of its fee tiers, and who if its daily limit had no end: the leader, and whoever would lead then of
 * those that rules leave the first place to. Not who does get it: a tier that nobody counts on is never reached, and a limit that is spared
 * is no less wanted.
 */
export function wantedBy({ contenders }: Arranged<Judged>, { amount }: RoutingRequest, pull: Pull): readonly Wanted[] {
  const wanted: Wanted[] = [];
  const [leader] = contenders;
  for (const one of contenders) {
    const { tiers, limitPrice } = one.view;
    if (!tiers && limitPrice === undefined) continue;
    const { technicalRatio, paymentRatio } = one.estimate;
    const known = { channelId: one.id, currency: amount.currency, minor: amount.minor * technicalRatio * paymentRatio };
    const otherScore = bestScoreBut(one, contenders);
    if (tiers && (one === leader || scoreAtLast(one, amount.minor, pull) >= otherScore)) {
      wanted.push({ ...known, lead: null });
    }
    const unpriced = one.score / (1 - (limitPrice ?? 0));
    if (limitPrice !== undefined && (one === leader || unpriced >= otherScore)) {
      wanted.push({ ...known, lead: Math.max(0, 1 - otherScore / unpriced) || 0 });
    }
  }
  return wanted;
}

/** Best first, but for the one that may have kept its place. */
function bestScoreBut(one: Judged, contenders: readonly Judged[]): number {
  let best = 0;
  for (const other of contenders.slice(0, 3)) if (other !== one) best = Math.max(best, other.score);
  return best;
}

function scoreAtLast({ score, countedFeeMinor, view }: Judged, amountMinor: number, pull: Pull): number {
  const lastMinor = feeMinorAtLast(view.profile.fee, amountMinor);
  return (score * feeLeft(lastMinor, amountMinor, pull)) / feeLeft(countedFeeMinor, amountMinor, pull);
}
