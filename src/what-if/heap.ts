/** What is still to come, the earliest first; at the same time, what was pushed first. */
export interface Upcoming<T> {
  push(at: number, item: T): void;
  /** Takes the earliest when it is due at `now`. */
  popDue(now: number): { readonly at: number; readonly item: T } | undefined;
}

interface Entry<T> {
  readonly at: number;
  readonly turn: number;
  readonly item: T;
}

export function createUpcoming<T>(): Upcoming<T> {
  const heap: Entry<T>[] = [];
  let turns = 0;

  return {
    push(at, item) {
      turns += 1;
      const entry = { at, turn: turns, item };
      let index = heap.length;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        const above = heap[parent];
        if (above === undefined || isBefore(above, entry)) break;
        heap[index] = above;
        index = parent;
      }
      heap[index] = entry;
    },

    popDue(now) {
      const first = heap[0];
      if (first === undefined || first.at > now) return undefined;
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) sink(heap, last);
      return first;
    },
  };
}

function sink<T>(heap: Entry<T>[], entry: Entry<T>): void {
  let index = 0;
  for (;;) {
    const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
    if (left === undefined) break;
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (isBefore(entry, child)) break;
    heap[index] = child;
    index = 2 * index + (isRight ? 2 : 1);
  }
  heap[index] = entry;
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.turn < b.turn);
}
