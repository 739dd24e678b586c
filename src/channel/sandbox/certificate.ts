import { type KeyObject, sign } from 'node:crypto';

/** What a certificate of a simulated provider says. */
export interface CertificateContent {
  /** Hex; the first digit at most 7, so that the number is positive as it stands. */
  readonly serial: string;
  readonly commonName: string;
  readonly notBefore: Date;
  /** Before 2050: the short time format ends there. */
  readonly notAfter: Date;
  /** Whose certificate it is. */
  readonly publicKey: KeyObject;
  /** Who signs it: the common name of its own certificate, and its RSA key. */
  readonly issuer: { readonly commonName: string; readonly privateKey: KeyObject };
  /** True for one that may sign others. */
  readonly isAuthority: boolean;
}

const BOOLEAN_TRUE = Buffer.from('0101ff', 'hex');
const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
/** [0] EXPLICIT version 3 */
const VERSION_3 = Buffer.from('a003020102', 'hex');
/** [3] EXPLICIT extensions */
const EXTENSIONS = 0xa3;
/** SEQUENCE { 1.2.840.113549.1.1.11 (sha256WithRSAEncryption), NULL } */
const SHA256_WITH_RSA = Buffer.from('300d06092a864886f70d01010b0500', 'hex');
/** 2.5.4.3 (commonName) */
const COMMON_NAME = Buffer.from('0603550403', 'hex');
/** 2.5.29.19 (basicConstraints) */
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex');

/**
 * An X.509 version 3 certificate as PEM.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function issueCertificate(content: CertificateContent): string {
  const { serial, commonName, notBefore, notAfter, publicKey, issuer, isAuthority } = content;
  const constraints = der(SEQUENCE, ...(isAuthority ? [BOOLEAN_TRUE] : []));
  const extension = der(SEQUENCE, BASIC_CONSTRAINTS, BOOLEAN_TRUE, der(OCTET_STRING, constraints));
  const toBeSigned = der(
    SEQUENCE,
    VERSION_3,
    der(INTEGER, Buffer.from(serial, 'hex')),
    SHA256_WITH_RSA,
    nameOf(issuer.commonName),
    der(SEQUENCE, utcTime(notBefore), utcTime(notAfter)),
    nameOf(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(EXTENSIONS, der(SEQUENCE, extension)),
  );
  const signature = sign('RSA-SHA256', toBeSigned, issuer.privateKey);
  const unusedBits = Buffer.of(0);
  const certificate = der(SEQUENCE, toBeSigned, SHA256_WITH_RSA, der(BIT_STRING, unusedBits, signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function nameOf(commonName: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  if (bytes < 0x100) return Buffer.of(0x81, bytes);
  return Buffer.of(0x82, bytes >> 8, bytes & 0xff);
}

function utcTime(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/\D/g, '').slice(2, 14);
  return der(UTC_TIME, Buffer.from(`${digits}Z`));
}
