import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type Link, type Row, type RowContent, rowAfter } from './chain.ts';
import { chainOf, prepare } from './schema.ts';

/** The event loop stands still while a statement waits for a lock; who holds one longer than this is waited for in turns. */
const BUSY_TIMEOUT_MS = 50;
/** A checkpoint waits for the disk: small ones, so that each is over in a few milliseconds. */
const CHECKPOINT_PAGES = 400;
const JOURNAL_BYTES_MAX = 16 * 1024 * 1024;
/** Rows are only added: the last pages of the table and of its index are all that is needed. better-sqlite3 would take 16 MiB. */
const CACHE_KIB = 1_024;

export interface Writer {
  /** False once the file was moved away or removed; what is written then would be found by nobody. */
  isInPlace(): boolean;
  /** Puts rows behind the newest one, all or none. Throws what SQLite throws. */
  append(contents: readonly RowContent[]): void;
  /** Takes away up to `rowsMax` of the oldest rows, up to the first one that is not older than `before`; answers how many. */
  removeOlder(before: number, rowsMax: number): number;
  head(): Link;
  /** Brings everything into the one file, so that it can be archived alone. */
  close(): void;
}

/**
 * Opens the log for writing; a new file's first row follows `after`. Throws when the file cannot be used or is none of ours.
 * Commits are not synced one by one (`synchronous = NORMAL`): a killed process loses none of them, a power cut may take the last
 * moments and leaves the file whole.
 */
export function openWriter(
  path: string,
  options: { readonly after: Link | null; readonly bytesMax: number | undefined },
): Writer {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  createPrivate(path);
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    prepare(db, options.after ?? undefined);
    if (db.pragma('journal_mode = WAL', { simple: true }) !== 'wal') {
      throw new Error('lies on a file system that cannot hold a write-ahead log; set DATA_DIR to a local disk');
    }
    db.pragma('synchronous = NORMAL');
    db.pragma('trusted_schema = OFF');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma(`journal_size_limit = ${JOURNAL_BYTES_MAX}`);
    db.pragma(`cache_size = ${-CACHE_KIB}`);
    if (options.bytesMax !== undefined) {
      const pageBytes = Number(db.pragma('page_size', { simple: true }));
      db.pragma(`max_page_count = ${Math.floor(options.bytesMax / pageBytes)}`);
    }
    return writerOn(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
}

function writerOn(db: Database.Database, path: string): Writer {
  const { ino, dev } = statSync(path, { bigint: true });
  const chain = chainOf(db);
  const insert = db.prepare<[Row]>(
    `INSERT INTO entries (seq, at, kind, payment_id, channel_id, what, outcome, details, prev_hash, hash, sealed)
     VALUES (@seq, @at, @kind, @payment_id, @channel_id, @what, @outcome, @details, @prev_hash, @hash, @sealed)`,
  );
  const oldest = db.prepare<[number], { seq: number; at: number; hash: Uint8Array }>(
    'SELECT seq, at, hash FROM entries ORDER BY seq LIMIT ?',
  );
  const anchor = db.prepare<[number, Uint8Array]>('UPDATE chain SET anchor_seq = ?, anchor_hash = ?');
  const remove = db.prepare<[number]>('DELETE FROM entries WHERE seq <= ?');

  const append = db.transaction((contents: readonly RowContent[]) => {
    // Read each time: the file is right, also when somebody else has written to it.
    let last = chain.read().head;
    for (const content of contents) {
      const row = rowAfter(last, content);
      insert.run(row);
      last = row;
    }
  });
  const removeOlder = db.transaction((before: number, rowsMax: number): number => {
    const rows = oldest.all(rowsMax);
    const keep = rows.findIndex(({ at }) => at >= before);
    const last = rows[(keep < 0 ? rows.length : keep) - 1];
    if (!last) return 0;
    anchor.run(last.seq, last.hash);
    return remove.run(last.seq).changes;
  });

  return {
    isInPlace: () => {
      const now = statSync(path, { bigint: true, throwIfNoEntry: false });
      return now?.ino === ino && now.dev === dev;
    },
    append: (contents) => append.immediate(contents),
    removeOlder: (before, rowsMax) => removeOlder.immediate(before, rowsMax),
    head: () => chain.read().head,
    close: () => {
      try {
        // SQLite itself does not do this for a file that was moved; its last rows would stay behind.
        db.pragma('wal_checkpoint(TRUNCATE)');
      } finally {
        db.close();
      }
    },
  };
}

/** What is in it concerns nobody else on the machine; SQLite gives its log the same mode. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
