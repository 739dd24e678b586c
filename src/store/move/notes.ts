import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import type { CollectionName, EventPlace } from '../mongo/moving-rows.ts';
import type { SourceEvent } from '../sqlite/moving.ts';

/** What one side has under an id: the hash of the document, or empty where there is none. */
const NOTHING = Buffer.alloc(0);

export interface Sides {
  readonly source: Buffer;
  readonly target: Buffer;
}

export interface Tally {
  readonly source: number;
  readonly sourceSha256: string;
  readonly targetSha256: string;
  /** Ids that the two sides do not agree on, in their order. */
  readonly differing: readonly string[];
  readonly differingCount: number;
}

const DIFFERING_TOLD_MAX = 5;

export type Notes = ReturnType<typeof openNotes>;

/**
 * What this process has seen of both sides, in a temporary file that SQLite makes and removes: so neither memory nor the time in which
 * no gateway runs grows with what did not change.
 */
export function openNotes() {
  const db = new Database('');
  db.pragma('synchronous = OFF');
  db.exec(`
    CREATE TABLE documents (
      collection TEXT NOT NULL, id TEXT NOT NULL, source BLOB NOT NULL, target BLOB, pass INTEGER NOT NULL,
      PRIMARY KEY (collection, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE copied (pk INTEGER PRIMARY KEY, version INTEGER NOT NULL) STRICT;
    CREATE TABLE places (event_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, pk INTEGER NOT NULL) STRICT, WITHOUT ROWID;`);
  const statements = prepare(db);
  const eventsOf = new Map<string, number>();
  let lastEventPk = 0;

  const addEvents = db.transaction((events: readonly SourceEvent[]) => {
    for (const { pk, eventId, merchantId } of events) {
      const seq = (eventsOf.get(merchantId) ?? 0) + 1;
      eventsOf.set(merchantId, seq);
      statements.addPlace.run(eventId, seq, pk);
      lastEventPk = pk;
    }
  });
  const addDocuments = db.transaction(
    (collection: CollectionName, pass: number, sides: ReadonlyMap<string, Sides>): void => {
      for (const [id, { source, target }] of sides) {
        statements.addDocument.run(collection, id, source, source.equals(target) ? null : target, pass);
      }
    },
  );
  const addCopied = db.transaction((rows: readonly { readonly pk: number; readonly version: number }[]) => {
    for (const { pk, version } of rows) statements.addCopied.run(pk, version);
  });

  function digest(collection: CollectionName): Tally {
    const hashes = { source: createHash('sha256'), target: createHash('sha256') };
    const differing: string[] = [];
    let [source, differingCount] = [0, 0];
    for (const row of statements.all.iterate(collection)) {
      const target = row.target ?? row.source;
      if (row.source.length > 0) {
        source += 1;
        hashes.source.update(`${row.id}\n`).update(row.source);
      }
      if (target.length > 0) hashes.target.update(`${row.id}\n`).update(target);
      if (row.target === null) continue;
      differingCount += 1;
      if (differing.length < DIFFERING_TOLD_MAX) differing.push(row.id);
    }
    return {
      ...{ source, differing, differingCount },
      ...{ sourceSha256: hashes.source.digest('hex'), targetSha256: hashes.target.digest('hex') },
    };
  }

  return {
    addEvents,
    lastEventPk: () => lastEventPk,
    placeOf(eventId: string): EventPlace {
      const place = statements.place.get(eventId);
      if (place === undefined) throw new Error(`store: the event ${eventId} is not in the list of events`);
      return place;
    },
    addCopied,
    isCopied: (pk: number, version: number): boolean => statements.copied.get(pk)?.version === version,
    addDocuments,
    addMissing: (collection: CollectionName, id: string, source: Buffer): void =>
      void statements.addDocument.run(collection, id, source, NOTHING, 0),
    /** A document that the source does not have. */
    addForeign: (collection: CollectionName, id: string): void =>
      void statements.addDocument.run(collection, id, NOTHING, createHash('sha256').update(id).digest(), 0),
    has: (collection: CollectionName, id: string): boolean => statements.one.get(collection, id) !== undefined,
    /** The same on both sides when it was seen last, and as it is now. */
    isSettled(collection: CollectionName, id: string, source: Buffer): boolean {
      const row = statements.one.get(collection, id);
      return row !== undefined && row.target === null && row.source.equals(source);
    },
    touch: (collection: CollectionName, id: string, pass: number): void =>
      void statements.touch.run(pass, collection, id),
    /** What an earlier pass has seen in the source and this one has not; forgets it. */
    takeGone(collection: CollectionName, pass: number): readonly string[] {
      const gone = statements.gone.all(collection, pass).map(({ id }) => id);
      statements.forget.run(collection, pass);
      return gone;
    },
    digest,
    close: (): void => void db.close(),
  };
}

interface DocumentNote {
  readonly id: string;
  readonly source: Buffer;
  readonly target: Buffer | null;
}

function prepare(db: Database.Database) {
  return {
    addPlace: db.prepare<[string, number, number]>('INSERT INTO places VALUES (?, ?, ?)'),
    place: db.prepare<[string], EventPlace>('SELECT seq, pk AS "order" FROM places WHERE event_id = ?'),
    addCopied: db.prepare<[number, number]>('INSERT OR REPLACE INTO copied VALUES (?, ?)'),
    copied: db.prepare<[number], { readonly version: number }>('SELECT version FROM copied WHERE pk = ?'),
    addDocument: db.prepare<[string, string, Buffer, Buffer | null, number]>(
      'INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)',
    ),
    one: db.prepare<[string, string], DocumentNote>(
      'SELECT id, source, target FROM documents WHERE collection = ? AND id = ?',
    ),
    all: db.prepare<[string], DocumentNote>(
      'SELECT id, source, target FROM documents WHERE collection = ? ORDER BY id',
    ),
    touch: db.prepare<[number, string, string]>('UPDATE documents SET pass = ? WHERE collection = ? AND id = ?'),
    gone: db.prepare<[string, number], { readonly id: string }>(
      'SELECT id FROM documents WHERE collection = ? AND pass < ?',
    ),
    forget: db.prepare<[string, number]>('DELETE FROM documents WHERE collection = ? AND pass < ?'),
  };
}
