import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { MIGRATIONS, migrate } from '../../../src/store/sqlite/migrations.ts';

type Row = Readonly<Record<string, string | number | null>>;

/**
 * The tables of a file that a program of version 1 wrote: payments under the order numbers `created`, `open` (its metadata look like
 * parts of a document), `unknown`, `paid`, `told`, `late`, `surplus` and `given-up`.
 */
const TABLES: Readonly<Record<string, readonly Row[]>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'version-1.json'), 'utf8'),
);

/** Writes a file as a program of version 1 left it; `sql` is what happened to it afterwards. */
export function writeVersion1(path: string, sql = ''): void {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  migrate(db, path, MIGRATIONS.slice(0, 1));
  for (const [table, rows] of Object.entries(TABLES)) {
    db.exec(`DELETE FROM ${table}`);
    for (const row of rows) {
      const names = Object.keys(row);
      db.prepare(`INSERT INTO ${table} (${names}) VALUES (${names.map(() => '?')})`).run(...Object.values(row));
    }
  }
  db.exec(sql);
  db.close();
}

/** The document of an order as version 1 wrote it. */
export function version1Document(orderNo: string): Readonly<Record<string, unknown>> {
  const row = TABLES.payments?.find((payment) => payment.merchant_order_no === orderNo);
  return JSON.parse(String(row?.document));
}
