/** What an operator does about a file that cannot be used, by the code of SQLite or of the operating system. */
const NEXT_STEP_BY_CODE: ReadonlyMap<string, string> = new Map([
  ['SQLITE_FULL', 'has no space left; free disk space, or shorten evidence.retention'],
  ['SQLITE_READONLY', 'cannot be written; give the user that runs the gateway write access to it and its directory'],
  ['SQLITE_CANTOPEN', 'cannot be opened; check that its directory exists and belongs to the user of the gateway'],
  ['SQLITE_NOTADB', 'is not a SQLite database; move it away'],
  ['SQLITE_CORRUPT', 'is damaged; move it away and keep it, a new one is begun'],
  ['SQLITE_BUSY', 'is held by another program; close it, or let it finish'],
  ['SQLITE_IOERR', 'could not be read or written by the operating system; check the disk and the system log'],
  ['EACCES', 'cannot be made; give the user that runs the gateway write access to its directory'],
  ['EROFS', 'cannot be made on a read-only file system; set DATA_DIR to a writable directory'],
  ['ENOSPC', 'cannot be made, the disk is full; free disk space'],
]);

/** The same error in an operator's words: which file, what is wrong, what to do. */
export function explain(path: string, thrown: unknown): Error {
  const code = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null;
  if (code === null) {
    return new Error(`evidence: ${path} ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
      cause: thrown,
    });
  }
  // Extended codes keep their family's name in front: SQLITE_IOERR_FSYNC.
  const step = NEXT_STEP_BY_CODE.get(code) ?? NEXT_STEP_BY_CODE.get(code.split('_').slice(0, 2).join('_'));
  return new Error(`evidence: ${path} ${step ?? 'cannot be used'} (${code})`, { cause: thrown });
}
