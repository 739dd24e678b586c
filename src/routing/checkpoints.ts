import type { EpochMs } from '../payment/index.ts';
import { CHECKPOINTS_MS } from './delays.ts';

/** Above this many cohorts under watch the oldest count fully at once. */
const WATCHED_MAX = 50_000;

/**
 * Hands every cohort out at each of its checkpoints. Cohorts come in the order of their opening, and so they reach each checkpoint
 * in it: a queue per checkpoint is all that is needed.
 * @param pass hears of a cohort that has reached checkpoint `k`
 */
export function createCheckpoints<T extends { readonly at: EpochMs }>(pass: (cohort: T, k: number) => void) {
  /** Per checkpoint the cohorts that will reach it next. */
  const waiting: T[][] = CHECKPOINTS_MS.map(() => []);
  const heads: number[] = CHECKPOINTS_MS.map(() => 0);
  let watched = 0;
  let nextAt = Number.POSITIVE_INFINITY;

  function watch(cohort: T): void {
    watched += 1;
    enqueue(0, cohort);
  }

  function enqueue(k: number, cohort: T): void {
    waiting[k]?.push(cohort);
    nextAt = Math.min(nextAt, cohort.at + (CHECKPOINTS_MS[k] ?? 0));
  }

  function advance(now: EpochMs): void {
    if (now < nextAt && watched <= WATCHED_MAX) return;
    nextAt = Number.POSITIVE_INFINITY;
    for (let k = 0; k < waiting.length; k += 1) heads[k] = advanceOne(k, now);
  }

  /** Answers how many at the queue's beginning are done with. */
  function advanceOne(k: number, now: EpochMs): number {
    const queue = waiting[k] ?? [];
    const ageMs = CHECKPOINTS_MS[k] ?? 0;
    let head = heads[k] ?? 0;
    for (; head < queue.length; head += 1) {
      const cohort = queue[head];
      if (!cohort) continue;
      const dueAt = cohort.at + ageMs;
      if (dueAt > now && watched <= WATCHED_MAX) {
        nextAt = Math.min(nextAt, dueAt);
        break;
      }
      pass(cohort, k);
      if (k + 1 < waiting.length) enqueue(k + 1, cohort);
      else watched -= 1;
    }
    if (head <= 64 || head * 2 <= queue.length) return head;
    queue.splice(0, head);
    return 0;
  }

  return { watch, advance };
}
