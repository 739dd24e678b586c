import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { provider } from '../../../channels/wechatpay/index.ts';
import { someCredentials } from './platform.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
const spki = { type: 'spki', format: 'pem' } as const;

describe('credentials', () => {
  test('complete ones load; the base URL is WeChat itself when none is given', () => {
    const { base_url: _omitted, ...credentials } = someCredentials();
    expect(provider.configSchema.parse(credentials)).toMatchObject({ base_url: 'https://api.mch.weixin.qq.com' });
  });

  test('a slash at the end of the base URL is dropped', () => {
    const parsed = provider.configSchema.parse(someCredentials({ base_url: 'http://127.0.0.1:8082/wechatpay-main/' }));
    expect(parsed).toMatchObject({ base_url: 'http://127.0.0.1:8082/wechatpay-main' });
  });

  test.each([
    ['an empty APIv3 key', { api_v3_key: '' }],
    ['a short APIv3 key', { api_v3_key: '0123456789abcdef' }],
    ['a long APIv3 key', { api_v3_key: '0123456789abcdef0123456789abcdef0' }],
    ['an APIv3 key of 32 characters that are not ASCII', { api_v3_key: `${'密'.repeat(16)}abcdefgh01234567` }],
    ['an APIv3 key of 32 equal characters', { api_v3_key: 'x'.repeat(32) }],
    ['a placeholder for an APIv3 key', { api_v3_key: 'your-api-v3-key-of-32-characters' }],
    ['no APIv3 key', { api_v3_key: undefined }],
    ['an empty private key', { private_key: '' }],
    [
      'something that is no private key',
      { private_key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' },
    ],
    ['an EC private key', { private_key: ec.privateKey.export(pkcs8) }],
    ['an RSA private key of 1024 bits', { private_key: shortRsa.privateKey.export(pkcs8) }],
    ['a public key without its id', { public_key_id: undefined }],
    ['an id without its public key', { public_key: undefined }],
    ['an EC public key', { public_key: ec.publicKey.export(spki) }],
    ['an id of another form', { public_key_id: '5F0A1B2C3D4E5F60' }],
    ['an empty appid', { appid: '' }],
    ['a merchant number with letters', { mchid: '19000000ab' }],
    ['an empty serial number', { serial_no: '' }],
    ['plain http to WeChat itself', { base_url: 'http://api.mch.weixin.qq.com' }],
    ['a base URL with a query', { base_url: 'https://example.test/?a=1' }],
    ['a misspelt field', { apiv3key: '0123456789abcdef0123456789abcdef' }],
    ['a switch to skip verification', { verify: false }],
  ])('%s is refused', (_what, set) => {
    expect(provider.configSchema.safeParse(someCredentials(set)).success).toBe(false);
  });

  test('a refusal repeats no secret', () => {
    const secrets = { api_v3_key: 'S3cr3t-value-of-the-shop', private_key: 'S3cr3t-private' };
    const refused = provider.configSchema.safeParse(someCredentials(secrets));
    expect(refused.error?.issues.length).toBeGreaterThan(1);
    expect(JSON.stringify(refused.error)).not.toContain('S3cr3t');
  });
});
