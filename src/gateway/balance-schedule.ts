const BACKOFF_MAX_MS = 3_600_000;
/** So many failures in a row, and what was known before is too old to be shown. */
const FAILURES_UNTIL_STALE = 3;
/** Also where nobody failed: an answer older than so many rounds is no news of now. */
const ROUNDS_UNTIL_STALE = 4;

/**
 * When to ask again, in milliseconds from now: every `everyMs`, a tenth more or less so that channels and replicas spread out. Each
 * failure in a row doubles it, up to an hour, or up to `everyMs` where that is more.
 * @param chance 0 to 1
 */
export function nextAskMs(everyMs: number, failuresInARow: number, chance: number): number {
  const doubled = everyMs * 2 ** Math.min(failuresInARow, 20);
  const base = Math.min(doubled, Math.max(BACKOFF_MAX_MS, everyMs));
  return Math.round(base * (0.9 + 0.2 * chance));
}

/** Whether an answer of `ageMs` ago still says what our account holds. */
export function isFresh(ageMs: number, failuresInARow: number, everyMs: number): boolean {
  return failuresInARow < FAILURES_UNTIL_STALE && ageMs <= ROUNDS_UNTIL_STALE * everyMs;
}
