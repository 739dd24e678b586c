import { createHash, generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { identifyByKey } from '../../src/http/epay/identify.ts';
import { loaded, MERCHANTS, replaced } from './builders.ts';

test('a merchant is found by each of its keys, and only by a whole one', () => {
  const merchants = replaced(
    MERCHANTS,
    '- key-of-the-first-shop',
    '- key-of-the-first-shop\n      - its-second-key-0815',
  );
  const directory = loaded({ merchants }).merchants;
  expect(directory.bySecretKey('key-of-the-first-shop')?.id).toBe('m_shop');
  expect(directory.bySecretKey('its-second-key-0815')?.id).toBe('m_shop');
  expect(directory.bySecretKey('key-of-the-other-shop')?.id).toBe('m_other');
  for (const wrong of ['', 'key-of-the-first-sho', 'key-of-the-first-shop ', 'KEY-OF-THE-FIRST-SHOP', 'm_shop']) {
    expect(directory.bySecretKey(wrong)).toBeUndefined();
  }
});

test('a key that is stored as a hash is presented as the key, never as the hash', () => {
  const stored = `sha256:${createHash('sha256').update('only-the-shop-knows').digest('hex')}`;
  const directory = loaded({ merchants: replaced(MERCHANTS, 'key-of-the-first-shop', stored) }).merchants;
  expect(directory.bySecretKey('only-the-shop-knows')?.id).toBe('m_shop');
  expect(directory.bySecretKey(stored)).toBeUndefined();
});

test('a merchant is found by its id', () => {
  const { merchants, merchantIds } = loaded();
  expect(merchantIds).toEqual(['m_shop', 'm_other']);
  expect(merchants.byId('m_shop')).toEqual({
    id: 'm_shop',
    name: 'A shop',
    enabled: true,
    webhookUrl: 'https://shop.example/events',
    webhookSecrets: ['whsec_MDEyMzQ1Njc4OWFiY2RlZg=='],
    channels: ['pay-main'],
    limits: { maxAmountMinor: 90_000, perMinute: 600 },
    epay: expect.objectContaining({ pid: 2000 }),
  });
  expect(merchants.byId('m_other')).toMatchObject({ channels: 'all', limits: { maxAmountMinor: null } });
  expect(merchants.byId('toString')).toBeUndefined();
});

test('two webhook secrets are kept while one is being replaced', () => {
  const secrets = '[whsec_MDEyMzQ1Njc4OWFiY2RlZg==, whsec_ZmVkY2JhOTg3NjU0MzIxMA==]';
  const merchants = replaced(MERCHANTS, 'secret: whsec_MDEyMzQ1Njc4OWFiY2RlZg==', `secret: ${secrets}`);
  expect(loaded({ merchants }).merchants.byId('m_shop')?.webhookSecrets).toHaveLength(2);
});

test('a shop that speaks epay is found by its number, with what was agreed', () => {
  const { merchants } = loaded();
  expect(merchants.byEpayPid(2000)).toMatchObject({
    id: 'm_shop',
    epay: {
      ...{ pid: 2000, keys: ['0123456789abcdef0123456789ABCDEF'], signs: ['sha256'], publicKey: null },
      ...{ refunds: false, notifyHosts: ['shop.example'], tlsVerify: true, expiresInMs: 3_600_000 },
    },
  });
  expect(merchants.byEpayPid(1)).toBeUndefined();
  expect(merchants.epayMerchants().map(({ id }) => id)).toEqual(['m_shop']);
});

test('a disabled shop cannot call by epay either, and is still told what becomes of its orders', () => {
  const { merchants } = loaded({ merchants: replaced(MERCHANTS, 'name: A shop', 'name: A shop\n    enabled: false') });
  expect(merchants.byEpayPid(2000)).toBeUndefined();
  expect(merchants.epayMerchants()).toEqual([]);
  expect(merchants.byId('m_shop')?.epay?.pid).toBe(2000);
});

test('of two epay keys the first one is the one that signs', () => {
  const keys = '[fedcba98765432100123456789ABCDEF, 0123456789abcdef0123456789ABCDEF]';
  const merchants = replaced(MERCHANTS, 'key: 0123456789abcdef0123456789ABCDEF', `key: ${keys}`);
  expect(loaded({ merchants }).merchants.byEpayPid(2000)?.epay?.keys[0]).toMatch(/^fedc/);
});

test('the key of a shop that signs with RSA alone opens nothing', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const line = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const keyed = replaced(MERCHANTS, 'public_key: null', `public_key: ${line}`);
  const rsaOnly = replaced(keyed, 'sign: [sha256]', 'sign: [rsa]');
  const byKey = (merchants: string) =>
    identifyByKey(
      new Map([
        ['pid', '2000'],
        ['key', '0123456789abcdef0123456789ABCDEF'],
      ]),
      loaded({ merchants }).merchants,
    );
  expect(byKey(MERCHANTS)).toMatchObject({ ok: true });
  expect(byKey(rsaOnly)).toMatchObject({ ok: false, error: { outcome: 'sign_kind_refused' } });
});

test('the public key of a shop may be a PEM text or its base64 on one line', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const line = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const pem = JSON.stringify(publicKey.export({ format: 'pem', type: 'spki' }));
  for (const text of [line, pem]) {
    const merchants = replaced(MERCHANTS, 'public_key: null', `public_key: ${text}`);
    expect(loaded({ merchants }).merchants.byEpayPid(2000)?.epay?.publicKey?.equals(publicKey)).toBe(true);
  }
});
