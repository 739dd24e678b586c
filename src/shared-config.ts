import { createConfigSync, type RunningConfig, type SharedConfig } from './config-sync.ts';
import { createRedisBoard, type RedisLink } from './ephemeral/redis/index.ts';
import type { Telemetry } from './gateway/index.ts';
import type { Reloads } from './reload.ts';
import { addConfigVariantsGauge, type Metrics } from './telemetry/index.ts';

/** What replicas tell each other of their configurations; null where there is no Redis to tell it through. */
export function openSharedConfig(parts: {
  readonly link: RedisLink | null;
  readonly reloads: Pick<Reloads, 'state' | 'reload'>;
  readonly metrics: Metrics;
  readonly telemetry: Telemetry;
  readonly id: string;
  readonly now: () => number;
}): SharedConfig | null {
  const { link, reloads, metrics, telemetry, id, now } = parts;
  if (link === null) return null;
  const running = (): RunningConfig => {
    const { digest, loadedAt, refused } = reloads.state();
    return { digest, loadedAt, refused: refused !== null };
  };
  const onReload = (): void => void reloads.reload('replica');
  const board = createRedisBoard(link, 'switchyard:config');
  const sync = createConfigSync({ board, id, now, running, onReload, telemetry });
  addConfigVariantsGauge(metrics, () => sync.state().variants);
  return sync;
}
