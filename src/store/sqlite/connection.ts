import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { explaining, isBusy } from './failures.ts';
import { countCommitsCutOff } from './log-check.ts';
import { MIGRATIONS, migrate, newerSchema, schemaVersion } from './migrations.ts';
import { isMoved, movedAway } from './moved.ts';

/** How long a statement waits for a lock that a reader or a backup tool holds; the process stands still meanwhile. */
const BUSY_TIMEOUT_MS = 2_000;
/** 16 MiB of log between checkpoints: a page that changes often is copied into the database once. */
const CHECKPOINT_PAGES = 4_000;
const JOURNAL_BYTES_MAX = 64 * 1024 * 1024;
/** Pages that are kept in our own memory; the operating system keeps the others. better-sqlite3 would take 16 MiB. */
const CACHE_KIB = 4_096;

export interface Connection {
  readonly db: Database.Database;
  readonly path: string;
  /** Throws when the open files are no longer those at their paths: what is written to a deleted file is lost. */
  assertInPlace(): void;
  close(): void;
}

/**
 * Opens the one writing connection and keeps every other process from opening a second one until it is closed. `first` runs before the
 * file's version is looked at.
 */
export function openWriter(
  file: string,
  sizeBytesMax: number | undefined,
  first: (db: Database.Database) => void = () => {},
): Connection {
  const path = resolve(file);
  return explaining(path, () => {
    makeDirectory(dirname(path));
    const lock = lockOut(path, (cause) => inUse(path, cause));
    try {
      refuseRemains(path);
      createPrivate(path);
      const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
      return guard(db, () => {
        // First of all a read: it refuses what is no database, before a pragma could change anything.
        schemaVersion(db, path);
        prepareForWriting(db, path, sizeBytesMax);
        first(db);
        migrate(db, path);
        emptyLog(db);
        return connection(db, [path, `${path}-wal`], () => lock.close());
      });
    } catch (error) {
      lock.close();
      throw error;
    }
  });
}

/** Opens a file for reading only; a gateway may be writing to it. */
export function openReader(file: string): Connection {
  const path = resolve(file);
  return explaining(path, () => {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      throw missing(path);
    }
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    return guard(db, () => {
      const found = schemaVersion(db, path);
      if (isMoved(found)) throw movedAway(path);
      if (found > MIGRATIONS.length) throw newerSchema(path, found, MIGRATIONS.length);
      if (found < MIGRATIONS.length) {
        throw new Error(
          `store: ${path} has the older schema version ${found}; start the gateway once to bring it forward`,
        );
      }
      return connection(db, [path], () => {});
    });
  });
}

/** The first of `files` is the database. */
function connection(db: Database.Database, files: readonly [string, ...string[]], afterClose: () => void): Connection {
  const opened = files.map((file) => ({ file, identity: identityOf(file) }));
  return {
    db,
    path: files[0],
    assertInPlace() {
      const gone = opened.find(({ file, identity }) => identity !== null && identityOf(file) !== identity);
      if (gone === undefined) return;
      throw new Error(
        `store: ${gone.file} was removed or replaced while it was open; put it back, or stop the gateway, which saves what it can`,
      );
    },
    close() {
      if (!db.readonly) emptyLog(db);
      db.close();
      afterClose();
    },
  };
}

function identityOf(file: string): string | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev}/${found.ino}`;
}

/**
 * Copies the log into the database. What cannot be copied now (no space, a reader that is in the way) stays in the log, which
 * is as durable.
 */
function emptyLog(db: Database.Database): void {
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
  } catch {
    // Whatever is wrong with the file, the next write or the next start meets it again and says so.
  }
}

/**
 * Refuses files that SQLite would quietly make a smaller database of: it drops the log of a database that is empty or gone, and
 * leaves out what follows a damaged part of the log.
 */
function refuseRemains(path: string): void {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size;
  if (bytes === 0) {
    throw new Error(
      `store: ${path} is empty, which no database is; restore a backup, or remove it to start without payments`,
    );
  }
  const log = `${path}-wal`;
  if (bytes === undefined && statSync(log, { throwIfNoEntry: false })?.size) {
    throw new Error(
      `store: ${path} is missing, and ${log} beside it holds payments; put the database back, or restore a backup and remove the log`,
    );
  }
  const cutOff = countCommitsCutOff(log);
  if (cutOff <= 1) return;
  throw new Error(
    `store: ${log} is damaged, and ${cutOff} commits follow the damage; keep a copy of both files and restore a backup, ` +
      `or give these commits up with \`sqlite3 ${path} 'PRAGMA wal_checkpoint(TRUNCATE)'\``,
  );
}

function prepareForWriting(db: Database.Database, path: string, sizeBytesMax: number | undefined): void {
  if (db.pragma('journal_mode = WAL', { simple: true }) !== 'wal') {
    throw new Error(`store: the file system of ${path} cannot hold a write-ahead log; set DATA_DIR to a local disk`);
  }
  db.pragma('synchronous = FULL');
  // On macOS only this reaches the disk; elsewhere it changes nothing.
  db.pragma('fullfsync = ON');
  db.pragma('foreign_keys = OFF');
  db.pragma('trusted_schema = OFF');
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.pragma(`journal_size_limit = ${JOURNAL_BYTES_MAX}`);
  db.pragma(`cache_size = ${-CACHE_KIB}`);
  if (sizeBytesMax === undefined) return;
  const pageBytes = Number(db.pragma('page_size', { simple: true }));
  db.pragma(`max_page_count = ${Math.floor(sizeBytesMax / pageBytes)}`);
}

/** The file is another gateway's now. */
class InUse extends Error {
  override readonly name = 'InUse';
}

export function isInUse(error: unknown): boolean {
  return error instanceof InUse;
}

/** Keeps a second move of the same file out until it is called or the process ends; gateways may have the file meanwhile. */
export function lockMove(file: string): () => void {
  const path = resolve(file);
  const lock = explaining(path, () => {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) throw missing(path);
    return lockOut(
      `${path}.move`,
      () => new Error(`migrate: another migration of ${path} is under way; let it finish`),
    );
  });
  return () => lock.close();
}

function missing(path: string): Error {
  return new Error(`store: ${path} does not exist; start the gateway once, or set DATA_DIR to where its data is`);
}

function inUse(path: string, cause: unknown): InUse {
  return new InUse(
    `store: ${path} is in use by another gateway; stop that one, or give this one its own DATA_DIR (reading is possible)`,
    { cause },
  );
}

/**
 * An exclusive lock of the operating system on `<path>.lock`. It ends with the process however that dies, so that nobody ever
 * has to remove a stale lock file. SQLite takes it for us: Node has no file locks.
 */
function lockOut(path: string, refusal: (cause: unknown) => Error): Database.Database {
  const lock = new Database(`${path}.lock`, { timeout: 0 });
  return guard(lock, () => {
    try {
      lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      if (!isBusy(error)) throw error;
      throw refusal(error);
    }
    return lock;
  });
}

/** Payments concern nobody else on the machine; SQLite gives its log the same mode. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** A directory that was just made must survive a power cut too, together with the payments in it. */
function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined || process.platform === 'win32') return;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    const parent = openSync(dirname(made), 'r');
    fsyncSync(parent);
    closeSync(parent);
  }
}

function guard<T>(db: Database.Database, build: () => T): T {
  try {
    return build();
  } catch (error) {
    db.close();
    throw error;
  }
}
