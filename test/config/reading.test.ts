import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfig } from '../../src/config/index.ts';
import { aProvider, GATEWAY, MERCHANTS } from './builders.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-reading-'));
  path = join(folder, 'gateway.yaml');
  writeFileSync(path, GATEWAY);
  writeFileSync(join(folder, 'merchants.yaml'), MERCHANTS);
});
afterEach(() => rmSync(folder, { recursive: true }));

function messages(): readonly string[] {
  const { loaded } = readConfig({ path, env: {}, providers: [aProvider()], production: false });
  return loaded.ok ? [] : loaded.error.map(({ message }) => message);
}

test('a pipe in the place of a file is refused, and not waited for', () => {
  rmSync(path);
  execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
  expect(messages()).toEqual(['it is no plain file']);
});

test('a file of a gigabyte is refused, and not read', () => {
  truncateSync(path, 1024 * 1024 * 1024);
  expect(messages()).toEqual(['it is too long']);
});
