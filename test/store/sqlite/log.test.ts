import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Payment } from '../../../src/payment/index.ts';
import { openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/index.ts';
import { aPayment } from '../../contract/payments.ts';
import { ask, messageOf, pay } from './acknowledged.ts';
import { makeTemporaryDirectory } from './temporary.ts';

const PAGE_BYTES = 4_096;

let directory: ReturnType<typeof makeTemporaryDirectory>;
let path: string;
let open: SqliteStore[] = [];

beforeEach(() => {
  directory = makeTemporaryDirectory();
  path = join(directory.path, 'switchyard.db');
});

afterEach(async () => {
  for (const store of open) await store.close();
  open = [];
  directory.remove();
});

function openStore(file = path): SqliteStore {
  const store = openSqliteStore({ path: file });
  open.push(store);
  return store;
}

describe('the log of a process that was killed', () => {
  let payments: readonly Payment[] = [];
  let log: string;
  let crashed: string;

  /** The files as a killed process leaves them: the store that wrote them goes on elsewhere. */
  async function crash(count: number, meanwhile: (store: SqliteStore) => Promise<unknown> = async () => {}) {
    const store = openStore();
    await meanwhile(store);
    payments = await pay(store, count);
    const place = join(directory.path, 'crashed');
    mkdirSync(place);
    crashed = join(place, 'switchyard.db');
    log = `${crashed}-wal`;
    copyFileSync(path, crashed);
    copyFileSync(`${path}-wal`, log);
  }

  test('is taken over whole', async () => {
    await crash(20);
    expect(await ask(openStore(crashed), payments)).toEqual({ intact: 20, missing: 0, refusals: [] });
  });

  test('is taken over whole also where it was written over from its start', async () => {
    await crash(5, async (store) => {
      await pay(store, 40);
      const reader = new Database(path);
      reader.pragma('wal_checkpoint(RESTART)');
      reader.close();
    });
    const longer = statSync(log).size;
    expect(await ask(openStore(crashed), payments)).toEqual({ intact: 5, missing: 0, refusals: [] });
    expect(longer).toBeGreaterThan(40 * PAGE_BYTES);
  });

  test('that ends in a commit which never came to its end is taken over up to there', async () => {
    await crash(20);
    truncateSync(log, statSync(log).size - 100);
    const { intact, refusals } = await ask(openStore(crashed), payments.slice(0, 19));
    expect({ intact, refusals }).toEqual({ intact: 19, refusals: [] });
  });

  test('with an interrupted commit is taken over up to there, also when the next process is interrupted in the same way', async () => {
    const place = (name: string) => join(directory.path, name);
    /** Copies what a process leaves that dies in its last commit: one frame of that never reached the disk, the others did. */
    const dieIn = async (lastCommit: () => Promise<unknown>, from: string, to: string) => {
      const before = statSync(`${from}-wal`).size;
      await lastCommit();
      const bytes = readFileSync(`${from}-wal`).fill(0x55, before + 24, before + 24 + PAGE_BYTES);
      copyFileSync(from, to);
      writeFileSync(`${to}-wal`, bytes);
    };
    const first = openStore();
    const kept = [...(await pay(first, 5))];
    const many = Array.from({ length: 50 }, () => aPayment());
    await dieIn(() => Promise.all(many.map((payment) => first.insert(payment))), path, place('second'));
    const second = openStore(place('second'));
    kept.push(...(await pay(second, 1)));
    await dieIn(() => second.insert(aPayment()), place('second'), place('third'));
    expect(await ask(openStore(place('third')), kept)).toEqual({ intact: 6, missing: 0, refusals: [] });
  });

  test('loses none but its last two commits without a word, whatever one damaged place there is', async () => {
    await crash(20);
    const [database, sound] = [readFileSync(crashed), readFileSync(log)];
    let tried = 0;
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: sound.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom(1, 8, 512, PAGE_BYTES),
        async (at, mask, length) => {
          tried += 1;
          const place = join(directory.path, `try-${tried}`);
          mkdirSync(place);
          const file = join(place, 'switchyard.db');
          const bytes = Buffer.from(sound);
          for (let i = at; i < Math.min(bytes.length, at + length); i += 1) bytes.writeUInt8((bytes[i] ?? 0) ^ mask, i);
          writeFileSync(file, database);
          writeFileSync(`${file}-wal`, bytes);
          const failure = messageOf(() => openStore(file));
          outcomes.add(failure === null ? 'opened' : 'refused');
          if (failure !== null) {
            expect(failure).toMatch(/switchyard\.db-wal is damaged, and \d+ commits follow the damage; keep a copy/);
            expect(readFileSync(`${file}-wal`).equals(bytes)).toBe(true);
          } else {
            // One may look like a commit that a power cut interrupted, if the mark of the one before it is what is damaged.
            const { missing, refusals } = await ask(openedLast(), payments.slice(0, -2));
            expect({ missing, refusals }).toEqual({ missing: 0, refusals: [] });
            await openedLast().close();
            open.pop();
          }
          rmSync(place, { recursive: true });
        },
      ),
      { seed: 20_260_101, numRuns: 150 },
    );
    expect(outcomes).toEqual(new Set(['opened', 'refused']));
  });

  const openedLast = (): SqliteStore => {
    const store = open.at(-1);
    if (!store) throw new Error('the store is open');
    return store;
  };

  test('is not thrown away with a database that is missing or empty', async () => {
    await crash(20);
    const sound = readFileSync(log);
    renameSync(crashed, `${crashed}.away`);
    expect(() => openSqliteStore({ path: crashed })).toThrow(
      /is missing, and .*-wal beside it holds payments; put the/,
    );
    writeFileSync(crashed, '');
    expect(() => openSqliteStore({ path: crashed })).toThrow(/is empty, which no database is/);
    expect(readFileSync(log).equals(sound)).toBe(true);
    renameSync(`${crashed}.away`, crashed);
    expect(await ask(openStore(crashed), payments)).toEqual({ intact: 20, missing: 0, refusals: [] });
  });
});

describe('a log that is taken away while the store is open', () => {
  test('stops all writing, and what it held is saved when the store is closed', async () => {
    const store = openStore();
    const payments = await pay(store, 5);
    rmSync(`${path}-wal`);
    await expect(store.insert(aPayment())).rejects.toThrow(
      /switchyard\.db-wal was removed or replaced while it was open/,
    );
    await expect(store.ping()).rejects.toThrow(/removed or replaced/);
    expect(await ask(store, payments)).toMatchObject({ intact: 5 });
    await store.close();
    open = [];
    expect(await ask(openStore(), payments)).toEqual({ intact: 5, missing: 0, refusals: [] });
  });
});
