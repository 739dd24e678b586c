import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';

const keysSchema = z.strictObject({
  appId: z.string(),
  sellerId: z.string(),
  appPrivateKey: z.string(),
  appPublicKey: z.string(),
  alipayPrivateKey: z.string(),
  alipayPublicKey: z.string(),
});

/** Both sides' keys: the application's, which a gateway signs with, and Alipay's own. PEM. */
export type SandboxKeys = z.infer<typeof keysSchema>;

/** The keys of an earlier start, or fresh ones. */
export async function openKeys(saved: unknown, randomBytes: (size: number) => Uint8Array): Promise<SandboxKeys> {
  if (saved !== null) return keysSchema.parse(saved);
  const [app, alipay] = await Promise.all([rsaPair(), rsaPair()]);
  return {
    appId: `2021${digits(12, randomBytes)}`,
    sellerId: `2088${digits(12, randomBytes)}`,
    appPrivateKey: app.privateKey,
    appPublicKey: app.publicKey,
    alipayPrivateKey: alipay.privateKey,
    alipayPublicKey: alipay.publicKey,
  };
}

/** That many decimal digits. */
export function digits(count: number, randomBytes: (size: number) => Uint8Array): string {
  return Array.from(randomBytes(count), (byte) => byte % 10).join('');
}

async function rsaPair(): Promise<{ privateKey: string; publicKey: string }> {
  return await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}
