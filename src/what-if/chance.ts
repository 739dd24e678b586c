/** What a draw is about; two draws about different things are independent. */
const PURPOSES = { call: 1, latency: 2, paid: 3, delay: 4, explore: 5, probe: 6, gap: 7, amount: 8 } as const;
export type Purpose = keyof typeof PURPOSES;

/**
 * Common random numbers: the draw follows from what it is about, and from nothing that happened before it. So the same payment
 * on the same channel meets the same fate under both configurations, and what differs in the end is due to the configurations.
 */
export type Chance = (subject: number, other: number, purpose: Purpose) => number;

/** Draws in [0, 1). */
export function createChance(seed: number): Chance {
  return (subject, other, purpose) => {
    const mixed = mix(mix(mix(seed ^ 0x9e37_79b9) ^ subject) ^ Math.imul(other, 0x85eb_ca6b) ^ PURPOSES[purpose]);
    return mixed / 2 ** 32;
  };
}

/** Mean 1, never negative, skewed as waiting times are: log-normal with this spread. Takes two draws from [0, 1). */
export function skewed(first: number, second: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second);
  return Math.exp(spread * normal - (spread * spread) / 2);
}

/** 32 bits of a text (FNV-1a, mixed once more). */
export function hashText(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return mix(hash);
}

/** The finaliser of MurmurHash3: every bit of the input moves every bit of the result. */
function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
