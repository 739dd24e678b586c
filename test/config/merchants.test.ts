import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
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
  });
  expect(merchants.byId('m_other')).toMatchObject({ channels: 'all', limits: { maxAmountMinor: null } });
  expect(merchants.byId('toString')).toBeUndefined();
});

test('two webhook secrets are kept while one is being replaced', () => {
  const secrets = '[whsec_MDEyMzQ1Njc4OWFiY2RlZg==, whsec_ZmVkY2JhOTg3NjU0MzIxMA==]';
  const merchants = replaced(MERCHANTS, 'secret: whsec_MDEyMzQ1Njc4OWFiY2RlZg==', `secret: ${secrets}`);
  expect(loaded({ merchants }).merchants.byId('m_shop')?.webhookSecrets).toHaveLength(2);
});

test('the epay account keeps what the facade will need', () => {
  expect(loaded().epay).toEqual([
    {
      merchantId: 'm_shop',
      pid: 2000,
      key: '0123456789abcdef0123456789ABCDEF',
      signKinds: ['sha256'],
      publicKeyPem: null,
      refunds: false,
      notifyHosts: ['shop.example'],
    },
  ]);
});
