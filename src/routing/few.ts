/**
 * The first `max` of a list in the order of `compare`, sorted. Of a long list only these are put in order: those that are not among them
 * cost one comparison each.
 */
export function fewOf<T>(list: readonly T[], max: number, compare: (a: T, b: T) => number): T[] {
  if (list.length <= max) return list.toSorted(compare);
  const few = list.slice(0, max).sort(compare);
  for (let i = max; i < list.length; i += 1) {
    const one = list[i];
    const last = few[max - 1];
    if (one === undefined || last === undefined || compare(one, last) >= 0) continue;
    few.pop();
    few.splice(placeOf(one, few, compare), 0, one);
  }
  return few;
}

/** Behind those that are equal. */
function placeOf<T>(one: T, sorted: readonly T[], compare: (a: T, b: T) => number): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    const there = sorted[middle];
    if (there !== undefined && compare(there, one) <= 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
