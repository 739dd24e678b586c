import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RoutingNews } from '../src/routing/index.ts';
import { createRoutingSync } from '../src/routing-sync.ts';

const CALL: RoutingNews = {
  ...{ kind: 'call', channelId: 'a', method: 'alipay', outcome: 'failed', latencyMs: 5, trial: false },
};
const OPENED: RoutingNews = { kind: 'opened', channelId: 'a', method: 'alipay', currency: 'CNY', band: 0, at: 1_000 };

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

/** A board in memory; `fate` says whether an exchange is answered, and whether its note is put up all the same. */
function openBoard() {
  const notes: string[] = [];
  const board = { fate: 'works' as 'works' | 'away' | 'unanswered', notes };
  const join = (id: string) => {
    let seen = notes.length;
    const heard: RoutingNews[] = [];
    const sync = createRoutingSync({
      board: {
        exchange: async (note) => {
          if (board.fate === 'away') throw new Error('away');
          if (note !== null) notes.push(note);
          if (board.fate === 'unanswered') throw new Error('no answer');
          const fresh = notes.slice(seen);
          seen = notes.length;
          return fresh;
        },
      },
      ...{ id, now: Date.now, standing: () => [], apply: (news) => void heard.push(news) },
    });
    sync.start();
    return { sync, heard };
  };
  return { board, join };
}

test('a note whose answer was lost counts once', async () => {
  const { board, join } = openBoard();
  const [one, other] = [join('one'), join('other')];
  await vi.advanceTimersByTimeAsync(3_000);
  board.fate = 'unanswered';
  one.sync.tell(CALL);
  await vi.advanceTimersByTimeAsync(1_000);
  board.fate = 'works';
  await vi.advanceTimersByTimeAsync(1_000);
  expect(board.notes.filter((note) => note.includes('"call"')).length).toBeGreaterThan(1);
  expect(other.heard).toEqual([CALL]);
  expect(one.heard).toEqual([]);
});

test('what is seen while the board is away is told when it is back; orders count nowhere before that', async () => {
  const { board, join } = openBoard();
  const [one, other] = [join('one'), join('other')];
  await vi.advanceTimersByTimeAsync(3_000);
  board.fate = 'away';
  expect(one.sync.tell(OPENED)).toBe(true);
  await vi.advanceTimersByTimeAsync(30_000);
  expect([one.heard, other.heard]).toEqual([[], []]);
  board.fate = 'works';
  await vi.advanceTimersByTimeAsync(1_000);
  expect([one.heard, other.heard]).toEqual([[OPENED], [OPENED]]);
});

test('what payments of a moment want alike is told as one sum, so that orders do not wait behind it', async () => {
  const { join } = openBoard();
  const [one, other] = [join('one'), join('other')];
  await vi.advanceTimersByTimeAsync(3_000);
  const wanted = { kind: 'wanted', channelId: 'a', currency: 'CNY', minor: 100, lead: 0.11 } as const;
  for (let i = 0; i < 10_000; i += 1) {
    for (const set of [{}, { lead: 0.112 }, { lead: 0.5 }, { lead: null }, { currency: 'USD' }])
      one.sync.tell({ ...wanted, ...set });
  }
  one.sync.tell(OPENED);
  await vi.advanceTimersByTimeAsync(500);
  const all = { ...wanted, minor: 1_000_000 };
  expect(other.heard).toEqual([
    { ...all, minor: 2_000_000 },
    { ...all, lead: 0.5 },
    { ...all, lead: null },
    { ...all, currency: 'USD' },
    OPENED,
  ]);
  one.sync.tell(wanted);
  await vi.advanceTimersByTimeAsync(500);
  expect(other.heard.at(-1)).toEqual(wanted);
});

test('what a newer version tells besides is passed over, and the rest is heard', async () => {
  const { board, join } = openBoard();
  const { heard } = join('one');
  await vi.advanceTimersByTimeAsync(1_000);
  const news = [{ kind: 'of tomorrow', channelId: 'a' }, CALL, { ...CALL, outcome: 'odd' }, null];
  board.notes.push(JSON.stringify({ v: 1, from: 'newer', seq: 1, news }));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(heard).toEqual([CALL]);
});

test('a replica that hears nobody counts its orders itself', async () => {
  const { join } = openBoard();
  const one = join('one');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(one.sync.tell(OPENED)).toBe(false);
});

test('a replica that has gone is not waited for', async () => {
  const { join } = openBoard();
  const [one, other] = [join('one'), join('other')];
  await vi.advanceTimersByTimeAsync(3_000);
  expect(one.sync.others()).toBe(1);
  await other.sync.stop();
  await vi.advanceTimersByTimeAsync(15_000);
  expect(one.sync.others()).toBe(0);
});

test.each([
  ['no JSON', '{'],
  ['another version', '{"v":2,"from":"x","seq":1,"news":[]}'],
  ['from nobody', '{"v":1,"from":"","seq":1,"news":[]}'],
])('a note that is %s is left alone', async (_, note) => {
  const { board, join } = openBoard();
  const one = join('one');
  board.notes.push(note);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(one.sync.others()).toBe(0);
  expect(one.heard).toEqual([]);
});

test('however much is seen, a quarter of a second costs one exchange', async () => {
  const { board, join } = openBoard();
  const one = join('one');
  await vi.advanceTimersByTimeAsync(100);
  const before = board.notes.length;
  for (let i = 0; i < 400; i += 1) one.sync.tell(CALL);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(board.notes.length - before).toBeLessThanOrEqual(3);
});
