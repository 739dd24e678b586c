import type Database from 'better-sqlite3';
import { GENESIS, type Link } from './chain.ts';

/** Marks a database file as an evidence log ("SWEV"). */
const APPLICATION_ID = 0x53_57_45_56;
const SCHEMA_VERSION = 1;

/**
 * `chain` knows the last row that retention has taken away (the anchor) and the newest one (the head). The triggers are there
 * against mistakes, ours included; against intent there are the hashes.
 */
const SCHEMA = `
  CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payment_id TEXT,
    channel_id TEXT,
    what TEXT NOT NULL,
    outcome TEXT NOT NULL,
    details TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    sealed BLOB
  ) STRICT;
  CREATE INDEX entries_of_payment ON entries (payment_id) WHERE payment_id IS NOT NULL;

  CREATE TABLE chain (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    anchor_seq INTEGER NOT NULL,
    anchor_hash BLOB NOT NULL,
    head_seq INTEGER NOT NULL,
    head_hash BLOB NOT NULL
  ) STRICT;

  CREATE TRIGGER entries_follow BEFORE INSERT ON entries
  WHEN NOT EXISTS (SELECT 1 FROM chain WHERE head_seq + 1 = NEW.seq AND head_hash = NEW.prev_hash)
  BEGIN SELECT RAISE(ABORT, 'evidence: a new row must follow the newest one'); END;

  CREATE TRIGGER entries_lead AFTER INSERT ON entries
  BEGIN UPDATE chain SET head_seq = NEW.seq, head_hash = NEW.hash; END;

  CREATE TRIGGER entries_stay BEFORE UPDATE ON entries
  BEGIN SELECT RAISE(ABORT, 'evidence: rows are never changed'); END;

  CREATE TRIGGER entries_leave BEFORE DELETE ON entries
  WHEN OLD.seq > (SELECT anchor_seq FROM chain)
  BEGIN SELECT RAISE(ABORT, 'evidence: only rows up to the anchor may go'); END;

  CREATE TRIGGER chain_head BEFORE UPDATE OF head_seq, head_hash ON chain
  WHEN NOT EXISTS (SELECT 1 FROM entries WHERE seq = NEW.head_seq AND hash = NEW.head_hash) OR NEW.head_seq < OLD.head_seq
  BEGIN SELECT RAISE(ABORT, 'evidence: the head must be the newest row'); END;

  CREATE TRIGGER chain_anchor BEFORE UPDATE OF anchor_seq, anchor_hash ON chain
  WHEN NOT EXISTS (SELECT 1 FROM entries WHERE seq = NEW.anchor_seq AND hash = NEW.anchor_hash)
  BEGIN SELECT RAISE(ABORT, 'evidence: the anchor must be a row that is about to go'); END;

  CREATE TRIGGER chain_stays BEFORE DELETE ON chain
  BEGIN SELECT RAISE(ABORT, 'evidence: the chain is never forgotten'); END;
`;

/** Whether the file is an evidence log that this program knows; false for an empty one. Throws for any other. */
export function isPrepared(db: Database.Database): boolean {
  if (db.pragma('application_id', { simple: true }) === APPLICATION_ID) {
    const version = db.pragma('user_version', { simple: true });
    if (version === SCHEMA_VERSION) return true;
    throw new Error(`has schema version ${version}, this program knows ${SCHEMA_VERSION}; move it away to begin anew`);
  }
  const tables = db.prepare<[], { count: number }>('SELECT COUNT(*) AS count FROM sqlite_schema').get();
  if (tables?.count === 0) return false;
  throw new Error('is a database of another program; move it away, or point DATA_DIR somewhere else');
}

/** Makes an empty file an evidence log whose first row follows `after`; a file that is one already stays as it is. */
export function prepare(db: Database.Database, after: Link = GENESIS): void {
  db.transaction(() => {
    if (isPrepared(db)) return;
    db.exec(SCHEMA);
    const { seq, hash } = after;
    db.prepare('INSERT INTO chain VALUES (1, ?, ?, ?, ?)').run(seq, hash, seq, hash);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  }).immediate();
}

/** The two ends of the chain in a prepared file. */
export function chainOf(db: Database.Database): { read(): { readonly anchor: Link; readonly head: Link } } {
  const chain = db.prepare<
    [],
    { anchor_seq: number; anchor_hash: Uint8Array; head_seq: number; head_hash: Uint8Array }
  >('SELECT anchor_seq, anchor_hash, head_seq, head_hash FROM chain');
  return {
    read() {
      const row = chain.get();
      if (!row) throw new Error('has lost the ends of its chain; move it away to begin anew');
      return {
        anchor: { seq: row.anchor_seq, hash: row.anchor_hash },
        head: { seq: row.head_seq, hash: row.head_hash },
      };
    },
  };
}
