import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openValueSealer } from '../../src/config/index.ts';
import { sealValue } from '../../src/config-commands.ts';
import { faultsOf, GATEWAY, lineOfPart, loaded, MERCHANTS, replaced } from './builders.ts';

const KEY = Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64');
const OTHER_KEY = Buffer.from('vutsrqponmlkjihgfedcba9876543210').toString('base64');
const NOWHERE = '/nowhere/data';
const SECRET = 'whsec_c2VhbGVkLWluLXRoZS1maWxlLW5vdy0xMjM=';
const PLACE = ['merchants', 'm_shop', 'webhook', 'secret'];

function sealerOf(masterKey: string) {
  const opened = openValueSealer({ masterKey, dataDir: NOWHERE, sandbox: false, randomBytes });
  if (!opened.ok) throw new Error(opened.error.message);
  return opened.value;
}

const anyPlace = fc.array(fc.oneof(fc.string(), fc.nat(9)), { maxLength: 5 });
const names = (place: readonly (string | number)[]) => place.filter((key) => typeof key === 'string');

describe('a sealed value', () => {
  const sealer = sealerOf(KEY);

  test('opens at its place, whatever it is, and at no other; a position in a list is no place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), anyPlace, anyPlace, (plain, place, other) => {
        const sealed = sealer.seal(plain, place);
        expect(sealed).toMatch(/^sealed:v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
        expect(sealer.seal(plain, place)).not.toBe(sealed);
        expect(sealer.open(sealed, [...place, 3])).toEqual({ ok: true, value: plain });
        const isSame = JSON.stringify(names(place)) === JSON.stringify(names(other));
        expect(sealer.open(sealed, other).ok).toBe(isSame);
      }),
    );
  });

  test('with any character changed, or under another key, opens nowhere', () => {
    const sealed = sealer.seal('secret', PLACE);
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'0aZ_.'), (at, character) => {
        fc.pre(sealed[at] !== character);
        const opened = sealer.open(sealed.slice(0, at) + character + sealed.slice(at + 1), PLACE);
        expect(opened.ok).toBe(false);
      }),
    );
    expect(sealerOf(OTHER_KEY).open(sealed, PLACE).ok).toBe(false);
  });

  test('is not made with a key other than the one the data folder belongs to, nor without one', () => {
    const open = (masterKey: string | null) =>
      openValueSealer({ masterKey, dataDir: NOWHERE, sandbox: false, randomBytes });
    expect(open(null)).toMatchObject({ ok: false, error: { path: 'MASTER_KEY' } });
    expect(open('c2hvcnQ=')).toMatchObject({ ok: false, error: { path: 'MASTER_KEY' } });
  });
});

describe('a sealed value in a file', () => {
  const sealed = sealerOf(KEY).seal(SECRET, PLACE);
  const plain = 'secret: whsec_MDEyMzQ1Njc4OWFiY2RlZg==';
  const env = { MASTER_KEY: KEY, DATA_DIR: NOWHERE };
  const merchants = replaced(MERCHANTS, plain, `secret: ${sealed}`);

  test('is taken for what was sealed, alone, in a list, and out of the environment', () => {
    for (const written of [sealed, `[${sealed}]`, `"\${HOOK}"`]) {
      const config = loaded(
        { merchants: replaced(MERCHANTS, plain, `secret: ${written}`) },
        { env: { ...env, HOOK: sealed } },
      );
      expect(config.merchants.byId('m_shop')?.webhookSecrets).toEqual([SECRET]);
    }
  });

  test('comes from `config seal` for any place, a list among them', () => {
    const place = 'channels.pay-main.credentials.secret';
    const made = sealValue(env, place, 'one line\nand another\n');
    if (!made.ok) throw new Error(made.error);
    const gateway = replaced(GATEWAY, 'secret: dont-look-at-me-4711', `secret: ${made.value}`);
    expect(loaded({ gateway }, { env }).channels[0]?.credentials).toMatchObject({ secret: 'one line\nand another' });
    expect(sealValue(env, place, '\n')).toMatchObject({ ok: false });
    expect(sealValue(env, 'secret', 'x')).toMatchObject({ ok: false });
    expect(sealValue({ ...env, MASTER_KEY: 'short' }, place, 'x')).toMatchObject({ ok: false });
  });

  test.each([
    ['without a master key', { DATA_DIR: NOWHERE }, /is sealed with the master key [0-9a-f]{8}, .* set MASTER_KEY/],
    [
      'under another one',
      { ...env, MASTER_KEY: OTHER_KEY },
      /sealed with the master key .* but the one given has the id/,
    ],
    ['under a broken one', { ...env, MASTER_KEY: 'c2hvcnQ=' }, /MASTER_KEY .* does not hold 32 random bytes/],
  ])('%s is one fault, with its file, line and cure', (_, given, message) => {
    const faults = faultsOf({ merchants }, { env: given });
    const line = lineOfPart(merchants, sealed);
    expect(faults).toMatchObject([{ file: '/etc/pay/merchants.yaml', line, path: 'merchants.m_shop.webhook.secret' }]);
    expect(faults[0]?.message).toMatch(message);
    expect(JSON.stringify(faults)).not.toContain(sealed.slice(20));
  });

  test('that was copied to another merchant is refused', () => {
    const copied = replaced(MERCHANTS, 'secret: whsec_ZmVkY2JhOTg3NjU0MzIxMA==', `secret: "${sealed}"`);
    const faults = faultsOf({ merchants: copied }, { env });
    expect(faults).toMatchObject([{ path: 'merchants.m_other.webhook.secret' }]);
    expect(faults[0]?.message).toMatch(/sealed for another place/);
  });

  test('reads like any other value that is no sealed one', () => {
    const faults = faultsOf({ merchants: replaced(MERCHANTS, plain, 'secret: "sealed:c2VjcmV0"') }, { env });
    expect(faults).toMatchObject([{ path: 'merchants.m_shop.webhook.secret' }]);
    expect(faults[0]?.message).toMatch(/is no sealed value/);
  });
});
