import type { Parts } from './parts.ts';

/** A rule that cannot be evaluated says so this often; the metric counts every time. */
const TOLD_EVERY_MS = 60_000;
/** More names than a configuration has rules; above that all may speak again. */
const NAMES_MAX = 1_000;

/** Counts and tells what rules could not be evaluated. `why` is a short word such as `no_such_key`, never a value. */
export function createRuleFaults({ telemetry, clock }: Pick<Parts, 'telemetry' | 'clock'>) {
  const toldAt = new Map<string, number>();

  return (rule: string, why: string): void => {
    telemetry.ruleFailed(rule);
    const now = clock.now();
    const before = toldAt.get(rule);
    // What lies ahead was told by a clock that has been set back since.
    if (before !== undefined && before <= now && now - before < TOLD_EVERY_MS) return;
    if (toldAt.size >= NAMES_MAX) toldAt.clear();
    toldAt.set(rule, now);
    telemetry.warn({ rule, why }, 'a routing rule could not be evaluated; it counts as not matching');
  };
}
