/** Work in order per key, and different keys at the same time. */
export interface Lanes {
  /** Answers null, without running anything, when more than the bound would wait at this key. @param weight  pieces of work in it */
  run<T>(key: string, weight: number, work: () => Promise<T>): Promise<T | null>;
  /** Settles when nothing runs or waits. */
  idle(): Promise<void>;
}

export function createLanes(waitingMax: number): Lanes {
  const lanes = new Map<string, { tail: Promise<unknown>; waiting: number }>();

  async function run<T>(key: string, weight: number, work: () => Promise<T>): Promise<T | null> {
    const lane = lanes.get(key) ?? { tail: Promise.resolve(), waiting: 0 };
    if (lane.waiting > 0 && lane.waiting + weight > waitingMax) return null;
    lanes.set(key, lane);
    lane.waiting += weight;
    const done = lane.tail.then(work);
    lane.tail = done.catch(() => {});
    try {
      return await done;
    } finally {
      lane.waiting -= weight;
      if (lane.waiting === 0) lanes.delete(key);
    }
  }

  return {
    run,
    idle: async () => {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map(({ tail }) => tail));
    },
  };
}
