import Database from 'better-sqlite3';

const NEXT_STEP_BY_CODE: ReadonlyMap<string, string> = new Map([
  ['SQLITE_FULL', 'has no space left; free disk space (or raise its size limit), nothing of this write was kept'],
  [
    'SQLITE_READONLY',
    'cannot be written; give the user that runs the gateway write access to the file and its directory',
  ],
  [
    'SQLITE_CANTOPEN',
    'cannot be opened; check that its directory exists and belongs to the user that runs the gateway',
  ],
  ['SQLITE_NOTADB', 'is not a SQLite database; move it away, or point DATA_DIR somewhere else'],
  [
    'SQLITE_CORRUPT',
    'is damaged; stop the gateway, keep a copy, and restore a backup (or try `sqlite3 <file> .recover`)',
  ],
  ['SQLITE_BUSY', 'is held by another program; close it, or let it finish'],
  ['SQLITE_IOERR_SHORT_READ', 'is cut off; stop the gateway, keep a copy, and restore a backup'],
  ['SQLITE_IOERR_SHMSIZE', 'has no space left; free disk space'],
  ['SQLITE_IOERR', 'could not be read or written by the operating system; check the disk and the system log'],
  ['SQLITE_PERM', 'is not accessible; give the user that runs the gateway access to it'],
  ['EACCES', 'cannot be created; make its directory writable for the user that runs the gateway, or set DATA_DIR'],
  ['EPERM', 'cannot be created; make its directory writable for the user that runs the gateway, or set DATA_DIR'],
  ['EROFS', 'cannot be created on a read-only file system; set DATA_DIR to a writable directory'],
  ['ENOTDIR', 'cannot be created below a file; set DATA_DIR to a directory'],
  ['EEXIST', 'cannot be created below a file; set DATA_DIR to a directory'],
  ['EISDIR', 'is a directory; set DATA_DIR so that the name is free'],
  ['ENOENT', 'cannot be created; set DATA_DIR to a directory that can exist'],
  ['ENOSPC', 'cannot be created, the disk is full; free disk space'],
]);

const DAMAGED: ReadonlySet<string> = new Set(['SQLITE_CORRUPT', 'SQLITE_NOTADB']);

/** Says in an operator's words what happened to the database file and what to do; other errors pass as they are. */
export function explain(path: string, error: unknown): Error {
  const code = codeOf(error);
  const step = code === null ? undefined : (NEXT_STEP_BY_CODE.get(code) ?? NEXT_STEP_BY_CODE.get(primary(code)));
  if (code !== null && step !== undefined) return new Error(`store: ${path} ${step} (${code})`, { cause: error });
  return error instanceof Error ? error : new Error(`store: ${path} failed`, { cause: error });
}

/** Runs something on the file and lets its errors leave in an operator's words. */
export function explaining<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw explain(path, error);
  }
}

/** True when it is the file that cannot take a write now, whatever the write is. */
export function isOutage(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && NEXT_STEP_BY_CODE.has(primary(code));
}

/** True when what is in the file cannot be relied on. */
export function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && (code === 'SQLITE_IOERR_SHORT_READ' || DAMAGED.has(primary(code)));
}

/** True when another connection holds the lock that was asked for. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && primary(code) === 'SQLITE_BUSY';
}

function codeOf(error: unknown): string | null {
  if (error instanceof Database.SqliteError) return error.code;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** `SQLITE_IOERR_FSYNC` -> `SQLITE_IOERR`: extended codes keep their family's name in front. */
function primary(code: string): string {
  return code.split('_').slice(0, 2).join('_');
}
