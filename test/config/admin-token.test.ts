import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { adminGuardFault, describeFaults, readEnvironment } from '../../src/config/index.ts';

const TOKEN = 'c3f1a09be7d24586aa01f3d2';
const folder = mkdtempSync(join(tmpdir(), 'switchyard-token-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string): string {
  const path = join(folder, `token-${Math.random()}`);
  writeFileSync(path, text);
  return path;
}

test('the token is read from a file as well, without the line end that editors add', () => {
  const read = readEnvironment({ ADMIN_TOKEN_FILE: fileWith(`${TOKEN}\n`) });
  expect(read).toMatchObject({ ok: true, value: { adminToken: TOKEN } });
});

test.each([
  ['is too short', TOKEN.slice(1), /at least 24 characters/],
  ['has a space', 'c3f1a09be7d2 4586aa01f3d2a', /without spaces/],
  ['is a placeholder', 'changeme-changeme-changeme', /placeholder/],
  ['is a hint to fill in', '<the-token-of-this-gateway>', /placeholder/],
  ['is one letter again and again', 'x'.repeat(40), /placeholder/],
])('a token that %s is refused by name, without its value', (_what, token, why) => {
  for (const env of [{ ADMIN_TOKEN: token }, { ADMIN_TOKEN_FILE: fileWith(token) }]) {
    const read = readEnvironment(env);
    expect(read).toMatchObject({ ok: false, error: [{ file: 'environment', path: Object.keys(env)[0] }] });
    const text = read.ok ? '' : describeFaults(read.error);
    expect(text).toMatch(why);
    expect(text).toContain('openssl rand -hex 32');
    expect(text).not.toContain(token);
  }
});

test('a file that is missing, and a token given twice, are faults', () => {
  const both = { ADMIN_TOKEN: TOKEN, ADMIN_TOKEN_FILE: fileWith(TOKEN) };
  for (const env of [{ ADMIN_TOKEN_FILE: join(folder, 'none') }, both]) {
    expect(readEnvironment(env)).toMatchObject({ ok: false, error: [{ path: 'ADMIN_TOKEN_FILE' }] });
  }
});

test.each(['127.0.0.1', '127.8.0.1', '::1', 'localhost', 'LOCALHOST'])('on %s nobody has to show a token', (host) => {
  expect(adminGuardFault({ adminHost: host, adminToken: null })).toBeNull();
});

test.each(['0.0.0.0', '::', '10.0.0.7', '::ffff:127.0.0.1', 'gateway.internal', '127.example.com'])(
  'on %s a token is required, and the fault says what to do',
  (host) => {
    const fault = adminGuardFault({ adminHost: host, adminToken: null });
    expect(fault).toMatchObject({ path: 'ADMIN_TOKEN', message: expect.stringContaining('openssl rand -hex 32') });
    expect(adminGuardFault({ adminHost: host, adminToken: TOKEN })).toBeNull();
  },
);
