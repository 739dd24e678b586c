import { type Candidate, type EpochMs, type ExclusionReason, whyExcluded } from '../payment/index.ts';
import {
  type ChannelProfile,
  DEFAULT_ZONE,
  maintenanceAt,
  maintenanceEnd,
  periodAt,
  type Ranking,
} from '../routing/index.ts';
import { type GatewayError, gatewayError } from './errors.ts';
import { minuteEnd } from './limits.ts';
import type { Channel } from './ports.ts';

/** When everything is out, a shop's next try is worth it about when a breaker lets its first probe through. */
const RETRY_AFTER_S = 5;
/**
 * Nobody is sent away for longer: a daily limit gets back the room of orders that expire unpaid, of which most do within this time, and
 * an admin may change what is in the way.
 */
const RETRY_AFTER_MAX_S = 900;
/** A refusal names the exclusions of this many channels; a shop's developer needs a hint, not the whole ranking. */
const REASONS_NAMED_MAX = 8;

export type Judged = Pick<Candidate, 'channelId' | 'excluded' | 'rule'>;

/** What stands against a channel until the request or the configuration is another one; a rule may hold by the hour. */
const LASTING: ReadonlySet<ExclusionReason> = new Set([
  ...(['disabled', 'draining', 'merchant', 'method', 'currency', 'scene', 'customer_ip_missing'] as const),
  ...(['amount_below_min', 'amount_above_max', 'pinned_elsewhere'] as const),
]);

/**
 * Nobody takes the payment; the detail names what stands against each channel, as far as there is room.
 * @param waitMs  for how long a repeat is in vain
 */
export function exhausted(candidates: readonly Judged[] = [], waitMs = RETRY_AFTER_S * 1_000): GatewayError {
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
    isHopeless ? RETRY_AFTER_MAX_S : Math.min(RETRY_AFTER_MAX_S, Math.max(1, Math.ceil(waitMs / 1_000))),
  );
}

/** The same for a request that was repeated before its next attempt is due. */
export function tooSoon(pauseMs: number): GatewayError {
  return exhausted([], Math.max(RETRY_AFTER_S * 1_000, pauseMs));
}

/** The same for a choice that came to nothing; a repeat is worth it once the first of the channels may be free. */
export function nobodyOf(
  { exclusions, decidedAt }: Pick<Ranking, 'exclusions' | 'decidedAt'>,
  channels: ReadonlyMap<string, Channel>,
): GatewayError {
  const waitsMs = exclusions.flatMap(({ channelId, excluded }) => {
    const profile = channels.get(channelId)?.profile;
    if (!profile || excluded === null || LASTING.has(excluded)) return [];
    return [waitOf(excluded, profile, decidedAt)];
  });
  const sorted = exclusions.toSorted((a, b) => (a.channelId < b.channelId ? -1 : 1));
  return exhausted(sorted, waitsMs.length === 0 ? undefined : Math.min(...waitsMs));
}

/** How long an exclusion lasts from now, in ms; a guess where no clock says so. */
function waitOf(excluded: ExclusionReason, profile: ChannelProfile, now: EpochMs): number {
  const { timezone = DEFAULT_ZONE, maintenance = [] } = profile;
  switch (excluded) {
    case 'daily_limit':
      return periodAt('day', timezone, now).end - now;
    case 'rate_limit':
      return minuteEnd(now) - now;
    case 'maintenance': {
      const window = maintenanceAt(maintenance, now);
      return window === null ? 0 : maintenanceEnd(window, now) - now;
    }
    default:
      return RETRY_AFTER_S * 1_000;
  }
}
