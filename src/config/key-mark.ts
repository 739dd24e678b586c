import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Result } from '../payment/index.ts';
import type { ConfigFault } from './faults.ts';
import { readFailure } from './references.ts';
import { writeOnce } from './write-once.ts';

const NAME = 'master-key.id';

/** The id of the key that the data in this folder is sealed with; null before the first start. Throws as `node:fs` does. */
export function readKeyMark(dataDir: string): string | null {
  try {
    return readFileSync(join(dataDir, NAME), 'utf8').trim();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw cause;
  }
}

/**
 * Refuses a master key other than the one this data folder began with: the gateway would run, and what it had sealed before
 * could never be opened again. The folder is marked with the key's id (a hash, not the key) at the first start.
 */
export function confirmMasterKey(dataDir: string, keyId: string): Result<void, ConfigFault> {
  const file = join(dataDir, NAME);
  try {
    const marked = readKeyMark(dataDir) ?? mark(dataDir, keyId);
    return marked === keyId ? ok(undefined) : err({ file, line: 0, path: '', message: otherKey(marked, keyId) });
  } catch (cause) {
    return err({ file, line: 0, path: '', message: `cannot be used: ${readFailure(cause)}` });
  }
}

/** A folder that cannot be written is the store's to refuse, in its own words; then there is nothing to mark either. */
function mark(dataDir: string, keyId: string): string {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return writeOnce(join(dataDir, NAME), `${keyId}\n`).trim();
  } catch {
    return keyId;
  }
}

export function otherKey(marked: string, keyId: string | null): string {
  const now = keyId === null ? 'but there is no key' : `but the key given has the id ${keyId}`;
  return `says that this data is sealed with the master key ${marked}, ${now}; bring the first one back. Only to give up what it sealed (buyers' data, stored messages), remove this file`;
}
