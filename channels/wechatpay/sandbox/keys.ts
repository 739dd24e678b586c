import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { issueCertificate } from '../../../src/channel/sandbox/index.ts';

const makeKeyPair = promisify(generateKeyPair);
const FIVE_YEARS_MS = 5 * 365 * 24 * 3_600_000;

const platformCertificateSchema = z.object({
  serial: z.string(),
  certificate: z.string(),
  privateKey: z.string(),
  effectiveAt: z.number(),
  expiresAt: z.number(),
});

const keysSchema = z.object({
  appid: z.string(),
  mchid: z.string(),
  merchantSerial: z.string(),
  merchantPrivateKey: z.string(),
  apiV3Key: z.string(),
  publicKeyId: z.string(),
  platformPrivateKey: z.string(),
  certificate: platformCertificateSchema,
});

/** A merchant account and the platform's keys for it: PEM texts, hex serial numbers, times in epoch milliseconds. */
export type AccountKeys = z.infer<typeof keysSchema>;
export type PlatformCertificate = z.infer<typeof platformCertificateSchema>;

interface Chance {
  readonly now: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** The keys of an earlier start if they can be read, else a new account. */
export async function openKeys(saved: unknown, chance: Chance): Promise<AccountKeys> {
  const known = keysSchema.safeParse(saved);
  return known.success ? known.data : makeAccount(chance);
}

/** Another certificate, as WeChat puts one beside the old one when that comes to its end. */
export async function makeCertificate({ now, randomBytes }: Chance): Promise<PlatformCertificate> {
  const { publicKey, privateKey } = await makeKeyPair('rsa', { modulusLength: 2048 });
  const serial = serialNumber(randomBytes);
  const effectiveAt = now();
  const expiresAt = effectiveAt + FIVE_YEARS_MS;
  const commonName = 'Tenpay.com sandbox sign';
  const certificate = issueCertificate({
    serial,
    commonName,
    notBefore: new Date(effectiveAt),
    notAfter: new Date(expiresAt),
    publicKey,
    issuer: { commonName, privateKey },
    isAuthority: false,
  });
  return { serial, certificate, privateKey: pem(privateKey), effectiveAt, expiresAt };
}

/** SPKI PEM of a private key's public half. */
export function publicPem(privateKey: string): string {
  return createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'pem' }).toString();
}

async function makeAccount(chance: Chance): Promise<AccountKeys> {
  const [merchant, platform, certificate] = await Promise.all([
    makeKeyPair('rsa', { modulusLength: 2048 }),
    makeKeyPair('rsa', { modulusLength: 2048 }),
    makeCertificate(chance),
  ]);
  const hex = (size: number) => Buffer.from(chance.randomBytes(size)).toString('hex');
  return {
    appid: `wx${hex(8)}`,
    mchid: `1900${String(Buffer.from(chance.randomBytes(4)).readUInt32BE() % 1_000_000).padStart(6, '0')}`,
    merchantSerial: serialNumber(chance.randomBytes),
    merchantPrivateKey: pem(merchant.privateKey),
    apiV3Key: `sandbox-v3-key-${hex(9).slice(0, 17)}`,
    publicKeyId: `PUB_KEY_ID_0${hex(15).replaceAll(/\D/g, '7')}`,
    platformPrivateKey: pem(platform.privateKey),
    certificate,
  };
}

function serialNumber(randomBytes: Chance['randomBytes']): string {
  return `5${Buffer.from(randomBytes(20)).toString('hex').slice(1)}`.toUpperCase();
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
