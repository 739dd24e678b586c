import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { confirmMasterKey, openMasterKey } from '../../src/config/index.ts';

const KEY = Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64');
const OTHER_KEY = Buffer.from('vutsrqponmlkjihgfedcba9876543210').toString('base64');

let dataDir = '';
beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'switchyard-key-')), 'data');
});
afterEach(() => rmSync(join(dataDir, '..'), { recursive: true, force: true }));

const open = (set: Partial<Parameters<typeof openMasterKey>[0]> = {}) =>
  openMasterKey({ masterKey: KEY, dataDir, sandbox: false, randomBytes, ...set });

function sealerOf(set: Parameters<typeof open>[0] = {}) {
  const result = open(set);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe('sealing', () => {
  test('what was sealed opens again, whatever it is, and never twice looks the same', () => {
    const sealer = sealerOf();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (plain) => {
        const [once, twice] = [sealer.seal(plain), sealer.seal(plain)];
        expect(sealer.open(once)).toBe(plain);
        expect(once).not.toBe(twice);
        expect(once).toMatch(/^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
      }),
    );
  });

  test('a change of any character is noticed', () => {
    const sealer = sealerOf();
    const sealed = sealer.seal('buyer@example.com');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = sealed[at] === 'A' ? 'B' : 'A';
      expect(() => sealer.open(sealed.slice(0, at) + changed + sealed.slice(at + 1))).toThrow(/./);
      expect(() => sealer.open(sealed.slice(0, at))).toThrow(/./);
    }
    for (const wrong of ['', 'v1', 'v1..', `${sealed}.`, `${sealed}=`, sealed.replace('v1', 'v2')]) {
      expect(() => sealer.open(wrong)).toThrow(/^sealer: /);
    }
  });

  test('another key does not open it, and the error names the key but not the text', () => {
    const sealed = sealerOf().seal('buyer@example.com');
    const keyId = sealed.split('.')[1];
    expect(() => sealerOf({ masterKey: OTHER_KEY }).open(sealed)).toThrow(
      `sealed with another master key (id ${keyId})`,
    );
  });

  test('the nonce comes from the injected randomness', () => {
    const fixed = sealerOf({ randomBytes: (size) => new Uint8Array(size).fill(7) });
    expect(fixed.seal('x')).toBe(fixed.seal('x'));
  });
});

describe('the master key', () => {
  test('MASTER_KEY is used and nothing is written', () => {
    const sealed = sealerOf({ sandbox: true }).seal('x');
    expect(sealerOf().open(sealed)).toBe('x');
    expect(() => readdirSync(dataDir)).toThrow('ENOENT');
  });

  test.each([
    ['too short', Buffer.from('short').toString('base64')],
    ['too long', randomBytes(33).toString('base64')],
    ['all zero', Buffer.alloc(32).toString('base64')],
    ['not base64', '0123456789abcdef0123456789abcdef0123456789!'],
    ['hexadecimal', randomBytes(32).toString('hex')],
    ['empty', ''],
  ])('a MASTER_KEY that is %s is a fault that does not repeat it', (_, masterKey) => {
    const result = open({ masterKey });
    expect(result).toMatchObject({ ok: false, error: { file: 'environment', path: 'MASTER_KEY' } });
    if (masterKey !== '') expect(JSON.stringify(result)).not.toContain(masterKey);
  });

  test('without MASTER_KEY nothing but a sandbox starts', () => {
    expect(open({ masterKey: null })).toMatchObject({ ok: false, error: { path: 'MASTER_KEY' } });
  });

  test('a sandbox makes a key for its owner alone and uses it at every later start', () => {
    const sealed = sealerOf({ masterKey: null, sandbox: true }).seal('buyer@example.com');
    expect(readdirSync(dataDir)).toEqual(['master.key']);
    expect(statSync(join(dataDir, 'master.key')).mode & 0o777).toBe(0o600);
    expect(sealerOf({ masterKey: null, sandbox: true }).open(sealed)).toBe('buyer@example.com');
  });

  test('the key file can be moved into MASTER_KEY', () => {
    const sealed = sealerOf({ masterKey: null, sandbox: true }).seal('x');
    const masterKey = readFileSync(join(dataDir, 'master.key'), 'utf8');
    expect(sealerOf({ masterKey }).open(sealed)).toBe('x');
  });

  test('of two processes that start at once, the second takes the key of the first', () => {
    // The second one finds no key; the first one is done before the second has written its own.
    let inner: ReturnType<typeof sealerOf> | undefined;
    const outer = sealerOf({
      masterKey: null,
      sandbox: true,
      randomBytes: (size) => {
        if (size === 32) inner = sealerOf({ masterKey: null, sandbox: true });
        return randomBytes(size);
      },
    });
    expect(inner?.open(outer.seal('x'))).toBe('x');
    expect(readdirSync(dataDir)).toEqual(['master.key']);
  });

  test('a damaged key file is a fault, never replaced', () => {
    sealerOf({ masterKey: null, sandbox: true });
    writeFileSync(join(dataDir, 'master.key'), '');
    const result = open({ masterKey: null, sandbox: true });
    expect(result).toMatchObject({ ok: false, error: { file: join(dataDir, 'master.key') } });
    expect(readFileSync(join(dataDir, 'master.key'), 'utf8')).toBe('');
  });

  test('a data folder that cannot be used is a fault', () => {
    writeFileSync(join(dataDir, '..', 'file'), '');
    const result = open({ masterKey: null, sandbox: true, dataDir: join(dataDir, '..', 'file') });
    expect(result.ok).toBe(false);
  });
});

describe('a data folder', () => {
  const keyId = sealerOf().keyId;
  const otherId = sealerOf({ masterKey: OTHER_KEY }).keyId;

  test('takes the first master key, and the same one ever after', () => {
    expect(confirmMasterKey(dataDir, keyId)).toEqual({ ok: true, value: undefined });
    expect(confirmMasterKey(dataDir, keyId)).toEqual({ ok: true, value: undefined });
    expect(readFileSync(join(dataDir, 'master-key.id'), 'utf8')).toBe(`${keyId}\n`);
  });

  test('refuses another one, says which it was, and takes the first one again', () => {
    confirmMasterKey(dataDir, keyId);
    const refused = confirmMasterKey(dataDir, otherId);
    expect(refused).toMatchObject({ ok: false, error: { file: join(dataDir, 'master-key.id') } });
    expect(JSON.stringify(refused)).toContain(keyId);
    expect(confirmMasterKey(dataDir, keyId).ok).toBe(true);
  });

  test('whose key file is gone gets no new key', () => {
    confirmMasterKey(dataDir, sealerOf({ masterKey: null, sandbox: true }).keyId);
    rmSync(join(dataDir, 'master.key'));
    expect(open({ masterKey: null, sandbox: true })).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('is gone') },
    });
    expect(readdirSync(dataDir)).toEqual(['master-key.id']);
  });
});
