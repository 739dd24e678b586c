/** What was seen in one stretch of time: how often something happened, and how often it did not. May be fractions. */
export interface Seen {
  readonly hits: number;
  readonly misses: number;
}

/** From one stretch to the next, a normal state ends so rarely, and a disturbed one so much more often. */
const LEAVES_NORMAL = 0.002;
const RETURNS = 0.03;
const CHANGES_LEVEL = 0.01;

/**
 * The probability of a hit over time when it mostly is `levels[0]` (normal) and at times, for a while, one of the others. Where
 * much was seen it follows what was seen, where little or nothing was, its neighbours; a single failure moves next to nothing,
 * four in a row do. (A hidden Markov chain, smoothed forwards and backwards.)
 *
 * @param levels probabilities strictly between 0 and 1
 * @returns for each stretch the expected probability and how likely it is that the state was normal
 */
export function smooth(
  stretches: readonly Seen[],
  levels: readonly number[],
): { readonly expected: Float64Array; readonly normal: Float64Array } {
  const count = stretches.length;
  const forwards = walk(stretches, levels);
  const backwards = walk(stretches.toReversed(), levels).reverse();
  const usual = prior(levels.length);
  const expected = new Float64Array(count);
  const normal = new Float64Array(count);
  for (let t = 0; t < count; t += 1) {
    const before = t > 0 ? step(forwards[t - 1] ?? []) : usual;
    const weights = (backwards[t] ?? []).map((weight, k) => (weight * (before[k] ?? 0)) / (usual[k] ?? 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    normal[t] = (weights[0] ?? 0) / total;
    expected[t] = weights.reduce((sum, weight, k) => sum + weight * (levels[k] ?? 0), 0) / total;
  }
  return { expected, normal };
}

/** After each stretch, how likely each level is, given that stretch and all before it. */
function walk(stretches: readonly Seen[], levels: readonly number[]): number[][] {
  const logs = levels.map((level) => ({ hit: Math.log(level), miss: Math.log(1 - level) }));
  let belief: number[] = [...prior(levels.length)];
  return stretches.map(({ hits, misses }, t) => {
    const before = t === 0 ? belief : step(belief);
    const weights = logs.map(({ hit, miss }, k) => Math.log(before[k] ?? 0) + hits * hit + misses * miss);
    const top = Math.max(...weights);
    const likely = weights.map((weight) => Math.exp(weight - top));
    const total = likely.reduce((sum, weight) => sum + weight, 0);
    belief = likely.map((weight) => Math.max(weight / total, 1e-12));
    return belief;
  });
}

/** How often each state is met in the long run; it is the same in both directions of time, so the walk may go backwards. */
function prior(count: number): readonly number[] {
  const disturbed = LEAVES_NORMAL / (LEAVES_NORMAL + RETURNS);
  return Array.from({ length: count }, (_, k) => (k === 0 ? 1 - disturbed : disturbed / (count - 1)));
}

function step(belief: readonly number[]): readonly number[] {
  const others = belief.length - 1;
  const normal = belief[0] ?? 0;
  const disturbed = 1 - normal;
  const wandering = others > 1 ? CHANGES_LEVEL : 0;
  return belief.map((weight, k) => {
    if (k === 0) return normal * (1 - LEAVES_NORMAL) + disturbed * RETURNS;
    const wanders = others > 1 ? ((disturbed - weight) * wandering) / (others - 1) : 0;
    return weight * (1 - RETURNS - wandering) + (normal * LEAVES_NORMAL) / others + wanders;
  });
}
