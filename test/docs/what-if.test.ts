import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blocks, ROOT, readPage } from './pages.ts';
import { run } from './started.ts';

const page = readPage('docs/what-if.md');

/** Headings and the names of rows; the figures move whenever routing learns something new. */
const words = (text: string): readonly string[] =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) =>
      /\d/.test(line) ? (line.split(/ {2,}/)[0] ?? '').replaceAll(/\d+/g, '#') : line.replaceAll(/ {2,}/g, '  '),
    );

test('a run shows what the page shows', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-what-if-'));
  try {
    const shipped = readFileSync(join(ROOT, 'config/gateway.yaml'), 'utf8');
    const proposed = shipped.replace(/(alipay-backup:[\s\S]*?rate: )0\.7%/, '$10.5%');
    expect(proposed).not.toBe(shipped);
    const path = join(folder, 'proposed.yaml');
    writeFileSync(path, proposed);
    const args = ['simulate', '--config', path, '--scenario', 'config/scenarios/evening-outage.yaml'];
    const { code, output } = await run(process.execPath, ['src/cli.ts', ...args], {
      ...{ PATH: process.env.PATH, CONFIG: 'config/gateway.yaml' },
    });
    expect(code, output).toBe(0);
    expect(words(output)).toEqual(words(blocks(page.text, 'text')[0] ?? ''));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
