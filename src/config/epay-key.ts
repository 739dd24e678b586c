import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeOnce } from './write-once.ts';

const NAME = 'epay-platform-key.pem';
const BITS = 2_048;

/**
 * The key that signs for the platform in version 2 of epay: the one that is given, or one of the data folder, which is made when it is
 * first wanted and used ever after, since shops know its public half by heart. Rejects when the file holds something else.
 */
export function openEpayKey({
  given,
  dataDir,
}: {
  /** The value of EPAY_PRIVATE_KEY; null when it is not set. */
  readonly given: string | null;
  readonly dataDir: string;
}): () => Promise<KeyObject> {
  let opened: Promise<KeyObject> | null = null;
  const open = async (): Promise<KeyObject> => {
    const path = join(dataDir, NAME);
    const text = given ?? readKeyFile(path) ?? (await makeKeyFile(path, dataDir));
    const key = readPrivateKey(text);
    if (key === null)
      throw new Error(`${path} does not hold an RSA private key; bring it back, or shops must be given a new one`);
    return key;
  };
  return () => {
    opened ??= open().catch((thrown: unknown) => {
      opened = null;
      throw thrown;
    });
    return opened;
  };
}

/** A PEM text, or the base64 of a PKCS#8 key; null for everything else. */
export function readPrivateKey(text: string): KeyObject | null {
  try {
    const isPem = text.trimStart().startsWith('-----BEGIN ');
    const key = createPrivateKey(
      isPem ? text : { key: Buffer.from(text.replaceAll(/\s/g, ''), 'base64'), format: 'der', type: 'pkcs8' },
    );
    return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= BITS ? key : null;
  } catch {
    return null;
  }
}

function readKeyFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw cause;
  }
}

async function makeKeyFile(path: string, dataDir: string): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: BITS });
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return writeOnce(path, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
}
