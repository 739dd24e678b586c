import { createHash, createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { provider } from '../../../channels/wechatpay/index.ts';
import { signRequest } from '../../../channels/wechatpay/sign.ts';
import { decrypt, isSignedBy } from '../../../channels/wechatpay/signature.ts';
import { merchantPublicKey, someCredentials } from './platform.ts';

/** RSA key and signature of the message `source`: wechatpay-go, core/auth/verifiers tests. */
const GO_KEY =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2VCTd91fnUn73Xy9DLvt/V62TVxRTEEstVdeRaZ3B3leO0pldE806mXO4RwdHXagHQ4vGeZN0yqm++rDsGK+U3AH7kejyD2pXshNP9Cq5YwbptiLGtjcquw4HNxJQUOmDeJf2vg6byms9RUipiq4SzbJKqJFlUpbuIPDpSpWz10PYmyCNeDGUUK65E5h2B834uxl1zNLYQCrkdBzb8oUxwYeP5a2DNxmjL5lsJML7DGr5znsevnoqGRwTm9fxCGfy8wus7hwKz6clt3Whmmda7UAdb1c08hEQFVRbF14AR73xbnd8N0obCWJPCbzMCtkaSef4FdEEgEXJiw0VAJT8wIDAQAB';
const GO_SIGNATURE =
  'BKyAfU4iMCuvXMXS0Wzam3V/cnxZ+JaqigPM5OhljS2iOT95OO6Fsuml2JkFANJU9K6q9bLlDhPXuoVz+pp4hAm6pHU4ld815U4jsKu1RkyaII+1CYBUYC8TK0XtJ8FwUXXz8vZHh58rrAVN1XwNyvD1vfpxrMT4SL536GLwvpUHlCqIMzoZUguLli/K8V29QiOhuH6IEqLNJn8e9b3nwNcQ7be3CzYGpDAKBfDGPCqCv8Rw5zndhlffk2FEA70G4hvMwe51qMN/RAJbknXG23bSlObuTCN7Ndj1aJGH6/L+hdwfLpUtJm4QYVazzW7DFD27EpSQEqA8bX9+8m1rLg==';

const SEALED = {
  algorithm: 'AEAD_AES_256_GCM',
  nonce: 'abcdef123456',
  associated_data: 'transaction',
  ciphertext: 'i1i31vPdW2yYe2b7fo1b4q6fCAl1n4K4Ck50t9suGN2cnadhSkRZMnc=',
};
const KEY = '0123456789abcdef0123456789abcdef';

describe('known answers', () => {
  test('the signature of wechatpay-go verifies with the algorithm that we use, and not over other bytes', () => {
    const key = createPublicKey({ key: Buffer.from(GO_KEY, 'base64'), type: 'spki', format: 'der' });
    const signature = Buffer.from(GO_SIGNATURE, 'base64');
    expect(verify('RSA-SHA256', Buffer.from('source'), key, signature)).toBe(true);
    const headers = { timestamp: '1', nonce: 'n', serial: 's', signature: GO_SIGNATURE };
    expect(isSignedBy(headers, Buffer.from('source'), key)).toBe(false);
  });

  test('a request is signed over the documented text', async () => {
    const config = provider.configSchema.parse(someCredentials({ base_url: undefined }));
    const nonce = '593BEC0C930BF1AFEB40B4A08C8FB242';
    const ports = { now: () => 1_554_208_460_999, randomBytes: () => Buffer.from(nonce, 'hex'), record: () => {} };
    const request = await signRequest(config, ports, (sdk) => sdk.certificates());
    const text = `GET\n/v3/certificates\n1554208460\n${nonce}\n\n`;
    expect(createHash('sha256').update(text).digest('hex')).toBe(
      'fab5c8a222049f386cb01453c7dc712c7997e756271557b0ef6e2e5060575373',
    );
    const { authorization = '' } = request.headers;
    expect(authorization).toContain(`nonce_str="${nonce}"`);
    expect(authorization).toContain('timestamp="1554208460"');
    const signature = /signature="([^"]+)"/.exec(authorization)?.[1] ?? '';
    expect(verify('RSA-SHA256', Buffer.from(text), merchantPublicKey, Buffer.from(signature, 'base64'))).toBe(true);
  });

  test('a resource opens with its key, nonce and associated data', () => {
    expect(decrypt(SEALED, KEY)).toBe('{"trade_state":"SUCCESS"}');
  });

  test('a resource with any single bit flipped does not open', () => {
    const bytes = Buffer.from(SEALED.ciphertext, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decrypt({ ...SEALED, ciphertext: flipped.toString('base64') }, KEY)).toBeNull();
    }
  });

  test.each([
    ['other associated data', { ...SEALED, associated_data: 'certificate' }],
    ['no associated data', { ...SEALED, associated_data: undefined }],
    ['another nonce', { ...SEALED, nonce: 'abcdef123457' }],
    ['a short nonce', { ...SEALED, nonce: 'abc' }],
    ['another algorithm', { ...SEALED, algorithm: 'AEAD_AES_128_GCM' }],
    [
      'a cut tag',
      { ...SEALED, ciphertext: Buffer.from(SEALED.ciphertext, 'base64').subarray(0, -4).toString('base64') },
    ],
    ['nothing but a tag', { ...SEALED, ciphertext: Buffer.alloc(16).toString('base64') }],
    ['no base64', { ...SEALED, ciphertext: '<html>' }],
  ])('a resource with %s does not open', (_what, sealed) => {
    expect(decrypt(sealed, KEY)).toBeNull();
  });
});
