import { type KeyObject, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { IncomingAnswer } from '../../src/channel/index.ts';
import type { EpochMs } from '../../src/payment/index.ts';
import { parseJson } from './json.ts';
import { decrypt, isFresh, isSignedBy, readSignatureHeaders } from './signature.ts';

/** More at once than WeChat ever has in force. */
const CERTIFICATES_MAX = 20;

interface PlatformCertificate {
  readonly key: KeyObject;
  readonly expiresAt: EpochMs;
}

/** By serial number, in upper-case hex. */
export type PlatformCertificates = ReadonlyMap<string, PlatformCertificate>;

const listSchema = z.object({
  data: z
    .array(
      z.object({
        serial_no: z.string().regex(/^[0-9A-Fa-f]{1,64}$/),
        expire_time: z.iso.datetime({ offset: true }),
        encrypt_certificate: z.object({
          algorithm: z.string(),
          nonce: z.string(),
          associated_data: z.string().optional(),
          ciphertext: z.string().max(16_384),
        }),
      }),
    )
    .max(CERTIFICATES_MAX),
});

/** What opens and vouches for a list of certificates. `publicKey` is the platform public key, where there is one. */
export interface Vouchers {
  readonly apiV3Key: string;
  readonly publicKey: { readonly id: string; readonly key: KeyObject } | null;
}

/**
 * The certificates in an answer to `GET /v3/certificates`, or null when it proves nothing. The APIv3 key opens them, which only
 * WeChat and we have; then the answer's own signature must fit one of them (or the public key), which also bounds its age.
 */
export function readCertificates(
  answer: IncomingAnswer,
  vouchers: Vouchers,
  now: EpochMs,
): PlatformCertificates | null {
  const headers = readSignatureHeaders(answer.headers);
  if (answer.status !== 200 || !headers.ok || !isFresh(headers.value, now)) return null;
  const list = listSchema.safeParse(parseJson(answer.body));
  if (!list.success) return null;
  const found = new Map<string, PlatformCertificate>();
  for (const item of list.data.data) {
    const certificate = openCertificate(decrypt(item.encrypt_certificate, vouchers.apiV3Key));
    const serial = item.serial_no.toUpperCase();
    if (certificate === null || certificate.serialNumber.toUpperCase() !== serial) return null;
    found.set(serial, { key: certificate.publicKey, expiresAt: Date.parse(item.expire_time) });
  }
  const { serial } = headers.value;
  const { publicKey } = vouchers;
  const signer = serial === publicKey?.id ? publicKey.key : found.get(serial.toUpperCase())?.key;
  return signer && isSignedBy(headers.value, answer.body, signer) ? found : null;
}

function openCertificate(pem: string | null): X509Certificate | null {
  try {
    const certificate = pem === null ? null : new X509Certificate(pem);
    return certificate?.publicKey.asymmetricKeyType === 'rsa' ? certificate : null;
  } catch {
    return null;
  }
}
