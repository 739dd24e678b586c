/** A binary heap: the item that comes before all others is taken first. */
export interface Heap<T> {
  push(item: T): void;
  pop(): T | undefined;
  peek(): T | undefined;
}

export function createHeap<T>(comesBefore: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];

  function push(item: T): void {
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent];
      if (above === undefined || !comesBefore(item, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  function pop(): T | undefined {
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [a, b] = [items[left], items[left + 1]];
      if (a === undefined) break;
      const isRight = b !== undefined && comesBefore(b, a);
      const child = isRight ? b : a;
      if (!comesBefore(child, last)) break;
      items[at] = child;
      at = isRight ? left + 1 : left;
    }
    items[at] = last;
    return first;
  }

  return { push, pop, peek: () => items[0] };
}
