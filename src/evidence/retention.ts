/** Rows that one transaction takes away, in a few milliseconds. */
const CHUNK_ROWS = 200;
/** Between two chunks, so that a long-forgotten log does not keep the event loop busy. */
const CHUNK_PAUSE_MS = 20;
const SWEEP_EVERY_MS = 3_600_000;

/**
 * Removes what is too old: at once, and then every hour. `remove` takes away up to so many rows and answers how many it took.
 * Answers what stops it.
 */
export function startRetention(remove: (rowsMax: number) => number): () => void {
  let timer = setTimeout(sweep, 0).unref();
  function sweep(): void {
    const removed = remove(CHUNK_ROWS);
    timer = setTimeout(sweep, removed === CHUNK_ROWS ? CHUNK_PAUSE_MS : SWEEP_EVERY_MS).unref();
  }
  return () => clearTimeout(timer);
}
