import { createCipheriv, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { type AccountKeys, makeCertificate, type PlatformCertificate, publicPem } from './keys.ts';
import type { Settings } from './settings.ts';

export type SignatureFlaw = 'none' | 'unsigned' | 'wrong_key' | 'stale' | 'probe';

export interface PlatformPorts {
  readonly now: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly settings: () => Settings;
}

/** WeChat's side of the keys: what it signs and encrypts with. */
export interface Platform {
  /** PEM of the key that this merchant's signatures are checked with. */
  readonly merchantPublicKey: string;
  certificates(): readonly PlatformCertificate[];
  /** Puts a new certificate beside the others and signs with it from now on. Not kept across restarts. */
  rotate(): Promise<void>;
  /** Names of keys that a request may ask for with `Wechatpay-Serial`. */
  knows(serial: string): boolean;
  /** The headers that sign a body. Without a `serial` the account's key mode chooses the key. */
  sign(body: string, flaw: SignatureFlaw, serial?: string): Record<string, string>;
  encrypt(plain: string, associatedData: string): EncryptedPart;
}

interface EncryptedPart {
  readonly algorithm: 'AEAD_AES_256_GCM';
  readonly nonce: string;
  readonly associated_data: string;
  readonly ciphertext: string;
}

const STALE_BY_MS = 600_000;

export function openPlatform(keys: AccountKeys, { now, randomBytes, settings }: PlatformPorts): Platform {
  const publicKeySigner = { serial: keys.publicKeyId, key: createPrivateKey(keys.platformPrivateKey) };
  // A wrong key that costs nothing: the merchant's own.
  const wrongKey = createPrivateKey(keys.merchantPrivateKey);
  const certificates = [keys.certificate];
  let certificateSigner = signerOf(keys.certificate);
  const hex = (size: number) => Buffer.from(randomBytes(size)).toString('hex');

  /** In a migration WeChat signs with either, at random, unless the request named one. */
  function signerFor(serial: string | undefined): { serial: string; key: KeyObject } {
    const { keyMode } = settings();
    if (serial === publicKeySigner.serial) return publicKeySigner;
    if (serial !== undefined || keyMode === 'certificate') return certificateSigner;
    if (keyMode === 'public_key') return publicKeySigner;
    return ((randomBytes(1)[0] ?? 0) & 1) === 0 ? publicKeySigner : certificateSigner;
  }

  return {
    merchantPublicKey: publicPem(keys.merchantPrivateKey),
    certificates: () => certificates,
    async rotate() {
      const fresh = await makeCertificate({ now, randomBytes });
      certificates.push(fresh);
      certificateSigner = signerOf(fresh);
    },
    knows(serial) {
      const { keyMode } = settings();
      if (serial === keys.publicKeyId) return keyMode !== 'certificate';
      return (
        keyMode !== 'public_key' && certificates.some((certificate) => certificate.serial === serial.toUpperCase())
      );
    },
    sign(body, flaw, serial) {
      if (flaw === 'unsigned') return {};
      const signer = signerFor(serial);
      const timestamp = String(Math.floor((now() - (flaw === 'stale' ? STALE_BY_MS : 0)) / 1000));
      const nonce = hex(16);
      const text = Buffer.from(`${timestamp}\n${nonce}\n${body}\n`);
      const signature = sign('RSA-SHA256', text, flaw === 'wrong_key' ? wrongKey : signer.key).toString('base64');
      return {
        'Wechatpay-Timestamp': timestamp,
        'Wechatpay-Nonce': nonce,
        'Wechatpay-Serial': signer.serial,
        'Wechatpay-Signature': flaw === 'probe' ? `WECHATPAY/SIGNTEST/${signature}` : signature,
        'Wechatpay-Signature-Type': 'WECHATPAY2-SHA256-RSA2048',
      };
    },
    encrypt(plain, associatedData) {
      const nonce = hex(6);
      const cipher = createCipheriv('aes-256-gcm', Buffer.from(keys.apiV3Key), nonce);
      cipher.setAAD(Buffer.from(associatedData));
      const bytes = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return {
        algorithm: 'AEAD_AES_256_GCM',
        nonce,
        associated_data: associatedData,
        ciphertext: bytes.toString('base64'),
      };
    },
  };
}

function signerOf(certificate: PlatformCertificate): { serial: string; key: KeyObject } {
  return { serial: certificate.serial, key: createPrivateKey(certificate.privateKey) };
}
