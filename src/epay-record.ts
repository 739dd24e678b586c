import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { EpayNoticeNote, EpayRecord, EpayRequestNote, Sealer } from './gateway/index.ts';

/** Of one shop, of each kind; the oldest go first. */
const NOTES_MAX = 30;
/** Shops that are kept; whoever has been silent for longest goes first. */
const SHOPS_MAX = 300;
const SAVED_EVERY_MS = 10_000;
const FILE_BYTES_MAX = 64 * 1024 * 1024;

interface Notes {
  readonly requests: readonly EpayRequestNote[];
  readonly notices: readonly EpayNoticeNote[];
}

const NOTHING: Notes = { requests: [], notices: [] };

// Only this program writes the file; the check tells it from a file that was cut off or is another's.
const fileSchema = z.object({
  version: z.literal(1),
  shops: z.array(
    z.tuple([
      z.string(),
      z.object({
        requests: z.array(z.custom<EpayRequestNote>((value) => typeof value === 'object' && value !== null)),
        notices: z.array(z.custom<EpayNoticeNote>((value) => typeof value === 'object' && value !== null)),
      }),
    ]),
  ),
});

/**
 * What was last said between us and the shops that speak epay: in memory, and in one small file soon after, so that a restart does not
 * lose what an operator is looking for. A crash may lose the last seconds of it.
 */
export function openEpayRecord(options: {
  readonly path: string;
  /** Addresses of shops may hold secrets of theirs, so the file is one that only the master key opens. */
  readonly sealer: Sealer;
  readonly onTrouble: (error: unknown) => void;
}): EpayRecord & { close(): Promise<void> } {
  const { path, sealer, onTrouble } = options;
  const shops = readFile(options);
  let timer: NodeJS.Timeout | null = null;
  let saving: Promise<void> = Promise.resolve();

  function note(merchantId: string | null, add: (notes: Notes) => Notes): void {
    const key = merchantId ?? '';
    const next = add(shops.get(key) ?? NOTHING);
    shops.delete(key);
    shops.set(key, next);
    for (const oldest of shops.keys()) {
      if (shops.size <= SHOPS_MAX) break;
      shops.delete(oldest);
    }
    timer ??= setTimeout(save, SAVED_EVERY_MS).unref();
  }

  function save(): void {
    if (timer) clearTimeout(timer);
    timer = null;
    saving = saving
      .then(async () => {
        await writeFile(`${path}.new`, sealer.seal(JSON.stringify({ version: 1, shops: [...shops] })), { mode: 0o600 });
        await rename(`${path}.new`, path);
      })
      .catch(onTrouble);
  }

  return {
    request: (merchantId, entry) =>
      note(merchantId, (notes) => ({ ...notes, requests: withLatest(notes.requests, entry) })),
    notice: (merchantId, entry) =>
      note(merchantId, (notes) => ({ ...notes, notices: [...notes.notices, entry].slice(-NOTES_MAX) })),
    of: (merchantId) => {
      const { requests, notices } = shops.get(merchantId ?? '') ?? NOTHING;
      return { requests: requests.toReversed(), notices: notices.toReversed() };
    },
    close: async () => {
      if (timer) save();
      await saving;
    },
  };
}

/** What a shop asks every few seconds is one note with its latest time, or it would drive out all others. */
function withLatest(known: readonly EpayRequestNote[], entry: EpayRequestNote): readonly EpayRequestNote[] {
  const kindOf = ({ at: _at, ...rest }: EpayRequestNote): string => JSON.stringify(rest);
  return [...known.filter((one) => kindOf(one) !== kindOf(entry)), entry].slice(-NOTES_MAX);
}

function readFile({ path, sealer, onTrouble }: Parameters<typeof openEpayRecord>[0]): Map<string, Notes> {
  try {
    mkdirSync(dirname(path), { recursive: true });
    // Before it is read: what is too long is not ours, and must not take the memory either.
    if (statSync(path).size > FILE_BYTES_MAX) throw new Error(`${path} is too long`);
    const { shops } = fileSchema.parse(JSON.parse(sealer.open(readFileSync(path, 'utf8'))));
    return new Map(shops);
  } catch (thrown) {
    const isAbsent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    if (!isAbsent) onTrouble(thrown);
    return new Map();
  }
}
