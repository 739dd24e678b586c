import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createConfigSync, type RunningConfig } from '../src/config-sync.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const [FIRST, SECOND] = ['0123456789ab', 'ba9876543210'];

function openBoard() {
  const notes: string[] = [];
  const board = { away: false, notes };
  const join = (id: string, digest = FIRST) => {
    let seen = notes.length;
    const config: { running: RunningConfig } = { running: { digest, loadedAt: 1, refused: false } };
    const said: string[] = [];
    const reloaded = vi.fn();
    const say = (_: unknown, message: string) => void said.push(message);
    const sync = createConfigSync({
      board: {
        exchange: async (note) => {
          if (board.away) throw new Error('away');
          if (note !== null) notes.push(note);
          const fresh = notes.slice(seen);
          seen = notes.length;
          return fresh;
        },
      },
      ...{ id, now: Date.now, running: () => config.running, onReload: reloaded, telemetry: { info: say, warn: say } },
    });
    sync.start();
    return { sync, config, said, reloaded };
  };
  return { board, join };
}

test('a difference that stays is told once, and its end; one that passes is not', async () => {
  const { join } = openBoard();
  const [one, other] = [join('one'), join('other')];
  await vi.advanceTimersByTimeAsync(5_000);
  expect(one.sync.state()).toMatchObject({
    variants: 1,
    differsSince: null,
    replicas: [{ id: 'one' }, { id: 'other' }],
  });
  other.config.running = { digest: SECOND, loadedAt: 2, refused: false };
  await vi.advanceTimersByTimeAsync(30_000);
  expect(one.sync.state().variants).toBe(2);
  other.config.running = { digest: FIRST, loadedAt: 3, refused: false };
  await vi.advanceTimersByTimeAsync(60_000);
  expect(one.said).toEqual([]);

  other.config.running = { digest: SECOND, loadedAt: 4, refused: true };
  await vi.advanceTimersByTimeAsync(300_000);
  expect(one.said).toEqual(['replicas run different configurations']);
  expect(one.sync.state().replicas[1]).toMatchObject({ digest: SECOND, refused: true });
  one.config.running = { digest: SECOND, loadedAt: 5, refused: false };
  await vi.advanceTimersByTimeAsync(5_000);
  expect(one.said.at(-1)).toBe('replicas run the same configuration again');
});

test('a replica that has ended differs no longer', async () => {
  const { join } = openBoard();
  const [one, other] = [join('one'), join('other', SECOND)];
  await vi.advanceTimersByTimeAsync(5_000);
  expect(one.sync.state().variants).toBe(2);
  await other.sync.stop();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(one.sync.state()).toMatchObject({ variants: 1, replicas: [{ id: 'one' }] });
});

test('every other replica reads its files once when one is told to; who comes later does not', async () => {
  const { board, join } = openBoard();
  const [one, other, third] = [join('one'), join('other'), join('third')];
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await one.sync.reloadOthers()).toBe(2);
  await vi.advanceTimersByTimeAsync(10_000);
  const late = join('late');
  await vi.advanceTimersByTimeAsync(10_000);
  expect([one, other, third, late].map(({ reloaded }) => reloaded.mock.calls.length)).toEqual([0, 1, 1, 0]);

  board.away = true;
  expect(await one.sync.reloadOthers()).toBe(0);
  board.away = false;
  await vi.advanceTimersByTimeAsync(5_000);
  // It was said while nobody could hear it; it is heard with the next note.
  expect(other.reloaded).toHaveBeenCalledTimes(2);
});

test('notes that are not ours or say more than we know', async () => {
  const { board, join } = openBoard();
  const one = join('one');
  await vi.advanceTimersByTimeAsync(3_000);
  board.notes.push('nonsense', JSON.stringify({ v: 2, from: 'x' }));
  board.notes.push(
    JSON.stringify({ v: 1, from: 'new', digest: SECOND, loadedAt: 1, refused: false, reloads: 0, more: 1 }),
  );
  await vi.advanceTimersByTimeAsync(3_000);
  expect(one.sync.state().replicas.map(({ id }) => id)).toEqual(['one', 'new']);
});
