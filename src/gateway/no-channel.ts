import { type Candidate, type ExclusionReason, whyExcluded } from '../payment/index.ts';
import type { Ranking } from '../routing/index.ts';
import { type GatewayError, gatewayError } from './errors.ts';

/** When everything is out, a shop's next try is worth it about when a breaker lets its first probe through. */
const RETRY_AFTER_S = 5;
/** A refusal names the exclusions of this many channels; a shop's developer needs a hint, not the whole ranking. */
const REASONS_NAMED_MAX = 8;

export type Judged = Pick<Candidate, 'channelId' | 'excluded' | 'rule'>;

/** What stands against a channel until the request or the configuration is another one; a rule may hold by the hour. */
const LASTING: ReadonlySet<ExclusionReason> = new Set([
  ...(['disabled', 'draining', 'merchant', 'method', 'currency', 'scene', 'customer_ip_missing'] as const),
  ...(['amount_below_min', 'amount_above_max', 'pinned_elsewhere'] as const),
]);

/** Nobody takes the payment; the detail names what stands against each channel, as far as there is room. */
export function exhausted(candidates: readonly Judged[] = [], pauseMs = 0): GatewayError {
  const reasons = candidates.flatMap((one) => (one.excluded ? [`${one.channelId}: ${whyExcluded(one)}`] : []));
  const more = reasons.length > REASONS_NAMED_MAX ? [`${reasons.length - REASONS_NAMED_MAX} more`] : [];
  const list = [...reasons.slice(0, REASONS_NAMED_MAX), ...more].join('; ');
  const named = list && ` (${list})`;
  const isHopeless = reasons.length > 0 && candidates.every(({ excluded }) => excluded && LASTING.has(excluded));
  return gatewayError(
    'no_channel_available',
    isHopeless
      ? `No payment channel takes such a payment${named}. Waiting does not mend that: ask for another method, currency, scene or amount, or have the gateway's operator offer this one.`
      : `No payment channel can take this payment now${named}. Repeat the same request after the given time.`,
    Math.max(RETRY_AFTER_S, Math.ceil(pauseMs / 1_000)),
  );
}

/** The same for a choice that came to nothing. */
export function nobodyOf({ exclusions }: Pick<Ranking, 'exclusions'>): GatewayError {
  return exhausted(exclusions.toSorted((a, b) => (a.channelId < b.channelId ? -1 : 1)));
}
