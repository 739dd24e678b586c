import { z } from 'zod';
import type { NoticeBoard } from './ephemeral/index.ts';
import type { Telemetry } from './gateway/index.ts';
import { repeat } from './repeat.ts';
import { readNote } from './replica-note.ts';

const EVERY_MS = 2_000;
/** A replica that has said nothing for so long has ended, or is cut off. */
const GONE_AFTER_MS = 20_000;
/** Files come to replicas one after the other: only a difference that stays this long is told. */
const TOLD_AFTER_MS = 60_000;
const REPLICAS_MAX = 1_000;

/** What a newer program adds to a note says nothing to us. */
const noteSchema = z.object({
  v: z.literal(1),
  from: z.string().min(1).max(100),
  /** Of the configuration in force there. */
  digest: z.string().regex(/^[0-9a-f]{12}$/),
  loadedAt: z.int().min(0),
  refused: z.boolean(),
  /** How many times an operator has had that replica tell the others to read their files. */
  reloads: z.int().min(0),
});

type Note = z.infer<typeof noteSchema>;

/** The configuration that a replica runs with. */
export type RunningConfig = Pick<Note, 'digest' | 'loadedAt' | 'refused'>;

/** What replicas know of each other's configurations. */
export interface SharedConfig {
  /** Which replicas this one hears of, itself first; `differsSince` is null while all have the same configuration. */
  state(): {
    readonly replicas: readonly ({ readonly id: string } & RunningConfig)[];
    readonly variants: number;
    readonly differsSince: number | null;
  };
  /** Has every other replica read its own files; answers how many have been told, 0 while the board is away. */
  reloadOthers(): Promise<number>;
  start(): void;
  stop(): Promise<void>;
}

/**
 * Tells the others by which configuration this replica runs, every two seconds, and hears it of them. Files are never carried: each replica
 * reads its own, and refuses what it cannot take (I9).
 */
export function createConfigSync(parts: {
  readonly board: NoticeBoard;
  readonly id: string;
  readonly now: () => number;
  readonly running: () => RunningConfig;
  /** Another replica was told by an operator to read its files. */
  readonly onReload: () => void;
  readonly telemetry: Pick<Telemetry, 'info' | 'warn'>;
}): SharedConfig {
  const { board, id, now, running, onReload, telemetry } = parts;
  const heard = new Map<string, Note & { readonly at: number }>();
  let reloads = 0;
  let differsSince: number | null = null;
  let told = false;
  let turn: Promise<unknown> = Promise.resolve();

  /** One at a time, since the board answers what is new since the last time. */
  function exchange(): Promise<void> {
    const next = turn.then(async () => {
      const { digest, loadedAt, refused } = running();
      const note: Note = { v: 1, from: id, digest, loadedAt, refused, reloads };
      for (const text of await board.exchange(JSON.stringify(note))) read(text);
    });
    turn = next.catch(() => {}); // The link tells when Redis is away.
    return next;
  }

  function read(text: string): void {
    const note = readNote(noteSchema, id, text);
    if (note === null) return;
    const known = heard.get(note.from);
    if (known === undefined && heard.size >= REPLICAS_MAX) return;
    heard.set(note.from, { ...note, at: now() });
    // Whoever is met for the first time may have been told long ago; our files were read since.
    if (known !== undefined && note.reloads > known.reloads) onReload();
  }

  function compare(): void {
    for (const [from, { at }] of heard) if (now() - at > GONE_AFTER_MS) heard.delete(from);
    const differs = variants() > 1;
    if (!differs) {
      if (told) telemetry.info({ replicas: heard.size + 1 }, 'replicas run the same configuration again');
      differsSince = null;
      told = false;
      return;
    }
    differsSince ??= now();
    if (told || now() - differsSince < TOLD_AFTER_MS) return;
    told = true;
    telemetry.warn({ configs: digests() }, 'replicas run different configurations');
  }

  /** How many replicas run each configuration. */
  function digests(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { digest } of [running(), ...heard.values()]) counts[digest] = (counts[digest] ?? 0) + 1;
    return counts;
  }

  function variants(): number {
    return Object.keys(digests()).length;
  }

  async function round(): Promise<void> {
    await exchange().catch(() => {});
    compare();
  }
  const rounds = repeat(round, EVERY_MS);

  return {
    state: () => ({
      replicas: [
        { id, ...running() },
        ...[...heard].map(([from, { digest, loadedAt, refused }]) => ({ id: from, digest, loadedAt, refused })),
      ],
      ...{ variants: variants(), differsSince },
    }),
    reloadOthers: async () => {
      reloads += 1;
      return exchange().then(
        () => heard.size,
        () => 0,
      );
    },
    start: rounds.start,
    stop: async () => {
      await rounds.stop();
      await turn;
    },
  };
}
