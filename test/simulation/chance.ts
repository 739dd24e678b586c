/** All randomness of a world comes from its seed. */
export interface Chance {
  /** In [0, 1). */
  next(): number;
  /** True with this probability. */
  happens(probability: number): boolean;
  /** A whole number, both ends included. */
  int(min: number, max: number): number;
  /** Like `int`, but small numbers are far more likely than large ones. */
  mostlyShort(min: number, max: number): number;
  pick<const T>(items: readonly [T, ...T[]]): T;
  /** One of the names, each as likely as its weight. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
  bytes(size: number): Uint8Array;
  /** Another stream of the same seed, so that more questions here change nothing there. */
  branch(name: string): Chance;
}

/** The same numbers for the same seed (Mulberry32). */
export function createChance(seed: number): Chance {
  const next = mulberry32(seed);
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    int,
    happens: (probability) => next() < probability,
    mostlyShort: (min, max) => Math.round(min + next() ** 3 * (max - min)),
    pick: <const T>(items: readonly [T, ...T[]]): T => items[int(0, items.length - 1)] ?? items[0],
    weighted: <Name extends string>(weights: Readonly<Record<Name, number>>): Name => {
      const names = Object.keys(weights) as Name[];
      let left = next() * names.reduce((sum, name) => sum + weights[name], 0);
      for (const name of names) {
        left -= weights[name];
        if (left < 0) return name;
      }
      throw new Error('chance: nothing to choose from');
    },
    bytes: (size) => Uint8Array.from({ length: size }, () => int(0, 255)),
    branch: (name) => createChance((Math.floor(next() * 2 ** 32) ^ fnv1a(name)) >>> 0),
  };
}

/** FNV-1a, 32 bits. */
export function fnv1a(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
