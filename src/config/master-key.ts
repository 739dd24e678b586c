import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Result } from '../payment/index.ts';
import { decodeBase64 } from './base64.ts';
import { type ConfigFault, environmentFault } from './faults.ts';
import { otherKey, readKeyMark } from './key-mark.ts';
import { readFailure } from './references.ts';
import { type KeyedSealer, MASTER_KEY_BYTES, sealerFor } from './sealer.ts';
import { writeOnce } from './write-once.ts';

const HOW_TO = 'make one with: openssl rand -base64 32';

/**
 * The key that encrypts personal data at rest. MASTER_KEY wins. Without it a sandbox makes `master.key` in the data folder at
 * its first start and uses it ever after; outside the sandbox a missing key is a fault, since a key beside the data protects
 * nothing.
 */
export function openMasterKey(options: {
  /** The value of MASTER_KEY; null when it is not set. */
  readonly masterKey: string | null;
  readonly dataDir: string;
  readonly sandbox: boolean;
  readonly randomBytes: (size: number) => Uint8Array;
}): Result<KeyedSealer, ConfigFault> {
  const { masterKey, dataDir, sandbox, randomBytes } = options;
  if (masterKey !== null) {
    const key = decodeKey(masterKey);
    if (key === null) return err(environmentFault('MASTER_KEY', `must be 32 random bytes in base64; ${HOW_TO}`));
    return ok(sealerFor(key, randomBytes));
  }
  if (!sandbox) return err(environmentFault('MASTER_KEY', `is required outside the sandbox; ${HOW_TO}`));

  const path = join(dataDir, 'master.key');
  try {
    const stored = readKeyFile(path);
    const marked = stored === null ? readKeyMark(dataDir) : null;
    if (marked !== null) return err(keyFileFault(path, `is gone: a file beside it ${otherKey(marked, null)}`));
    const key = decodeKey(stored ?? createKeyFile(path, dataDir, randomBytes));
    if (key !== null) return ok(sealerFor(key, randomBytes));
    return err(
      keyFileFault(path, 'does not hold 32 random bytes in base64; bring it back, or data sealed with it is lost'),
    );
  } catch (cause) {
    return err(keyFileFault(path, `cannot be used: ${readFailure(cause)}`));
  }
}

function decodeKey(text: string): Buffer | null {
  const key = decodeBase64(text.trim());
  // Real randomness has about 30 different bytes out of 32; a typed or zeroed key has a few.
  return key !== null && key.length === MASTER_KEY_BYTES && new Set(key).size > 8 ? key : null;
}

function readKeyFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw cause;
  }
}

/** Never over another: two processes may start at once. */
function createKeyFile(path: string, dataDir: string, randomBytes: (size: number) => Uint8Array): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return writeOnce(path, `${Buffer.from(randomBytes(MASTER_KEY_BYTES)).toString('base64')}\n`);
}

function keyFileFault(file: string, message: string): ConfigFault {
  return { file, line: 0, path: '', message };
}
