import type { EpochMs } from '../../payment/index.ts';
import type { EphemeralState } from '../port.ts';
import type { RedisLink } from './link.ts';

const WINDOWS = 'switchyard:window:';
const SUMS = 'switchyard:sum:';

/**
 * Counters that all replicas share. Each operation is one script on one key. Times are told to Redis as durations, so its clock need
 * not agree with ours.
 */
export function createRedisEphemeral(link: RedisLink, now: () => EpochMs): EphemeralState {
  const lifeMs = (forgetAt: EpochMs): number => Math.max(1, Math.ceil(forgetAt - now()));
  return {
    async hit(key, limit, windowMs) {
      const answer = await link.run('syHit', WINDOWS + key, Math.ceil(windowMs));
      const [count, leftMs] = Array.isArray(answer) ? answer.map(Number) : [];
      const allowed = (count ?? 1) <= limit;
      return { allowed, retryAfterMs: allowed ? 0 : Math.max(1, leftMs ?? windowMs) };
    },
    add: async (key, amount, forgetAt) => Number(await link.run('syAdd', SUMS + key, amount, lifeMs(forgetAt))),
    addBegun: async (key, amount) => numberOrNull(await link.run('syAddBegun', SUMS + key, amount)),
    begin: async (key, total, forgetAt) => Number(await link.run('syBegin', SUMS + key, total, lifeMs(forgetAt))),
    total: async (key) => numberOrNull(await link.get(SUMS + key)),
    drop: async (key) => void (await link.del(SUMS + key)),
    close: () => link.close(),
  };
}

function numberOrNull(answer: unknown): number | null {
  return answer === null ? null : Number(answer);
}
