import { setTimeout as pause } from 'node:timers/promises';
import { marksOf, sameMarks } from './reading.ts';

/** Files are looked at this often, */
const LOOK_EVERY_MS = 250;
/** and a change counts when the next look finds nothing newer, or after this long when somebody writes without an end. */
const RESTLESS_MS_MAX = 1_500;

/**
 * Looks at files from time to time and tells when they have changed and come to rest. Looking works for every way of writing (in
 * place, by rename, by exchanging a link) and on every file system, where notices of the system do not.
 */
export function watchFiles(parts: {
  /** The files and their marks as they were last read. */
  readonly known: () => ReadonlyMap<string, string>;
  /** Reads them; then `known` tells other marks. */
  readonly onChange: () => Promise<void>;
  readonly onTrouble: (thrown: unknown) => void;
  readonly now: () => number;
}): { close(): Promise<void> } {
  const closing = new AbortController();

  async function run(): Promise<void> {
    let last: ReadonlyMap<string, string> | null = null;
    let changedAt: number | null = null;
    while (await rested()) {
      const known = parts.known();
      const seen = await marksOf(known.keys());
      const now = parts.now();
      if (sameMarks(seen, known)) {
        last = null;
        changedAt = null;
        continue;
      }
      // A clock that is set back must not put it off.
      if (changedAt === null || now < changedAt) changedAt = now;
      const atRest = last !== null && sameMarks(seen, last);
      last = seen;
      if (!atRest && now - changedAt < RESTLESS_MS_MAX) continue;
      changedAt = null;
      last = null;
      await parts.onChange().catch(parts.onTrouble);
    }
  }

  async function rested(): Promise<boolean> {
    return pause(LOOK_EVERY_MS, true, { signal: closing.signal, ref: false }).catch(() => false);
  }

  const running = run();
  return {
    close: async () => {
      closing.abort();
      await running;
    },
  };
}
