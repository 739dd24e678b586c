import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type MovingTarget, openMovingTarget } from '../mongo/moving.ts';
import { COLLECTIONS } from '../mongo/moving-rows.ts';
import {
  type HeldSource,
  holdMovingSource,
  isInUse,
  lockMove,
  type MovingSource,
  openMovingSource,
  whereMoved,
} from '../sqlite/index.ts';
import { type Notes, openNotes, type Tally } from './notes.ts';
import { compareCount, type PassParts, runPass } from './pass.ts';

/** How often it is looked whether the gateway has stopped, and how often what it has written meanwhile is moved. */
const LOOK_EVERY_MS = 200;
const LOOKS_PER_PASS = 10;

export interface MoveOptions {
  /** The database file of the embedded store. */
  readonly path: string;
  readonly mongoUrl: string;
  /** Tells this data directory from all others. */
  readonly source: string;
  /** The mark of the master key that sealed what is in the store; null: nobody has sealed anything. */
  readonly masterKeyId: string | null;
  /** `check` writes nothing. `wait`: stays until the gateway has stopped. */
  readonly mode: 'move' | 'wait' | 'check';
  readonly now: () => number;
  readonly onProgress: (done: number, all: number) => void;
  /** All that could be moved beside a running gateway has moved. */
  readonly onWaiting: () => void;
}

export interface CollectionReport extends Tally {
  readonly collection: string;
  readonly target: number;
}

export interface MoveReport {
  /**
   * `moved`: finished. `moved_before`: it was finished then, nothing was done. `gateway_runs`: what is there has moved, the rest waits for
   * the gateway to stop. `same`, `different`: what a check, or the comparison at the end, has found.
   */
  readonly outcome: 'moved' | 'moved_before' | 'gateway_runs' | 'same' | 'different';
  readonly collections: readonly CollectionReport[];
  /** Payments that were written since no gateway has the file. */
  readonly movedLast: number;
  /** For how long no gateway could have the file. */
  readonly heldMs: number;
  /** What is wrong with the source itself. */
  readonly problems: readonly string[];
}

/**
 * Moves an embedded store into an empty MongoDB. While a gateway works on the file everything is copied beside it; then the file is held,
 * so that no gateway can have it, and what has changed is copied; both sides are compared; the file is given away; and only then a gateway
 * can start on the target. Whenever it is killed, exactly one of the two can be served, and the next call goes on. Throws when the source
 * cannot be read or the target is not for it.
 */
export async function moveToMongo(options: MoveOptions): Promise<MoveReport> {
  const unlock = lockMove(options.path);
  const notes = openNotes();
  try {
    const target = await openMovingTarget(options.mongoUrl);
    try {
      return await moveInto(target, notes, options);
    } finally {
      await target.close();
    }
  } finally {
    notes.close();
    unlock();
  }
}

const NOTHING = { collections: [], movedLast: 0, heldMs: 0, problems: [] } as const;

async function moveInto(target: MovingTarget, notes: Notes, options: MoveOptions): Promise<MoveReport> {
  const { path, source: sourceId, mode, masterKeyId, onProgress } = options;
  const found = await target.filling();
  const givenTo = whereMoved(path);
  if (found !== null && found.source !== sourceId) {
    throw new Error(
      'migrate: the database of MONGO_URL has payments of another data directory; name an empty database in MONGO_URL',
    );
  }
  if (givenTo !== null && givenTo !== found?.target) {
    throw new Error(
      `migrate: the payments of ${path} have moved to another database than that of MONGO_URL already; name that one`,
    );
  }
  if (found !== null && found.finishedAt !== null) return { ...NOTHING, outcome: 'moved_before' };
  const filling = found ?? { target: randomUUID(), source: sourceId, finishedAt: null };
  const parts = { target, notes, masterKeyId, onProgress };
  if (mode === 'check') return check(path, { ...parts, writes: false, isFresh: false, pass: 1 });
  // The source first: a target is not taken for one that cannot be read.
  const live = givenTo === null ? openMovingSource(path) : null;
  try {
    if (found === null) await target.begin(filling);
    if (live !== null) await runPass({ ...parts, source: live, writes: true, isFresh: found === null, pass: 1 });
    const held = await hold(options, filling.target, async (pass) => {
      if (live !== null) await runPass({ ...parts, source: live, writes: true, isFresh: false, pass });
    });
    if (held === null) return { ...NOTHING, outcome: 'gateway_runs' };
    return await finish(held, filling.target, { ...parts, writes: true, isFresh: false, pass: held.pass }, options.now);
  } finally {
    live?.close();
  }
}

async function check(path: string, parts: Omit<PassParts, 'source'>): Promise<MoveReport> {
  const source = openMovingSource(path);
  try {
    await runPass({ ...parts, source });
    return { ...NOTHING, ...(await compare({ ...parts, source })) };
  } finally {
    source.close();
  }
}

type Held = HeldSource & { readonly pass: number };

/** Null when a gateway has the file and nobody wants to wait. */
async function hold(
  { path, mode, onWaiting }: MoveOptions,
  target: string,
  catchUp: (pass: number) => Promise<void>,
): Promise<Held | null> {
  for (let looks = 0, pass = 2; ; looks += 1) {
    try {
      return { ...holdMovingSource(path, target), pass: pass + 1 };
    } catch (error) {
      if (!isInUse(error)) throw error;
    }
    if (mode !== 'wait') return null;
    if (looks === 0) onWaiting();
    await pause(LOOK_EVERY_MS);
    if (looks % LOOKS_PER_PASS === LOOKS_PER_PASS - 1) {
      await catchUp(pass);
      pass += 1;
    }
  }
}

async function finish(
  source: Held,
  target: string,
  parts: Omit<PassParts, 'source'>,
  now: () => number,
): Promise<MoveReport> {
  const heldSince = now();
  try {
    const movedLast = await runPass({ ...parts, source });
    const compared = await compare({ ...parts, source });
    if (compared.outcome === 'same') {
      source.giveAway(target, now());
      await parts.target.open(now());
    }
    const outcome = compared.outcome === 'same' ? 'moved' : 'different';
    return { ...compared, outcome, movedLast, heldMs: now() - heldSince };
  } finally {
    source.close();
  }
}

async function compare(
  parts: PassParts,
): Promise<Pick<MoveReport, 'collections' | 'problems'> & { readonly outcome: 'same' | 'different' }> {
  const collections: CollectionReport[] = [];
  for (const collection of COLLECTIONS) {
    const target = await compareCount(parts, collection);
    collections.push({ collection, target, ...parts.notes.digest(collection) });
  }
  const problems = problemsOf(parts.source, collections);
  const isSame = collections.every(
    (c) => c.source === c.target && c.differingCount === 0 && c.sourceSha256 === c.targetSha256,
  );
  return { collections, problems, outcome: isSame && problems.length === 0 ? 'same' : 'different' };
}

/** What the source counts itself, against what was made of its payments. */
function problemsOf(source: MovingSource, collections: readonly CollectionReport[]): readonly string[] {
  const counts = source.counts();
  const own: Readonly<Record<string, number>> = {
    payments: counts.payments,
    order_reservations: counts.payments,
    trade_numbers: counts.tradeNumbers,
    events: counts.events,
    order_numbers: counts.orderNumbers,
    keys: counts.keys,
  };
  return collections.flatMap(({ collection, source: seen }) => {
    const expected = own[collection] ?? seen;
    if (expected === seen) return [];
    return [`${collection}: the data directory has ${expected}, and its payments that can be read make ${seen}`];
  });
}
