import { setTimeout as pause } from 'node:timers/promises';
import { marksOf, sameMarks } from './reading.ts';

/** Files are looked at this often; */
const LOOK_EVERY_MS = 250;
/** a change counts when so many looks in a row find nothing newer: half a file is often valid, and who writes slowly pauses on the way, */
const LOOKS_AT_REST = 4;
/** or after so many when somebody writes without an end. */
const LOOKS_MAX = 40;

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
}): { close(): Promise<void> } {
  const closing = new AbortController();

  async function run(): Promise<void> {
    let last: ReadonlyMap<string, string> | null = null;
    let looks = 0;
    let alike = 0;
    while (await rested()) {
      const known = parts.known();
      const seen = await marksOf(known.keys());
      const isAlike = last !== null && sameMarks(seen, last);
      const isChanged = !sameMarks(seen, known);
      alike = isAlike ? alike + 1 : 1;
      looks = isChanged ? looks + 1 : 0;
      last = seen;
      if (looks === 0 || (alike < LOOKS_AT_REST && looks < LOOKS_MAX)) continue;
      looks = 0;
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
