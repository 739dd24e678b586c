import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { WireAnswer } from '../../../src/channel/sandbox/index.ts';
import type { SandboxKeys } from './keys.ts';

export type Fields = Readonly<Record<string, string>>;

/** Which key signs: the right one, a stranger's, or none. */
export type SignedBy = 'alipay' | 'stranger' | 'nobody';

/** RSA2 as the documentation has it: SHA256withRSA over UTF-8, base64. @see https://opendocs.alipay.com/common/02kf5q */
export interface Signer {
  sign(text: string, by: SignedBy): string;
  /** Whether a request carries the application's signature over all its parameters but `sign`. */
  isFromApp(params: ReadonlyMap<string, string>): boolean;
}

export function openSigner(keys: SandboxKeys): Signer {
  const alipayKey = createPrivateKey(keys.alipayPrivateKey);
  // A well-made signature of the wrong party: what a verifier with the wrong public key would see.
  const strangerKey = createPrivateKey(keys.appPrivateKey);
  const appKey: KeyObject = createPublicKey(keys.appPublicKey);
  return {
    sign: (text, by) =>
      sign('sha256', Buffer.from(text), by === 'stranger' ? strangerKey : alipayKey).toString('base64'),
    isFromApp(params) {
      const given = Buffer.from(params.get('sign') ?? '', 'base64');
      return verify('sha256', Buffer.from(textToSign(params)), appKey, given);
    },
  };
}

/** Requests: everything except `sign`, empty values dropped, sorted, raw values. */
export function textToSign(params: ReadonlyMap<string, string>): string {
  return join([...params].filter(([name, value]) => name !== 'sign' && value !== ''));
}

/** Notices and return pages: without `sign` and `sign_type`, empty values kept. */
export function noticeToSign(fields: Fields): string {
  return join(Object.entries(fields).filter(([name]) => name !== 'sign' && name !== 'sign_type'));
}

/** The JSON of an answer: the value of the response key is signed as it stands in the text, its `\/` included. */
export function answerText(signer: Signer, key: string, content: Fields, by: SignedBy): WireAnswer {
  const inner = JSON.stringify(content).replaceAll('/', '\\/');
  const signature = by === 'nobody' ? '' : `,"sign":"${signer.sign(inner, by)}"`;
  return {
    status: 200,
    headers: { 'content-type': 'text/html;charset=utf-8' },
    body: `{"${key}":${inner}${signature}}`,
  };
}

function join(entries: [string, string][]): string {
  return entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}
