import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { SimulatorOptions } from '../../../src/channel/sandbox/index.ts';

const pairSchema = z.strictObject({ privateKey: z.string(), publicKey: z.string() });
const keysSchema = z.strictObject({
  pid: z.string(),
  key: z.string(),
  /** PEM; null as long as nobody speaks V2, since they take a while to make. */
  rsa: z.strictObject({ merchant: pairSchema, platform: pairSchema }).nullable(),
});
export type Keys = z.infer<typeof keysSchema>;

/** The keys of an earlier start, or fresh ones. */
export async function openKeys({ savedKeys, randomBytes }: SimulatorOptions, version: 'v1' | 'v2'): Promise<Keys> {
  const saved = keysSchema.safeParse(savedKeys);
  if (saved.success && (version === 'v1' || saved.data.rsa !== null)) return saved.data;
  const [merchant, platform] = version === 'v1' ? [null, null] : await Promise.all([rsaPair(), rsaPair()]);
  return {
    pid: String(1_000 + (Buffer.from(randomBytes(4)).readUInt32BE() % 999_000_000)),
    key: Buffer.from(randomBytes(24)).toString('base64url'),
    rsa: merchant === null || platform === null ? null : { merchant, platform },
  };
}

async function rsaPair(): Promise<z.infer<typeof pairSchema>> {
  return await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}
