import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';

/** Above every schema version there will be, so that programs which know nothing of moving refuse the file as well. */
const MOVED = 1_000_000;

interface Moved {
  readonly target: string;
  readonly at: number;
}

/** True for the version of a file whose payments are in another store. */
export function isMoved(version: number): boolean {
  return version >= MOVED;
}

export function movedAway(path: string): Error {
  return new Error(
    `store: the payments of ${path} have moved to MongoDB, and what is in it is of before; start the gateway with MONGO_URL`,
  );
}

/** One transaction: after it nobody opens the file for payments any more. */
export function markMoved(db: Database.Database, target: string, at: number): void {
  db.transaction(() => {
    db.exec('CREATE TABLE moved (target TEXT NOT NULL, at INTEGER NOT NULL) STRICT');
    db.prepare<[Moved]>('INSERT INTO moved VALUES (:target, :at)').run({ target, at });
    db.prepare<[number]>('UPDATE schema_version SET version = version + ?').run(MOVED);
  }).immediate();
}

/** The inverse, when the file was given to this target; else nothing is changed. */
export function unmarkMoved(db: Database.Database, target: string): void {
  db.transaction(() => {
    if (targetOf(db) !== target) return;
    db.exec('DROP TABLE moved');
    db.prepare<[number]>('UPDATE schema_version SET version = version - ?').run(MOVED);
  }).immediate();
}

/** Looks into a file that may be missing, another program's, or in use. */
export function movedTo(path: string): string | null {
  if (!existsSync(path)) return null;
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    return targetOf(db);
  } finally {
    db.close();
  }
}

function targetOf(db: Database.Database): string | null {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'moved'").get();
  if (table === undefined) return null;
  return db.prepare<[], Moved>('SELECT target, at FROM moved').get()?.target ?? null;
}
