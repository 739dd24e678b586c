import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { openEvidenceLog } from '../../src/evidence/index.ts';
import { aFolder, aLog, anEntry, NEW_YEAR, story, verified, write } from './stage.ts';

/** Just too short to be deflated. */
const LARGE = { body: 'x'.repeat(2_000) };

describe('a full disk', () => {
  test('stops nobody; what waited is written, in order, when there is room again', () => {
    const { log, path, options, heard } = aLog({ bytesMax: 120_000 });
    for (let n = 0; n < 300; n += 1) {
      log.append(anEntry({ what: String(n), messages: { body: `${n} ${Math.sin(n)}`.repeat(150) } }));
      if (n % 30 === 29) log.flush();
    }
    const { waiting, written, outage } = log.stats();
    expect(outage?.message).toMatch(/evidence\.db has no space left; free disk space, or shorten evidence.retention/);
    expect(waiting + written).toBe(300);
    expect(waiting).toBeGreaterThan(0);
    expect(heard.troubles).toEqual([outage?.message]);
    expect(verified(path)).toMatchObject({ ok: true, rows: written });

    delete options.bytesMax;
    log.flush();
    expect(log.stats()).toMatchObject({ written: 300, waiting: 0, dropped: 0, outage: null });
    expect(story(path).map(({ what }) => what)).toEqual(Array.from({ length: 300 }, (_, n) => String(n)));
    expect(verified(path)).toMatchObject({ ok: true, rows: 300 });
  });

  test('is tried again without anybody asking', async () => {
    const { log, options } = aLog({ bytesMax: 60_000 });
    for (let n = 0; n < 50; n += 1) log.append(anEntry({ messages: LARGE }));
    await vi.waitFor(() => expect(log.stats().outage).not.toBeNull());
    delete options.bytesMax;
    await vi.waitFor(() => expect(log.stats()).toMatchObject({ waiting: 0, outage: null }), { timeout: 10_000 });
  });

  test('at the end: what cannot be written is counted as dropped', async () => {
    const { log, heard } = aLog({ bytesMax: 60_000 });
    for (let n = 0; n < 100; n += 1) log.append(anEntry({ messages: LARGE }));
    await log.close();
    const { written, dropped, waiting } = log.stats();
    expect(waiting).toBe(0);
    expect(dropped).toBeGreaterThan(0);
    expect(written + dropped).toBe(100);
    expect(heard).toMatchObject({ written, dropped });
  });
});

describe('more than may wait', () => {
  test('is dropped and counted, and reported once per burst', () => {
    const { log, heard, path } = aLog();
    for (let n = 0; n < 10_050; n += 1) log.append(anEntry({ what: String(n), messages: null }));
    expect(log.stats()).toMatchObject({ waiting: 10_000, dropped: 50 });
    expect(heard).toMatchObject({
      dropped: 50,
      troubles: ['evidence: 10000 entries wait to be written; new ones are dropped'],
    });
    log.flush();
    expect(story(path).at(-1)?.what).toBe('9999');

    for (let n = 0; n < 10_001; n += 1) log.append(anEntry({ messages: null }));
    expect(heard).toMatchObject({ dropped: 51, troubles: [expect.any(String), expect.any(String)] });
  });

  test('counts in size as well: large bodies fill no memory', () => {
    const { log } = aLog();
    const body = 'x'.repeat(64 * 1024);
    for (let n = 0; n < 1_200; n += 1) log.append(anEntry({ messages: { body } }));
    const { waiting, dropped } = log.stats();
    expect(waiting).toBeLessThan(1_100);
    expect(waiting + dropped).toBe(1_200);
  });
});

describe('a file that is not where it was', () => {
  test('was moved to an archive: it is complete there, and a new one goes on with its chain', async () => {
    const { log, path, folder, heard } = aLog();
    write(log, 5);
    const archived = join(folder, 'evidence-2025.db');
    renameSync(path, archived);
    write(log, 3);
    await log.close();
    expect(heard.troubles).toEqual([expect.stringMatching(/was moved or removed; a new file goes on with its chain/)]);
    const [old, young] = [verified(archived), verified(path)];
    expect(old).toMatchObject({ ok: true, rows: 5, head: { seq: 5 } });
    expect(young).toMatchObject({ ok: true, rows: 3, head: { seq: 8 } });
    expect(story(archived)).toHaveLength(5);
  });

  test('was removed with all that belongs to it: a new one is begun', () => {
    const { log, path } = aLog();
    write(log, 5);
    for (const name of ['', '-wal', '-shm']) rmSync(`${path}${name}`);
    write(log, 3);
    expect(verified(path)).toMatchObject({ ok: true, rows: 3 });
    expect(log.stats()).toMatchObject({ written: 8, failures: 0 });
  });

  test('was removed alone: what it left behind does no harm', () => {
    const { log, path } = aLog();
    write(log, 5);
    rmSync(path);
    write(log, 3);
    expect(verified(path)).toMatchObject({ ok: true, rows: 3 });
  });

  test('lost its whole folder', () => {
    const { log, path, folder } = aLog();
    write(log, 5);
    rmSync(folder, { recursive: true });
    write(log, 3);
    expect(verified(path)).toMatchObject({ ok: true, rows: 3 });
  });
});

describe('a file that cannot be used', () => {
  test.each([
    ['garbage', (path: string) => writeFileSync(path, 'x'.repeat(5_000)), /is not a SQLite database; move it away/],
    ['a folder', (path: string) => mkdirSync(path), /cannot be opened/],
  ])('because it is %s is reported once; entries wait until it is out of the way', (_, spoil, words) => {
    const folder = aFolder();
    const path = join(folder, 'evidence.db');
    spoil(path);
    const { log, heard } = aLog({ path });
    log.append(anEntry());
    log.flush();
    log.flush();
    expect(heard.troubles).toEqual([expect.stringMatching(words)]);
    expect(log.stats()).toMatchObject({ waiting: 1, written: 0, dropped: 0 });
    renameSync(path, join(folder, 'away'));
    log.flush();
    expect(log.stats()).toMatchObject({ waiting: 0, written: 1, outage: null });
    expect(verified(path)).toMatchObject({ ok: true, rows: 1 });
  });

  test('because it is the database of another program stays as it is', async () => {
    const { default: Database } = await import('better-sqlite3');
    const path = join(aFolder(), 'evidence.db');
    const other = new Database(path);
    other.exec('CREATE TABLE precious (x)');
    other.close();
    const { log, heard } = aLog({ path });
    write(log, 1);
    expect(heard.troubles).toEqual([expect.stringMatching(/is a database of another program; move it away/)]);
    const after = new Database(path);
    expect(after.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'precious' }]);
    after.close();
  });

  test('because somebody holds it is written when it is free', async () => {
    const { default: Database } = await import('better-sqlite3');
    const { log, path, heard } = aLog();
    const holder = new Database(path);
    holder.exec('BEGIN IMMEDIATE');
    write(log, 1);
    expect(heard.troubles).toEqual([expect.stringMatching(/is held by another program/)]);
    holder.exec('ROLLBACK');
    holder.close();
    log.flush();
    expect(verified(path)).toMatchObject({ ok: true, rows: 1 });
  });

  // The administrator may write everywhere.
  test.skipIf(process.getuid?.() === 0)('because its folder is read-only is reported', () => {
    const folder = aFolder();
    chmodSync(folder, 0o500);
    const heard: string[] = [];
    const log = openEvidenceLog({
      ...{
        path: join(folder, 'evidence.db'),
        sealer: { seal: String, open: String },
        retentionMs: 1,
        now: () => NEW_YEAR,
      },
      onTrouble: (error) => void heard.push(error.message),
    });
    expect(heard).toEqual([expect.stringMatching(/cannot be made; give the user/)]);
    expect(existsSync(join(folder, 'evidence.db'))).toBe(false);
    return log.close();
  });
});
