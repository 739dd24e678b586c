import { createPrivateKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { provider } from '../../../channels/alipay/index.ts';
import { aKeyPair, REAL_ALIPAY_KEY } from './notice.ts';

const ours = aKeyPair();

const credentials = (set: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  app_id: '2021000000000001',
  private_key: ours.privatePem,
  alipay_public_key: REAL_ALIPAY_KEY,
  seller_id: '2088000000000001',
  ...set,
});

const faults = (raw: unknown): readonly string[] => {
  const parsed = provider.configSchema.safeParse(raw);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

test('the live gateway is the default', () => {
  expect(provider.configSchema.parse(credentials())).toMatchObject({
    gateway: 'https://openapi.alipay.com/gateway.do',
  });
});

test("both PEM forms of our key and both forms of Alipay's are taken", () => {
  const pkcs1 = createPrivateKey(ours.privatePem).export({ type: 'pkcs1', format: 'pem' });
  const pem = `-----BEGIN PUBLIC KEY-----\n${REAL_ALIPAY_KEY.match(/.{1,64}/g)?.join('\n')}\n-----END PUBLIC KEY-----\n`;
  expect(faults(credentials({ private_key: pkcs1 }))).toEqual([]);
  expect(faults(credentials({ alipay_public_key: pem }))).toEqual([]);
});

test('a channel whose Alipay key is the public half of our own does not load, and says why', () => {
  const bare = ours.publicPem.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  for (const alipay_public_key of [ours.publicPem, bare]) {
    expect(faults(credentials({ alipay_public_key }))).toEqual([
      expect.stringContaining("alipay_public_key: is the public half of private_key; copy *Alipay's*"),
    ]);
  }
});

test.each(['app_id', 'private_key', 'alipay_public_key', 'seller_id'])(
  'an empty, short, placeholder or missing %s is refused',
  (name) => {
    for (const value of ['', ' ', 'changeme', 'test', '0', 'x'.repeat(16), undefined, null, 7]) {
      expect(faults(credentials({ [name]: value })), JSON.stringify(value)).not.toEqual([]);
    }
  },
);

test('keys that are too short, cut or of another kind are refused', () => {
  const short = aKeyPair(1024);
  expect(faults(credentials({ private_key: short.privatePem }))).not.toEqual([]);
  expect(faults(credentials({ alipay_public_key: short.publicPem }))).not.toEqual([]);
  expect(faults(credentials({ alipay_public_key: REAL_ALIPAY_KEY.slice(0, 200) }))).not.toEqual([]);
  expect(faults(credentials({ private_key: ours.privatePem.slice(0, 400) }))).not.toEqual([]);
  expect(faults(credentials({ alipay_public_key: ours.privatePem }))).not.toEqual([]);
});

test('a misspelt key is a fault, and no fault repeats a secret', () => {
  const found = faults(credentials({ privatekey: ours.privatePem, private_key: `${ours.privatePem.slice(0, 500)}` }));
  expect(found.join()).toContain('privatekey');
  expect(found.join()).not.toContain(ours.privatePem.slice(100, 140));
});

test.each(['ftp://openapi.alipay.com', 'openapi.alipay.com', ''])('the gateway %j is refused', (gateway) => {
  expect(faults(credentials({ gateway }))).not.toEqual([]);
});
