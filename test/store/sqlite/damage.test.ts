import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Payment } from '../../../src/payment/index.ts';
import { openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/index.ts';
import { aPayment, NEW_YEAR } from '../../contract/payments.ts';
import { ask, messageOf, pay } from './acknowledged.ts';
import { makeTemporaryDirectory } from './temporary.ts';

const PAGE_BYTES = 4_096;
const DAMAGED = /is damaged; stop the gateway, keep a copy, and restore a backup/;

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

function change(file: string, edit: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = readFileSync(file);
  writeFileSync(file, edit(bytes) ?? bytes);
}

describe('a damaged database', () => {
  let payments: readonly Payment[] = [];

  beforeEach(async () => {
    const store = openStore();
    payments = await pay(store, 60);
    await store.close();
    open = [];
  });

  test.each([
    ['its beginning written over', (bytes: Buffer) => bytes.fill('x', 0, 100), /not a SQLite database; move it away/],
    ['its description damaged', (bytes: Buffer) => bytes.fill(0xff, 100, PAGE_BYTES), DAMAGED],
    ['its second half gone', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2), DAMAGED],
    ['all but its first page gone', (bytes: Buffer) => bytes.subarray(0, PAGE_BYTES), DAMAGED],
    ['nothing left in it', () => Buffer.alloc(0), /is empty, which no database is; restore a backup, or remove it/],
  ])('with %s is refused, and left as it is', (_, edit, message) => {
    change(path, edit);
    const before = readFileSync(path);
    expect(() => openSqliteStore({ path })).toThrow(message);
    expect(() => openSqliteStore({ path })).toThrow(message);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test.each([
    ['zeros', (page: Buffer) => page.fill(0)],
    ['ones', (page: Buffer) => page.fill(0xff)],
    ['turned bits', (page: Buffer) => page.set(page.map((byte) => byte ^ 0x55))],
  ])('with %s in a page never answers a payment wrongly or as unknown, whichever page it is', async (_, spoil) => {
    const sound = readFileSync(path);
    let refused = 0;
    for (let page = 1; page < sound.length / PAGE_BYTES; page += 3) {
      const bytes = Buffer.from(sound);
      spoil(bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
      const file = join(directory.path, `page-${page}`);
      writeFileSync(file, bytes);
      const failure = messageOf(() => openStore(file));
      if (failure !== null) {
        expect(failure).toMatch(DAMAGED);
        continue;
      }
      const store = open.pop();
      if (!store) throw new Error('the store is open');
      const { intact, missing, refusals } = await ask(store, payments);
      expect({ missing, all: intact + refusals.length }).toEqual({ missing: 0, all: payments.length });
      for (const message of refusals) expect(message).toMatch(/is damaged; |cannot be trusted: /);
      refused += refusals.length;
      await store.close();
    }
    expect(refused).toBeGreaterThan(0);
  });

  test('of which a page is cut off says so where that is missed', async () => {
    truncateSync(path, statSync(path).size - 1_000);
    const store = openStore();
    const { intact, missing, refusals } = await ask(store, payments);
    expect(missing).toBe(0);
    expect(intact + refusals.length).toBe(payments.length);
    for (const message of refusals) expect(message).toMatch(/is cut off; |is damaged; |cannot be trusted: /);
  });

  test('takes no further write once one has met the damage', async () => {
    const rootOf = new Database(path, { readonly: true });
    const index = rootOf
      .prepare<[], { rootpage: number }>(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_payments_2'",
      )
      .get();
    rootOf.close();
    const at = ((index?.rootpage ?? 1) - 1) * PAGE_BYTES;
    change(path, (bytes) => bytes.fill(0, at, at + PAGE_BYTES));

    const store = openStore();
    await expect(store.ping()).resolves.toBeUndefined();
    const key = { merchantId: 'm_demo', key: 'k', requestHash: 'h', subject: 's', now: NEW_YEAR };
    const batch = await Promise.allSettled([store.reserveKey(key), store.insert(aPayment()), store.reserveKey(key)]);
    for (const answer of batch) expect(answer).toMatchObject({ reason: { message: expect.stringMatching(DAMAGED) } });
    await expect(store.reserveKey(key)).rejects.toThrow(DAMAGED);
    await expect(store.ping()).rejects.toThrow(DAMAGED);
    expect(await ask(store, payments)).toEqual({ intact: payments.length, missing: 0, refusals: [] });
  });

  test('whose opening fails leaves the file free for the next try', async () => {
    const sound = readFileSync(path);
    const leases = new Database(path, { readonly: true });
    const table = leases
      .prepare<[], { rootpage: number }>("SELECT rootpage FROM sqlite_schema WHERE name = 'leases'")
      .get();
    leases.close();
    const at = ((table?.rootpage ?? 1) - 1) * PAGE_BYTES;
    change(path, (bytes) => bytes.fill(0, at, at + PAGE_BYTES));
    expect(() => openSqliteStore({ path })).toThrow(DAMAGED);
    writeFileSync(path, sound);
    expect(await ask(openStore(), payments)).toMatchObject({ intact: payments.length });
  });
});
