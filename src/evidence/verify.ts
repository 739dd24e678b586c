import type Database from 'better-sqlite3';
import { breakOf, GENESIS, type Link, missing, type Row } from './chain.ts';
import { chainOf } from './schema.ts';

/** Rows that are read together; a longer reading transaction would keep the write-ahead log from being used again. */
const CHUNK_ROWS = 500;

export interface Verified {
  readonly ok: boolean;
  /** How many rows were found good. */
  readonly rows: number;
  /** The last good row; what it says can be compared with a note that was kept elsewhere. */
  readonly head: Link;
  /** The first row that is not as it was written, or is missing, and why; absent when there is none. */
  readonly firstBroken?: { readonly seq: number; readonly why: string };
}

/**
 * Follows the chain from its anchor to its head. The gateway may go on writing, and may take old rows away meanwhile. It shows
 * that rows were changed, removed, added or exchanged; that the whole file was written anew only a note of an earlier head shows.
 */
export function verifyChain(db: Database.Database): Verified {
  const chain = chainOf(db);
  const after = db.prepare<[number, number], Row>('SELECT * FROM entries WHERE seq > ? ORDER BY seq LIMIT ?');
  const chunkAfter = db.transaction((last: Link | null) => {
    const { anchor, head } = chain.read();
    const from = last === null || last.seq < anchor.seq ? anchor : last;
    return { from, head, rows: after.all(from.seq, CHUNK_ROWS) };
  });

  let last: Link | null = null;
  let count = 0;
  const broken = (seq: number, why: string): Verified => ({
    ok: false,
    rows: count,
    head: last ?? GENESIS,
    firstBroken: { seq, why },
  });
  try {
    for (;;) {
      const { from, head, rows } = chunkAfter(last);
      last = from;
      for (const row of rows) {
        const why = breakOf(row, last);
        if (why !== null) return broken(Math.min(row.seq, last.seq + 1), why);
        last = { seq: row.seq, hash: row.hash };
        count += 1;
      }
      if (rows.length === CHUNK_ROWS) continue;
      if (last.seq < head.seq) return broken(last.seq + 1, missing(last.seq + 1, head.seq));
      if (last.seq > head.seq || Buffer.compare(last.hash, head.hash) !== 0) {
        return broken(last.seq, 'is not the newest row that the file knows of');
      }
      return { ok: true, rows: count, head: last };
    }
  } catch (error) {
    // A damaged page, or a value of a kind that was never written.
    const why = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return broken((last?.seq ?? 0) + 1, why);
  }
}
