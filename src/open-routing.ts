import type { RedisLink } from './ephemeral/redis/index.ts';
import type { BreakerSettings, Telemetry } from './gateway/index.ts';
import {
  type BreakerChange,
  type Breakers,
  createBreakers,
  createStatistics,
  type Statistics,
} from './routing/index.ts';
import { openSharedRouting, type SharedRouting } from './shared-routing.ts';
import type { Metrics } from './telemetry/index.ts';

/** The breaker of a channel that has just been removed from the configuration. */
const DEFAULT_BREAKER = { failureRate: 0.5, minRequests: 10, windowMs: 10_000, openForMs: 15_000 };

/** What routing learns by and is held back by, told to the log and to the other replicas. The caller disposes of it. */
export function openRouting(parts: {
  readonly link: RedisLink | null;
  readonly metrics: Metrics;
  readonly telemetry: Pick<Telemetry, 'info' | 'warn'>;
  readonly now: () => number;
  /** Of this process, among the replicas. */
  readonly id: string;
  readonly breakerOf: (channelId: string) => BreakerSettings | undefined;
  readonly onBreaker: (change: BreakerChange) => void;
}): { readonly statistics: Statistics; readonly breakers: Breakers; readonly shared: SharedRouting } {
  const { link, metrics, telemetry, id, now } = parts;
  const settingsOf = (channelId: string): BreakerSettings => parts.breakerOf(channelId) ?? DEFAULT_BREAKER;
  const breakerChanged = (change: BreakerChange): void => {
    parts.onBreaker(change);
    telemetry[change.state === 'closed' ? 'info' : 'warn']({ ...change }, 'breaker changed');
  };
  const statistics = createStatistics({
    settingsOf,
    onChange: (channelId, state, method) => {
      breakerChanged({ channelId, operation: 'create', state });
      shared.gateChanged(channelId, method, state);
    },
  });
  const breakers = createBreakers({
    settingsOf,
    onChange: (change) => {
      breakerChanged(change);
      shared.breakerChanged(change);
    },
  });
  const shared = openSharedRouting({ link, statistics, breakers, metrics, id, now });
  return { statistics, breakers, shared };
}
