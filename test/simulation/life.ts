import type { VirtualTime } from './time.ts';

/** What a process asks for, as far as it matters when it freezes. */
export type Question = 'create' | 'anything';

/**
 * The life of one process, as far as it shows: whatever it asks of the world goes through here and comes back here. Once it is over,
 * nothing leaves any more and no answer arrives, so that what was half done stays half done.
 */
export interface Life {
  isOver(): boolean;
  /** Something that the process asks of the world. */
  through<T>(ask: () => Promise<T>, what?: Question): Promise<T>;
  /** How much is asked and not yet answered. */
  underWay(): number;
  /** It ends with the n-th question or answer from now, between what was done and what would have come next. */
  endsAfter(steps: number): void;
  end(): void;
  /** From now on, or from its next create on, no answer arrives before `ms` have passed: it is frozen, or cut off. */
  stall(ms: number, from: 'now' | 'next create'): void;
}

/** A life that has just begun; `onEnd` is told once. */
export function createLife(time: VirtualTime, onEnd: () => void): Life {
  let isOver = false;
  let fuse = Number.POSITIVE_INFINITY;
  let underWay = 0;
  let stalledUntil = 0;
  let stallAtCreateMs: number | null = null;

  function end(): void {
    if (isOver) return;
    isOver = true;
    onEnd();
  }

  function burn(): void {
    fuse -= 1;
    if (fuse <= 0) end();
  }

  function freeze(ms: number): void {
    stalledUntil = time.now() + ms;
    stallAtCreateMs = null;
  }

  function through<T>(ask: () => Promise<T>, what: Question = 'anything'): Promise<T> {
    if (what === 'create' && stallAtCreateMs !== null) freeze(stallAtCreateMs);
    if (!isOver) burn();
    if (isOver) return new Promise(() => {});
    underWay += 1;
    return new Promise((resolve, reject) => {
      const arrive = (deliver: () => void): void => {
        const leftMs = stalledUntil - time.now();
        if (leftMs > 0) {
          time.after(leftMs, () => arrive(deliver));
          return;
        }
        underWay -= 1;
        if (!isOver) burn();
        if (!isOver) deliver();
      };
      ask().then(
        (value) => arrive(() => resolve(value)),
        (thrown: unknown) => arrive(() => reject(thrown)),
      );
    });
  }

  return {
    isOver: () => isOver,
    through,
    underWay: () => underWay,
    endsAfter: (steps) => {
      fuse = steps;
    },
    end,
    stall: (ms, from) => {
      if (from === 'now') freeze(ms);
      else stallAtCreateMs = ms;
    },
  };
}
