import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { err, ok, type Result } from '../payment/index.ts';

const LOCK_TRIES = 20;
const LOCK_AGAIN_MS = 50;

/**
 * Puts `text` in the place of a file that still holds `expected`, whole or not at all, with the same owner and mode; `changed`
 * when it holds something else by now. The lock beside the file keeps other commands out between looking and renaming; an editor
 * does not know it, so of an editor's saving in these microseconds the later one stays.
 */
export async function replaceFile(
  path: string,
  { expected, text }: { readonly expected: string; readonly text: string },
): Promise<Result<'replaced' | 'changed', string>> {
  try {
    const target = realpathSync(path);
    const lock = `${target}.lock`;
    if (!(await locked(lock))) {
      return err(`${lock} is there: another command is writing, or was killed while it was; remove it if none runs`);
    }
    try {
      if (readFileSync(target, 'utf8') !== expected) return ok('changed');
      exchange(target, text);
      return ok('replaced');
    } finally {
      unlinkSync(lock);
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    return err(`${path} cannot be written${code}; may this user write the file and its folder, and keep its owner?`);
  }
}

async function locked(lock: string): Promise<boolean> {
  for (let tries = 1; tries <= LOCK_TRIES; tries += 1) {
    try {
      const file = openSync(lock, 'wx', 0o600);
      writeSync(file, `${process.pid}\n`);
      closeSync(file);
      return true;
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    }
    await pause(LOCK_AGAIN_MS);
  }
  return false;
}

function exchange(target: string, text: string): void {
  const draft = `${target}.${process.pid}-${process.hrtime.bigint()}.new`;
  const { mode, uid, gid } = statSync(target);
  const file = openSync(draft, 'wx', 0o600);
  try {
    try {
      writeSync(file, text);
      fchownSync(file, uid, gid);
      fchmodSync(file, mode & 0o7777);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, target);
  } catch (cause) {
    unlinkSync(draft);
    throw cause;
  }
  syncFolder(dirname(target));
}

/** So that the rename outlives a power cut too. It has taken effect all the same where a file system knows no such thing. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch {}
}
