import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { SEVERITIES } from './message.ts';
import type { Window } from './rate.ts';
import type { Told } from './told.ts';

/** More are forgotten, the oldest first. */
const SENT_MAX = 200;
const TOLD_MAX = 2_000;
const WINDOWS_MAX = 200;
/** Above what all of it can take; a file that is longer is not ours. */
const FILE_CHARS_MAX = 4 * 1024 * 1024;

const OUTCOMES = ['sent', 'failed', 'deduplicated', 'rate_limited'] as const;
export type Outcome = (typeof OUTCOMES)[number];

const text = () => z.string().max(300);
const at = () => z.number();

const sentSchema = z.object({
  at: at(),
  kind: z.enum(['log', 'sms', 'dingtalk', 'feishu']),
  receiver: text(),
  alert: text(),
  severity: z.enum(SEVERITIES),
  status: z.enum(['firing', 'resolved']),
  outcome: z.enum(OUTCOMES),
  errorCode: text().nullable(),
});

/** One line of the log of what was sent; phones are masked in `receiver`, times are milliseconds since 1970. */
export type SentEntry = z.output<typeof sentSchema>;

const fileSchema = z.object({
  version: z.literal(1),
  sent: z.array(sentSchema),
  told: z.array(
    z.object({
      receiver: text(),
      fingerprint: text(),
      status: z.enum(['firing', 'resolved']),
      startsAt: at(),
      at: at(),
    }),
  ),
  windows: z.record(z.string(), z.object({ sentAt: z.array(at()), held: z.int().min(0) })),
});

/** What the relay has to know after a restart: bounded, in memory, and in one small file. */
export interface Journal {
  /** Newest first. */
  sent(): readonly SentEntry[];
  addSent(entry: SentEntry): void;
  told(receiver: string, fingerprint: string): Told | undefined;
  setTold(told: Told): void;
  windows(): ReadonlyMap<string, Window>;
  setWindow(key: string, window: Window): void;
  /** Writes everything down; false when that failed, which is reported. What is known in memory stays known. */
  save(): Promise<boolean>;
}

/** Takes up what an earlier process wrote. A file that cannot be read is reported, and everything counts from now on. */
export function openJournal(path: string, onTrouble: (error: unknown) => void): Journal {
  const known = readFile(path, onTrouble);
  let sent = known.sent;
  const told = new Map(known.told.map((entry) => [keyOf(entry.receiver, entry.fingerprint), entry]));
  const windows = new Map<string, Window>(Object.entries(known.windows));
  let saving: Promise<boolean> = Promise.resolve(true);

  async function write(): Promise<boolean> {
    const content = { version: 1, sent, told: [...told.values()], windows: Object.fromEntries(windows) };
    try {
      await writeWhole(path, JSON.stringify(content));
      return true;
    } catch (thrown) {
      onTrouble(thrown);
      return false;
    }
  }

  return {
    sent: () => sent.toReversed(),
    addSent: (entry) => {
      sent = [...sent, entry].slice(-SENT_MAX);
    },
    told: (receiver, fingerprint) => told.get(keyOf(receiver, fingerprint)),
    setTold: (entry) => keepNewest(told, keyOf(entry.receiver, entry.fingerprint), entry, TOLD_MAX),
    windows: () => windows,
    setWindow: (key, window) => keepNewest(windows, key, window, WINDOWS_MAX),
    // One after the other, each with all that is known when its turn comes.
    save: () => {
      saving = saving.then(write);
      return saving;
    },
  };
}

function keyOf(receiver: string, fingerprint: string): string {
  return `${receiver} ${fingerprint}`;
}

function keepNewest<T>(map: Map<string, T>, key: string, value: T, sizeMax: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= sizeMax) return;
    map.delete(oldest);
  }
}

function readFile(path: string, onTrouble: (error: unknown) => void): z.output<typeof fileSchema> {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const content = readFileSync(path, 'utf8');
    if (content.length > FILE_CHARS_MAX) throw new Error(`${path} is too long`);
    return fileSchema.parse(JSON.parse(content));
  } catch (thrown) {
    const isAbsent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    if (!isAbsent) onTrouble(thrown);
    return { version: 1, sent: [], told: [], windows: {} };
  }
}

/** The old content or the new one, whatever happens in between. */
async function writeWhole(path: string, content: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
