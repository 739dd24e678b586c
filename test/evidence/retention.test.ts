import { afterEach, describe, expect, test, vi } from 'vitest';
import { type EvidenceLog, openEvidenceLog } from '../../src/evidence/index.ts';
import { aLog, anEntry, DAY, NEW_YEAR, story, tamper, verified, write } from './stage.ts';

afterEach(() => vi.useRealTimers());

const removes = (log: EvidenceLog, removed: number) => vi.waitFor(() => expect(log.stats().removed).toBe(removed));

/** Ten entries, one a day, then the log is closed and opened again at another time. */
async function tenDays(retentionDays: number, daysLater: number) {
  const { log, path, options, heard } = aLog();
  for (let day = 0; day < 10; day += 1) log.append(anEntry({ at: NEW_YEAR + day * DAY, what: `day ${day}` }));
  await log.close();
  const now = NEW_YEAR + daysLater * DAY;
  const again = openEvidenceLog({ ...options, retentionMs: retentionDays * DAY, now: () => now });
  return { log: again, path, heard };
}

describe('what is older than the configured age', () => {
  test('is removed at the start, and the rest can still be verified', async () => {
    const { log, path } = await tenDays(5, 9);
    await removes(log, 4);
    expect(story(path).map(({ what }) => what)).toEqual(['day 4', 'day 5', 'day 6', 'day 7', 'day 8', 'day 9']);
    expect(verified(path)).toMatchObject({ ok: true, rows: 6, head: { seq: 10 } });
    write(log, 2);
    expect(verified(path)).toMatchObject({ ok: true, rows: 8, head: { seq: 12 } });
    await log.close();
  });

  test('may be everything, and the chain goes on after it', async () => {
    const { log, path } = await tenDays(1, 100);
    await removes(log, 10);
    expect(verified(path)).toMatchObject({ ok: true, rows: 0, head: { seq: 10 } });
    write(log, 1);
    expect(verified(path)).toMatchObject({ ok: true, rows: 1, head: { seq: 11 } });
    await log.close();
  });

  test('is removed in pieces where it is much', async () => {
    const { log, path, options } = aLog();
    write(log, 1_000, { messages: null });
    write(log, 1, { at: NEW_YEAR + 500 * DAY });
    await log.close();
    const again = openEvidenceLog({ ...options, now: () => NEW_YEAR + 500 * DAY });
    const seen = new Set<number>();
    await vi.waitFor(
      () => {
        seen.add(again.stats().removed);
        expect(again.stats().removed).toBe(1_000);
      },
      { interval: 1 },
    );
    expect(seen.size).toBeGreaterThan(2);
    expect(verified(path)).toMatchObject({ ok: true, rows: 1 });
    await again.close();
  });

  test('is removed every hour while the log is open, and no more once it is closed', async () => {
    vi.useFakeTimers();
    const { log, path, clock } = aLog({ retentionMs: DAY });
    await vi.advanceTimersByTimeAsync(1);
    write(log, 3);
    clock.at += 2 * DAY;
    await vi.advanceTimersByTimeAsync(3_599_000);
    expect(verified(path).rows).toBe(3);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(verified(path)).toMatchObject({ ok: true, rows: 0, head: { seq: 3 } });
    await log.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('stays while something younger was written before it: nothing goes too early', async () => {
    const { log, path, options } = aLog();
    for (const day of [0, 300, 1, 2]) log.append(anEntry({ at: NEW_YEAR + day * DAY }));
    await log.close();
    const again = openEvidenceLog({ ...options, retentionMs: 100 * DAY, now: () => NEW_YEAR + 350 * DAY });
    await removes(again, 1);
    expect(verified(path)).toMatchObject({ ok: true, rows: 3 });
    await again.close();
  });
});

test('rows that were removed too early are missed, also when retention has run', async () => {
  const { log, path } = await tenDays(5, 9);
  await removes(log, 4);
  await log.close();
  tamper(path, 'DELETE FROM entries WHERE seq <= 6');
  expect(verified(path)).toMatchObject({ ok: false, firstBroken: { seq: 5, why: 'is missing, and all up to 6' } });
});
