import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watchFiles } from '../../src/config/index.ts';
import { marksOf } from '../../src/config/reading.ts';
import { eventually } from '../e2e/stage.ts';

test('a file that is written slowly is read when it is whole, and not at a pause on the way', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-watch-'));
  const path = join(folder, 'gateway.yaml');
  writeFileSync(path, 'old\n');
  let marks = await marksOf([path]);
  const pieces = ['new 1\n', 'new 2\n', 'new 3\n'];
  const read: string[] = [];
  let looks = 0;
  const watcher = watchFiles({
    // Asked before every look, so the writer pauses for exactly one look after each piece.
    known: () => {
      looks += 1;
      if (looks === 2) writeFileSync(path, pieces.shift() ?? '');
      else if (looks > 2 && looks % 2 === 0) appendFileSync(path, pieces.shift() ?? '');
      return marks;
    },
    onChange: async () => {
      read.push(readFileSync(path, 'utf8'));
      marks = await marksOf([path]);
    },
    onTrouble: (thrown) => {
      throw thrown;
    },
  });
  try {
    await eventually(async () => read.length > 0, 20_000);
    expect(read).toEqual(['new 1\nnew 2\nnew 3\n']);
  } finally {
    await watcher.close();
    rmSync(folder, { recursive: true });
  }
}, 30_000);
