/** The share of a sum that still counts after so long. */
export function keptAfter(ms: number, halfLifeMs: number): number {
  return 0.5 ** (ms / halfLifeMs);
}

/** For how long was watched, forgotten like the sums that were gathered meanwhile: so their quotient stays a rate. */
export function watchedAfter(watchedMs: number, ms: number, halfLifeMs: number): number {
  const kept = keptAfter(ms, halfLifeMs);
  return watchedMs * kept + ((1 - kept) * halfLifeMs) / Math.LN2;
}
