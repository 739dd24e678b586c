import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { issueCertificate } from '../../../src/channel/sandbox/index.ts';

const makeKeyPair = promisify(generateKeyPair);
const DAY_MS = 24 * 3_600_000;
const AUTHORITY = 'Switchyard sandbox authority for PayPal';

const keysSchema = z.object({
  clientId: z.string(),
  clientSecret: z.string(),
  webhookId: z.string(),
  merchantId: z.string(),
  authorityCertificate: z.string(),
  authorityKey: z.string(),
  /** The last part of the address that the webhook certificate is served at. */
  certificateName: z.string(),
  certificate: z.string(),
  certificateKey: z.string(),
});

/** A REST app, its merchant, its webhook, and PayPal's certificates for it; PEM texts. */
export type Keys = z.infer<typeof keysSchema>;

interface Chance {
  readonly now: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** The keys of an earlier start if they can be read, else a new account. */
export async function openKeys(saved: unknown, chance: Chance): Promise<Keys> {
  const known = keysSchema.safeParse(saved);
  return known.success ? known.data : makeKeys(chance);
}

/** Ids as PayPal makes them: capital letters and digits. */
export function newId(randomBytes: Chance['randomBytes'], length = 17): string {
  const letters = '0123456789ABCDEFGHJKLMNPRSTUVWXY';
  return [...randomBytes(length)].map((byte) => letters[byte % letters.length]).join('');
}

export function privateKeyOf(pem: string): KeyObject {
  return createPrivateKey(pem);
}

async function makeKeys({ now, randomBytes }: Chance): Promise<Keys> {
  const [authority, leaf] = await Promise.all([
    makeKeyPair('rsa', { modulusLength: 2048 }),
    makeKeyPair('rsa', { modulusLength: 2048 }),
  ]);
  const base = {
    notBefore: new Date(now() - 30 * DAY_MS),
    notAfter: new Date(now() + 5 * 365 * DAY_MS),
    issuer: { commonName: AUTHORITY, privateKey: authority.privateKey },
  };
  const serial = () => `5${Buffer.from(randomBytes(16)).toString('hex').slice(1)}`;
  const text = (bytes: number) => Buffer.from(randomBytes(bytes)).toString('base64url');
  return {
    clientId: `A${text(59)}`,
    clientSecret: `E${text(59)}`,
    webhookId: `1${newId(randomBytes, 16)}`,
    merchantId: newId(randomBytes, 13),
    authorityCertificate: issueCertificate({
      ...base,
      serial: serial(),
      commonName: AUTHORITY,
      publicKey: authority.publicKey,
      isAuthority: true,
    }),
    authorityKey: pem(authority.privateKey),
    certificateName: `CERT-${Buffer.from(randomBytes(12)).toString('hex')}`,
    certificate: issueCertificate({
      ...base,
      serial: serial(),
      commonName: 'messageverificationcerts.paypal.com',
      publicKey: leaf.publicKey,
      isAuthority: false,
    }),
    certificateKey: pem(leaf.privateKey),
  };
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
