import type { Environment } from './config/index.ts';
import { createMemoryEphemeral, type EphemeralState, withLocal } from './ephemeral/index.ts';
import { createRedisEphemeral, type LinkState, openLink, type RedisLink } from './ephemeral/redis/index.ts';
import type { Telemetry } from './gateway/index.ts';
import { addSharedGauge, type Metrics } from './telemetry/index.ts';

export interface OpenEphemeral {
  readonly ephemeral: EphemeralState;
  /** Null without REDIS_URL: there is nobody to share with. */
  readonly link: RedisLink | null;
}

/** Counters of this process alone, or those in Redis with its own in their place while Redis is away. */
export async function openEphemeral(
  { redis }: Pick<Environment, 'redis'>,
  { metrics, telemetry, now, random }: Parts,
): Promise<OpenEphemeral> {
  const local = createMemoryEphemeral({ now });
  if (redis === null) return { ephemeral: local, link: null };
  const link = await openLink({ target: redis, now, random, onChange: (state) => tell(telemetry, state) });
  addSharedGauge(metrics, () => link.state().up);
  const shared = createRedisEphemeral(link, now);
  return { ephemeral: withLocal({ shared, local, now, onLocal: () => metrics.sharedFallbacks.inc({}) }), link };
}

interface Parts {
  readonly metrics: Metrics;
  readonly telemetry: Pick<Telemetry, 'info' | 'warn'>;
  readonly now: () => number;
  readonly random: () => number;
}

function tell(telemetry: Parts['telemetry'], { up, reason }: LinkState): void {
  if (up) telemetry.info({}, 'Redis is there; counters are shared');
  else telemetry.warn({ reason }, 'Redis is away; this replica counts by itself');
}
