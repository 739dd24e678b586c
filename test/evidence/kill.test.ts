import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openEvidenceLog } from '../../src/evidence/index.ts';
import { aFolder, aLog, verified, write } from './stage.ts';

const PROGRAM = join(import.meta.dirname, 'writing-process.ts');

/** Lets a process write until it has reported so many entries, kills it, and answers what it reported last. */
async function killedAfter(entries: number, path: string): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  // Whole lines only: a number may be cut by the end of the pipe.
  const reported = () => Number(said.out.split('\n').at(-2) ?? 0);
  try {
    await vi.waitFor(() => expect(reported(), said.err).toBeGreaterThan(entries), { timeout: 30_000, interval: 5 });
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  expect(said.err).toBe('');
  return reported();
}

test('a writer that is killed leaves a whole chain with all that it had reported, time and again', async () => {
  const path = join(aFolder(), 'evidence.db');
  let rows = 0;
  for (const entries of [1, 300, 2_000]) {
    const reported = await killedAfter(entries, path);
    const found = verified(path);
    expect(found).toMatchObject({ ok: true });
    expect(found.rows).toBeGreaterThanOrEqual(rows + reported);
    rows = found.rows;
  }
  const { log, options } = aLog({ path });
  write(log, 5);
  await log.close();
  expect(verified(path)).toMatchObject({ ok: true, rows: rows + 5 });
  await openEvidenceLog(options).close();
}, 60_000);
