import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Result } from '../payment/index.ts';
import { decodeBase64 } from './base64.ts';
import { type ConfigFault, environmentFault } from './faults.ts';
import { otherKey, readKeyMark } from './key-mark.ts';
import { type Env, readFailure } from './references.ts';
import { type OpenSealed, refuseSealed, type ValueSealer, valueSealerFor } from './sealed-values.ts';
import { type KeyedSealer, MASTER_KEY_BYTES, sealerFor } from './sealer.ts';
import { writeOnce } from './write-once.ts';

const HOW_TO = 'make one with: openssl rand -base64 32';

/**
 * The key that encrypts personal data at rest. MASTER_KEY wins. Without it a sandbox makes `master.key` in the data folder at
 * its first start and uses it ever after; outside the sandbox a missing key is a fault, since a key beside the data protects
 * nothing.
 */
export function openMasterKey(options: MasterKeyOptions): Result<KeyedSealer, ConfigFault> {
  const key = readMasterKey(options);
  return key.ok ? ok(sealerFor(key.value, options.randomBytes)) : key;
}

/** The same key, for sealing values of the configuration. Refused when the data folder belongs to another key. */
export function openValueSealer(options: MasterKeyOptions): Result<ValueSealer, ConfigFault> {
  const key = readMasterKey(options);
  if (!key.ok) return key;
  const sealer = valueSealerFor(key.value, options.randomBytes);
  try {
    const marked = readKeyMark(options.dataDir);
    if (marked === null || marked === sealer.keyId) return ok(sealer);
    return err(keyFileFault(join(options.dataDir, 'master-key.id'), otherKey(marked, sealer.keyId)));
  } catch (cause) {
    return err(keyFileFault(options.dataDir, `cannot be used: ${readFailure(cause)}`));
  }
}

/**
 * Opens the sealed values of configuration files with the key that this environment names. Looks for it when the first value is
 * met, and never makes one: what is sealed was sealed with a key that is there already.
 */
export function sealedOpener(env: Env): OpenSealed {
  let open: OpenSealed | null = null;
  return (sealed, place) => {
    open ??= findOpener(env);
    return open(sealed, place);
  };
}

function findOpener(env: Env): OpenSealed {
  try {
    const text = env.MASTER_KEY || readKeyFile(join(env.DATA_DIR || './data', 'master.key'));
    if (text === null) return refuseSealed('there is no master key here; set MASTER_KEY to that one');
    const key = decodeKey(text);
    if (key === null)
      return refuseSealed('MASTER_KEY (or master.key) does not hold 32 random bytes in base64; mend it');
    return valueSealerFor(key, neverRandom).open;
  } catch (cause) {
    return refuseSealed(`master.key cannot be used: ${readFailure(cause)}; set MASTER_KEY`);
  }
}

function neverRandom(): never {
  throw new Error('opening needs no random bytes');
}

interface MasterKeyOptions {
  /** The value of MASTER_KEY; null when it is not set. */
  readonly masterKey: string | null;
  readonly dataDir: string;
  readonly sandbox: boolean;
  readonly randomBytes: (size: number) => Uint8Array;
}

function readMasterKey(options: MasterKeyOptions): Result<Buffer, ConfigFault> {
  const { masterKey, dataDir, sandbox, randomBytes } = options;
  if (masterKey !== null) {
    const key = decodeKey(masterKey);
    if (key === null) return err(environmentFault('MASTER_KEY', `must be 32 random bytes in base64; ${HOW_TO}`));
    return ok(key);
  }
  if (!sandbox) return err(environmentFault('MASTER_KEY', `is required outside the sandbox; ${HOW_TO}`));

  const path = join(dataDir, 'master.key');
  try {
    const stored = readKeyFile(path);
    const marked = stored === null ? readKeyMark(dataDir) : null;
    if (marked !== null) return err(keyFileFault(path, `is gone: a file beside it ${otherKey(marked, null)}`));
    const key = decodeKey(stored ?? createKeyFile(path, dataDir, randomBytes));
    if (key !== null) return ok(key);
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
