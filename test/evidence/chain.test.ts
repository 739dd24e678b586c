import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openEvidenceLog } from '../../src/evidence/index.ts';
import { aLog, anEntry, sealer, story, tamper, verified, write } from './stage.ts';

const ROWS = 10;

/** A closed log of ten rows. */
async function aClosedLog(): Promise<string> {
  const { log, path } = aLog();
  write(log, ROWS, { channelId: 'alipay-main' });
  await log.close();
  return path;
}

describe('a log that nobody has touched', () => {
  test('is whole, needs no key for that, and says where it ends', async () => {
    const path = await aClosedLog();
    const { ok, rows, head, firstBroken } = verified(path);
    expect({ ok, rows, seq: head.seq, firstBroken }).toEqual({
      ok: true,
      rows: ROWS,
      seq: ROWS,
      firstBroken: undefined,
    });
  });

  test('is whole when it is empty, and when it was opened again and again', async () => {
    const { log, path, options } = aLog();
    expect(verified(path)).toMatchObject({ ok: true, rows: 0 });
    await log.close();
    for (let round = 1; round <= 3; round += 1) {
      const again = openEvidenceLog(options);
      write(again, 3);
      await again.close();
      expect(verified(path)).toMatchObject({ ok: true, rows: 3 * round });
    }
  });

  test('is whole while it is written to, also by two at once', () => {
    const { log, path, options } = aLog();
    const other = openEvidenceLog(options);
    for (let round = 1; round <= 5; round += 1) {
      write(log, 2);
      write(other, 2);
      expect(verified(path)).toMatchObject({ ok: true, rows: 4 * round });
    }
    return other.close();
  });

  test('is whole when it is longer than what is read at a time', () => {
    const { log, path } = aLog();
    write(log, 1_234, { messages: null });
    expect(verified(path)).toMatchObject({ ok: true, rows: 1_234 });
  });

  test('is whole whatever is written', () => {
    const { log, path } = aLog();
    const anyText = fc.string({ unit: 'binary', maxLength: 40 });
    const anyValue = fc.oneof(anyText, fc.double(), fc.boolean(), fc.constant(null), fc.integer());
    const anyEntry = fc.record({
      paymentId: fc.option(anyText),
      channelId: fc.option(anyText),
      what: fc.oneof(anyText, fc.constantFrom('\ud800', '\udc00x', 'a\0b', '')),
      outcome: anyText,
      details: fc.dictionary(anyText, anyValue),
      messages: fc.option(fc.dictionary(anyText, fc.oneof(anyValue, fc.jsonValue()))),
      at: fc.oneof(fc.integer(), fc.double()),
    });
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 5 }), (entries) => {
        for (const entry of entries) log.append(anEntry(entry));
        log.flush();
        expect(log.stats()).toMatchObject({ waiting: 0, dropped: 0, failures: 0 });
      }),
      { seed: 7, numRuns: 200 },
    );
    expect(verified(path)).toMatchObject({ ok: true, rows: log.stats().written });
  });
});

describe('a row that was tampered with is found', () => {
  test.each([
    ['at', 'at + 1'],
    ['kind', "'callback'"],
    ['payment_id', "'pay_11111111111111111111111111'"],
    ['payment_id', 'NULL'],
    ['channel_id', "'alipay-backup'"],
    ['channel_id', 'NULL'],
    ['what', "'fulfilled'"],
    ['outcome', "'failed'"],
    ['details', "replace(details, '1', '2')"],
    ['details', "details || ' '"],
    ['sealed', 'CAST(substr(sealed, 1, length(sealed) - 1) AS BLOB)'],
    ['sealed', "CAST(sealed || x'00' AS BLOB)"],
    ['sealed', 'NULL'],
    ['sealed', '(SELECT sealed FROM entries WHERE seq = 5)'],
    ['hash', 'prev_hash'],
    ['hash', "x''"],
    ['prev_hash', 'hash'],
  ])('%s set to %s', async (column, value) => {
    const path = await aClosedLog();
    tamper(path, `UPDATE entries SET ${column} = ${value} WHERE seq = 4`);
    expect(verified(path)).toMatchObject({ ok: false, rows: 3, firstBroken: { seq: 4 } });
  });

  test('with its own hash made good: the next row tells', async () => {
    const path = await aClosedLog();
    // What a forger would get who knows the format: the log of the same rows with another fourth one.
    const { log, path: forged } = aLog();
    for (let n = 1; n <= ROWS; n += 1) {
      log.append(anEntry({ what: n === 4 ? 'fulfilled' : `fact ${n}`, channelId: 'alipay-main' }));
    }
    await log.close();
    const db = new Database(forged);
    const row = db.prepare<[], { what: string; hash: Buffer; sealed: Buffer; prev_hash: Buffer }>(
      'SELECT * FROM entries WHERE seq = 4',
    );
    const { what, hash, sealed, prev_hash } = row.get() ?? { what: '', hash: null, sealed: null, prev_hash: null };
    db.close();
    tamper(
      path,
      'UPDATE entries SET what = ?, hash = ?, sealed = ?, prev_hash = ? WHERE seq = 4',
      what,
      hash,
      sealed,
      prev_hash,
    );
    expect(verified(path)).toMatchObject({ ok: false, firstBroken: { why: 'does not follow the row before it' } });
  });

  test.each([
    ['one in the middle', 'seq = 4', 4, 'is missing'],
    ['some in the middle', 'seq BETWEEN 4 AND 6', 4, 'is missing, and all up to 6'],
    ['the first', 'seq = 1', 1, 'is missing'],
    ['the newest', 'seq >= 9', 9, 'is missing, and all up to 10'],
    ['all', 'seq > 0', 1, 'is missing, and all up to 10'],
  ])('removed: %s', async (_, where, seq, why) => {
    const path = await aClosedLog();
    tamper(path, `DELETE FROM entries WHERE ${where}`);
    expect(verified(path)).toMatchObject({ ok: false, rows: seq - 1, firstBroken: { seq, why } });
  });

  test('exchanged with another', async () => {
    const path = await aClosedLog();
    tamper(path, 'UPDATE entries SET seq = 99 WHERE seq = 4');
    tamper(path, 'UPDATE entries SET seq = 4 WHERE seq = 5');
    tamper(path, 'UPDATE entries SET seq = 5 WHERE seq = 99');
    expect(verified(path)).toMatchObject({ ok: false, firstBroken: { seq: 4 } });
  });

  test('added at the end', async () => {
    const path = await aClosedLog();
    tamper(
      path,
      'INSERT INTO entries SELECT 11, at, kind, payment_id, channel_id, what, outcome, details, hash, prev_hash, sealed FROM entries WHERE seq = 10',
    );
    expect(verified(path)).toMatchObject({ ok: false, firstBroken: { seq: 11 } });
  });

  test.each([
    ['anchor_seq', 3],
    ['head_seq', 9],
    ['head_seq', 11],
  ])('by way of the chain: %s = %i', async (column, value) => {
    const path = await aClosedLog();
    tamper(path, `UPDATE chain SET ${column} = ?`, value);
    expect(verified(path).ok).toBe(false);
  });

  test('with the ends of the chain gone', async () => {
    const path = await aClosedLog();
    tamper(path, 'DELETE FROM chain');
    expect(verified(path)).toMatchObject({ ok: false, firstBroken: { why: expect.stringContaining('lost the ends') } });
  });

  test('by a damaged page of the file', async () => {
    const { log, path } = aLog();
    write(log, 400, { messages: { body: 'x'.repeat(1_500) } });
    await log.close();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 4_096);
    writeFileSync(path, bytes);
    expect(verified(path)).toMatchObject({ ok: false, firstBroken: { why: expect.any(String) } });
  });

  test('and the story is told all the same', async () => {
    const path = await aClosedLog();
    tamper(path, "UPDATE entries SET details = 'no JSON', sealed = x'00' WHERE seq = 1");
    const [first, ...others] = story(path, sealer);
    expect(first).toMatchObject({ details: { unreadable: 'no JSON' }, messages: { state: 'unreadable' } });
    expect(others).toHaveLength(ROWS - 1);
  });
});

describe('mistakes are refused by the file itself', () => {
  test.each([
    ['UPDATE entries SET outcome = outcome', 'rows are never changed'],
    ['DELETE FROM entries WHERE seq = 1', 'only rows up to the anchor may go'],
    ['DELETE FROM entries', 'only rows up to the anchor may go'],
    [
      'INSERT INTO entries SELECT 12, at, kind, payment_id, channel_id, what, outcome, details, hash, hash, sealed FROM entries WHERE seq = 10',
      'must follow the newest one',
    ],
    [
      'INSERT INTO entries SELECT 11, at, kind, payment_id, channel_id, what, outcome, details, prev_hash, hash, sealed FROM entries WHERE seq = 10',
      'must follow the newest one',
    ],
    ['INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE seq = 10', 'must follow the newest one'],
    ['UPDATE chain SET head_seq = 3', 'the head must be the newest row'],
    [
      'UPDATE chain SET head_seq = 9, head_hash = (SELECT hash FROM entries WHERE seq = 9)',
      'the head must be the newest row',
    ],
    ['UPDATE chain SET anchor_seq = 3', 'the anchor must be a row'],
    ['DELETE FROM chain', 'the chain is never forgotten'],
  ])('%s', async (sql, why) => {
    const path = await aClosedLog();
    const db = new Database(path);
    expect(() => db.exec(sql)).toThrow(why);
    db.close();
    expect(verified(path)).toMatchObject({ ok: true, rows: ROWS });
  });
});
