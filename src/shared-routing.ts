import { createRedisBoard, type RedisLink } from './ephemeral/redis/index.ts';
import { type BreakerChange, type Breakers, createSharing, type Statistics } from './routing/index.ts';
import { createRoutingSync } from './routing-sync.ts';
import { addReplicasGauge, type Metrics } from './telemetry/index.ts';

export interface SharedRouting {
  /** What the gateway learns by: the others hear of it. */
  readonly statistics: Statistics;
  gateChanged(channelId: string, method: string, state: 'open' | 'closed'): void;
  breakerChanged(change: BreakerChange): void;
  start(): void;
  stop(): Promise<void>;
}

/** Breakers and statistics that follow the other replicas; as they are where there is no Redis. */
export function openSharedRouting(parts: {
  readonly link: RedisLink | null;
  readonly statistics: Statistics;
  readonly breakers: Breakers;
  readonly metrics: Metrics;
  readonly id: string;
  readonly now: () => number;
}): SharedRouting {
  const { link, statistics, breakers, metrics, id, now } = parts;
  if (link === null) {
    return { statistics, gateChanged: () => {}, breakerChanged: () => {}, start: () => {}, stop: async () => {} };
  }
  const sharing = createSharing(statistics, breakers, (news) => sync.tell(news));
  const { apply, standing, gateChanged, breakerChanged } = sharing;
  const sync = createRoutingSync({ board: createRedisBoard(link, 'switchyard:routing'), id, now, apply, standing });
  addReplicasGauge(metrics, () => sync.others() + 1);
  return { statistics: sharing.statistics, gateChanged, breakerChanged, start: sync.start, stop: sync.stop };
}
