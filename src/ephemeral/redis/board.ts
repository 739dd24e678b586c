import type { NoticeBoard } from '../port.ts';
import type { RedisLink } from './link.ts';

const NOTES_MAX = 5_000;
const KEPT_MS = 3_600_000;
const AT_ONCE = 1_000;

/** A stream, which a replica that was cut off for a moment finds where it left it. One script per exchange, on one key. */
export function createRedisBoard(link: RedisLink, key: string): NoticeBoard {
  let last = '';
  return {
    exchange: async (note) => {
      const answer = await link.run('syExchange', key, last, note ?? '', NOTES_MAX, KEPT_MS, AT_ONCE);
      const entries = Array.isArray(answer) ? answer.map(readEntry).filter((entry) => entry !== null) : [];
      const first = last === '';
      last = entries.at(-1)?.id ?? (first ? '0-0' : last);
      return first ? [] : entries.map((entry) => entry.note);
    },
  };
}

function readEntry(entry: unknown): { readonly id: string; readonly note: string } | null {
  if (!Array.isArray(entry) || !Array.isArray(entry[1])) return null;
  return { id: String(entry[0]), note: String(entry[1][1]) };
}
