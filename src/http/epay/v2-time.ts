import type { Parameters } from '../../epay/index.ts';

const FRESH_MS = 300_000;

/** Version 2 signs the moment: what is older, or ahead by more, is somebody's copy or a clock that is wrong. */
export function isFresh(parameters: Parameters, nowMs: number): boolean {
  const text = parameters.get('timestamp')?.trim() ?? '';
  return /^\d{10}$/.test(text) && Math.abs(Number(text) * 1_000 - nowMs) <= FRESH_MS;
}
