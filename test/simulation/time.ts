import { createHeap } from './heap.ts';

/** What the wall clock shows when virtual time is 0. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** The time of a simulated world, in whole milliseconds since it began. Nothing in it waits for real time. */
export interface VirtualTime {
  now(): number;
  /** Something of the world happens after `delayMs`. */
  after(delayMs: number, happen: () => void): void;
  wait(delayMs: number): Promise<void>;
  /** When the world's next event comes; null when there is none. Timers of the program do not count. */
  nextEventAt(): number | null;
  /**
   * Lets everything happen in order, each with all that follows from it at once, until it is over or nothing is left. `skipTo` is
   * asked before each step: a time ahead means that nothing of interest comes before it. Then it is that time, and timers that lie
   * between are late, as after a machine has slept.
   */
  run(course: { readonly isOver: () => boolean; readonly skipTo: () => number | null }): Promise<void>;
  steps(): number;
}

interface Entry {
  at: number;
  readonly order: number;
  readonly happen: () => void;
  /** Null: once. */
  readonly everyMs: number | null;
  cancelled: boolean;
}

const real = { setImmediate };

/** Runs `work` in virtual time: until it has ended, the global timers and clocks are the world's. */
export async function inVirtualTime<T>(work: (time: VirtualTime) => Promise<T>): Promise<T> {
  const { time, setTimer, clearTimer } = createTime();
  const before = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
  };
  const dateNow = Date.now;
  Object.assign(globalThis, {
    setTimeout: (happen: () => void, delayMs = 0) => setTimer(happen, delayMs, null),
    setInterval: (happen: () => void, everyMs = 0) => setTimer(happen, everyMs, Math.max(1, everyMs)),
    clearTimeout: clearTimer,
    clearInterval: clearTimer,
  });
  Date.now = () => EPOCH_MS + time.now();
  Object.defineProperty(performance, 'now', { value: time.now, configurable: true });
  try {
    return await work(time);
  } finally {
    Object.assign(globalThis, before);
    Date.now = dateNow;
    Reflect.deleteProperty(performance, 'now');
  }
}

function createTime() {
  const comesBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const events = createHeap<Entry>(comesBefore);
  const timers = createHeap<Entry>(comesBefore);
  let now = 0;
  let order = 0;
  let steps = 0;

  const entry = (happen: () => void, delayMs: number, everyMs: number | null): Entry => {
    order += 1;
    return { at: now + Math.max(0, Math.round(delayMs)), order, happen, everyMs, cancelled: false };
  };

  function after(delayMs: number, happen: () => void): void {
    events.push(entry(happen, delayMs, null));
  }

  function setTimer(happen: () => void, delayMs: number, everyMs: number | null) {
    const made = entry(happen, Math.max(1, delayMs), everyMs);
    timers.push(made);
    const handle = { made, unref: () => handle, ref: () => handle, hasRef: () => true };
    return handle;
  }

  function clearTimer(handle: { readonly made: Entry } | null | undefined): void {
    if (handle) handle.made.cancelled = true;
  }

  function takeNext(): Entry | undefined {
    while (timers.peek()?.cancelled) timers.pop();
    const [event, timer] = [events.peek(), timers.peek()];
    if (event === undefined) return timers.pop();
    return timer !== undefined && comesBefore(timer, event) ? timers.pop() : events.pop();
  }

  /** False when nothing is left. */
  function step(): boolean {
    const next = takeNext();
    if (next === undefined) return false;
    steps += 1;
    now = Math.max(now, next.at);
    next.happen();
    if (next.everyMs !== null && !next.cancelled) {
      order += 1;
      timers.push(Object.assign(next, { at: now + next.everyMs, order }));
    }
    return true;
  }

  const run: VirtualTime['run'] = ({ isOver, skipTo }) =>
    new Promise((resolve, reject) => {
      // A turn of the real event loop between two steps lets all promises settle that can.
      const turn = (): void => {
        try {
          if (isOver()) {
            resolve();
            return;
          }
          now = Math.max(now, skipTo() ?? now);
          if (step()) real.setImmediate(turn);
          else resolve();
        } catch (thrown) {
          reject(thrown);
        }
      };
      real.setImmediate(turn);
    });

  const time: VirtualTime = {
    now: () => now,
    after,
    wait: (delayMs) => new Promise((resolve) => after(delayMs, resolve)),
    nextEventAt: () => events.peek()?.at ?? null,
    run,
    steps: () => steps,
  };
  return { time, setTimer, clearTimer };
}
