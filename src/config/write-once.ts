import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';

/**
 * Writes a small file for its owner alone, whole or not at all and never over another: two processes may start at once, and one
 * may be killed half-way. Answers what the file holds then, which is the other's text when the other was first.
 */
export function writeOnce(path: string, text: string): string {
  const draft = `${path}.${process.pid}-${process.hrtime.bigint()}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
  } finally {
    unlinkSync(draft);
  }
  return readFileSync(path, 'utf8');
}
