import type { Prepared } from './prepare.ts';

/** Entries that may wait for the disk; beyond it new ones are refused. */
const WAITING_MAX = 10_000;
/** Their messages together: ten thousand large bodies would be more than the process may hold. */
const WAITING_CHARS_MAX = 64 * 1024 * 1024;
/** How long a few entries wait for more to share a transaction with; many do not wait. */
const GATHER_MS = 5;
const MANY = 256;
/** One turn of the event loop writes this much, in two or three milliseconds. */
const TURN_ENTRIES_MAX = 32;
const TURN_CHARS_MAX = 256 * 1024;
const RETRY_MS = 1_000;

export interface Queue {
  /** False when there is no room. Returns at once either way. */
  push(entry: Prepared): boolean;
  /** Writes until nothing waits or a write fails; the event loop stands still meanwhile. */
  flush(): void;
  /** Stops writing by itself and answers how many entries are left over. */
  close(): number;
  size(): number;
}

/**
 * Entries on their way to the disk, in order. `write` answers whether it has kept all that it was given; what it has not is tried
 * again. `onFull` is told once per burst: not again before the queue was half empty.
 */
export function createQueue(options: {
  readonly write: (batch: readonly Prepared[]) => boolean;
  readonly onFull: (size: number) => void;
}): Queue {
  const waiting: Prepared[] = [];
  let waitingChars = 0;
  let full = false;
  let failing = false;
  let closed = false;
  let timer: NodeJS.Timeout | null = null;
  let turning: NodeJS.Immediate | null = null;

  function push(entry: Prepared): boolean {
    if (closed) return false;
    if (waiting.length >= WAITING_MAX || waitingChars >= WAITING_CHARS_MAX) {
      if (!full) options.onFull(waiting.length);
      full = true;
      return false;
    }
    waiting.push(entry);
    waitingChars += charsOf(entry);
    schedule();
    return true;
  }

  function schedule(): void {
    if (closed || waiting.length === 0 || turning) return;
    // What waits for a disk must not keep a process alive that has nothing else to do.
    if (failing) timer ??= setTimeout(turn, RETRY_MS).unref();
    else if (waiting.length >= MANY) turning = setImmediate(turn);
    else timer ??= setTimeout(turn, GATHER_MS);
  }

  function unschedule(): void {
    if (timer) clearTimeout(timer);
    if (turning) clearImmediate(turning);
    timer = null;
    turning = null;
  }

  function turn(): void {
    unschedule();
    if (writeSome() && waiting.length > 0) turning = setImmediate(turn);
    else schedule();
  }

  function writeSome(): boolean {
    const batch = waiting.slice(0, oneTurn(waiting));
    failing = !options.write(batch);
    if (failing) return false;
    waiting.splice(0, batch.length);
    for (const entry of batch) waitingChars -= charsOf(entry);
    if (waiting.length < WAITING_MAX / 2 && waitingChars < WAITING_CHARS_MAX / 2) full = false;
    return true;
  }

  return {
    push,
    flush() {
      unschedule();
      while (waiting.length > 0 && writeSome());
      schedule();
    },
    close() {
      closed = true;
      unschedule();
      return waiting.splice(0).length;
    },
    size: () => waiting.length,
  };
}

/** How many of the first entries make one turn; at least one, however large. */
function oneTurn(waiting: readonly Prepared[]): number {
  let chars = 0;
  let count = 0;
  for (const entry of waiting) {
    chars += charsOf(entry);
    if (count > 0 && (count >= TURN_ENTRIES_MAX || chars > TURN_CHARS_MAX)) break;
    count += 1;
  }
  return count;
}

function charsOf({ messages }: Prepared): number {
  return messages?.length ?? 0;
}
