/** Seeded chance: the same seed makes the same choices. What the processes make of them still depends on the machine. */
export interface Chance {
  /** 0 (included) to 1 (excluded). */
  share(): number;
  /** A whole number from 0 to `end` (excluded). */
  below(end: number): number;
  /** True in `likelihood` (0 to 1) of the cases. */
  happens(likelihood: number): boolean;
  pick<const T extends readonly [unknown, ...unknown[]]>(choices: T): T[number];
  /** All of them, in any order. */
  shuffle<T>(all: readonly T[]): T[];
  /** Chance of its own, so that how often one part draws does not shift another. */
  branch(): Chance;
}

/** Mulberry32 (T. Ettinger, public domain): 32 bits of state are plenty for choosing faults. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const share = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(share() * end);
  return {
    share,
    below,
    happens: (likelihood) => share() < likelihood,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    shuffle: (all) =>
      all
        .map((one) => ({ one, at: share() }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ one }) => one),
    branch: () => chanceOf(below(2 ** 32)),
  };
}
