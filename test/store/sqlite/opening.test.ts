import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteReader, openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/index.ts';
import { migrate } from '../../../src/store/sqlite/migrations.ts';
import { aPayment, NEW_YEAR } from '../../contract/payments.ts';
import { makeTemporaryDirectory } from './temporary.ts';

let directory: ReturnType<typeof makeTemporaryDirectory>;
let path: string;

beforeEach(() => {
  directory = makeTemporaryDirectory();
  path = join(directory.path, 'switchyard.db');
});

afterEach(() => directory.remove());

async function using<T>(store: SqliteStore, work: (store: SqliteStore) => Promise<T>): Promise<T> {
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Changes a closed database behind the store's back. */
function tamper(sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

describe('opening', () => {
  test('makes the directory, and a file that only its owner can read', async () => {
    const deep = join(directory.path, 'a', 'b', 'switchyard.db');
    await using(openSqliteStore({ path: deep }), (store) => store.insert(aPayment()));
    expect(statSync(deep).mode & 0o777).toBe(0o600);
  });

  test('refuses what is not a database, and leaves it as it is', () => {
    writeFileSync(path, 'these are my notes, not a database'.repeat(100));
    expect(() => openSqliteStore({ path })).toThrow(/not a SQLite database; move it away/);
    expect(() => openSqliteReader(path)).toThrow(/not a SQLite database/);
    expect(statSync(path).size).toBe(3_400);
  });

  test('refuses the database of another program', () => {
    tamper('CREATE TABLE notes (text TEXT)');
    expect(() => openSqliteStore({ path })).toThrow(/database of another program; move it away/);
  });

  test('refuses a directory that cannot be made', () => {
    writeFileSync(path, '');
    expect(() => openSqliteStore({ path: join(path, 'switchyard.db') })).toThrow(/set DATA_DIR/);
  });

  test('refuses a name that is a directory', () => {
    mkdirSync(path);
    expect(() => openSqliteStore({ path })).toThrow(/switchyard\.db cannot be opened; check/);
  });

  test('refuses a file that this process has open already, and takes it once that is closed', async () => {
    await using(openSqliteStore({ path }), async () => {
      expect(() => openSqliteStore({ path })).toThrow(/in use by another gateway/);
    });
    await using(openSqliteStore({ path }), (store) => store.ping());
  });
});

describe('looking at a file', () => {
  test('is refused when there is none', () => {
    expect(() => openSqliteReader(path)).toThrow(/does not exist; start the gateway once/);
  });

  test('works after the gateway has stopped', async () => {
    const payment = aPayment();
    await using(openSqliteStore({ path }), (store) => store.insert(payment));
    const reader = openSqliteReader(path);
    expect((await reader.findById(payment.id))?.payment).toEqual(payment);
    await reader.ping();
    await reader.close();
    await expect(reader.findById(payment.id)).rejects.toThrow();
  });
});

describe('the schema', () => {
  const SECOND = 'ALTER TABLE things ADD COLUMN colour TEXT; UPDATE things SET colour = name;';
  const FIRST = "CREATE TABLE things (name TEXT); INSERT INTO things VALUES ('red');";

  test('is brought forward step by step, with the data in it, and only once', () => {
    const db = new Database(path);
    migrate(db, path, [FIRST]);
    migrate(db, path, [FIRST, SECOND]);
    migrate(db, path, [FIRST, SECOND]);
    expect(db.prepare('SELECT name, colour FROM things').all()).toEqual([{ name: 'red', colour: 'red' }]);
    db.close();
  });

  test('stays as it was when a step fails', () => {
    const db = new Database(path);
    migrate(db, path, [FIRST]);
    expect(() => migrate(db, path, [FIRST, SECOND, 'SELECT * FROM nowhere'])).toThrow(/nowhere/);
    expect(db.prepare('SELECT * FROM things').all()).toEqual([{ name: 'red' }]);
    migrate(db, path, [FIRST, SECOND]);
    db.close();
  });

  test('of a newer program is refused', async () => {
    await openSqliteStore({ path }).close();
    tamper('UPDATE schema_version SET version = 99');
    expect(() => openSqliteStore({ path })).toThrow(
      /schema version 99, this program knows \d+; run the version that wrote it/,
    );
    expect(() => openSqliteReader(path)).toThrow(/schema version 99/);
  });

  test('of an older program is not for reading', async () => {
    await openSqliteStore({ path }).close();
    tamper('UPDATE schema_version SET version = 0');
    expect(() => openSqliteReader(path)).toThrow(/older schema version 0; start the gateway once/);
  });
});

describe('a stored document that was tampered with', () => {
  const spoilt = {
    'is not JSON': "UPDATE payments SET document = substr(document, 1, 40) WHERE merchant_order_no = 'bad'",
    'is of an unknown schema': `UPDATE payments SET document = json_set(document, '$.schema', 99) WHERE merchant_order_no = 'bad'`,
    'is another version': `UPDATE payments SET document = json_set(document, '$.version', 7) WHERE merchant_order_no = 'bad'`,
    'breaks an invariant': `UPDATE payments SET document = json_set(document, '$.amount.minor', 0.5) WHERE merchant_order_no = 'bad'`,
    'lacks its attempts': `UPDATE payments SET document = json_remove(document, '$.attempts') WHERE merchant_order_no = 'bad'`,
  };

  test.each(Object.entries(spoilt))('and %s is never answered, and nobody else suffers', async (_, sql) => {
    const bad = aPayment({ merchantOrderNo: 'bad', subject: 'a private matter' });
    const good = aPayment({}, NEW_YEAR + 1);
    await using(openSqliteStore({ path }), (store) => Promise.all([store.insert(bad), store.insert(good)]));
    tamper(sql);

    const reported: string[] = [];
    const onDamaged = (error: Error) => reported.push(error.message);
    await using(openSqliteStore({ path, onDamaged }), async (store) => {
      await expect(store.findById(bad.id)).rejects.toThrow(
        new RegExp(`the stored document of ${bad.id} cannot be (trusted|read)`),
      );
      const claim = { now: NEW_YEAR + 1_000_000, owner: 'a', leaseMs: 1_000, limit: 1 };
      expect(await store.claimDue(claim)).toEqual([]);
      expect(await store.claimDue(claim)).toEqual([good]);
      expect(reported).toEqual([expect.stringContaining(bad.id)]);
      expect(reported[0]).not.toContain('private');
      expect(await store.findAhead(NEW_YEAR - 1, 1)).toEqual([good]);
    });
  });
});

test('text that is no valid Unicode comes back as it went in', async () => {
  const payment = aPayment({ subject: '\ud800 and \udc00\ud800', metadata: { '\udfff': '\udfff' } });
  await using(openSqliteStore({ path }), async (store) => {
    await store.insert(payment);
    expect((await store.findById(payment.id))?.payment).toStrictEqual(payment);
  });
});
