import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openTemporaryStore } from './temporary.ts';

/** Tables that hold as many rows as there are payments; the others stay small. */
const GROWING = ['payments', 'events', 'trade_numbers', 'idempotency_keys', 'order_numbers'];
/** Indexes over what is unfinished or wrong, which is little however much is stored. */
const SMALL_INDEXES = ['payments_due', 'payments_unknown', 'payments_webhooks'];

describe('with millions of stored payments', () => {
  const statements: string[] = [];
  let db: Database.Database;
  let harness: Awaited<ReturnType<typeof openTemporaryStore>>;

  beforeAll(async () => {
    const prepare = vi.spyOn(Database.prototype, 'prepare');
    harness = openTemporaryStore();
    statements.push(...new Set(prepare.mock.calls.map(([sql]) => sql)));
    prepare.mockRestore();
    db = new Database(harness.path, { readonly: true });
  });
  afterAll(async () => {
    db.close();
    await harness.dispose();
  });

  function planOf(sql: string): readonly string[] {
    const positions = sql.match(/\?/g)?.map(() => null) ?? [];
    const names = Object.fromEntries([...sql.matchAll(/:(\w+)/g)].map(([, name]) => [name, null]));
    const explain = db.prepare<unknown[], { readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`);
    return explain.all(...positions, ...(Object.keys(names).length > 0 ? [names] : [])).map(({ detail }) => detail);
  }

  test('no statement of the store walks through a table that grows, or sorts it', () => {
    const explained = statements.filter((sql) => /\b(payments|events|trade_numbers|idempotency_keys)\b/.test(sql));
    expect(explained.length).toBeGreaterThan(25);
    const slow = explained.flatMap((sql) =>
      planOf(sql)
        .filter((step) => isWalk(step) || step.includes('TEMP B-TREE'))
        .map((step) => `${step}: ${sql}`),
    );
    expect(slow).toEqual([]);
  });

  function isWalk(step: string): boolean {
    const [, table = '', index = ''] = /^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?/.exec(step) ?? [];
    return GROWING.includes(table) && !SMALL_INDEXES.includes(index);
  }

  test('this sees a walk', () => {
    expect(planOf('SELECT count(*) FROM payments WHERE status = ?').some(isWalk)).toBe(true);
    expect(planOf('SELECT document FROM payments ORDER BY created_at DESC, version').join()).toContain('TEMP B-TREE');
  });
});
