import { createHash } from 'node:crypto';
import type { MovingTarget } from '../mongo/moving.ts';
import {
  COLLECTIONS,
  type CollectionName,
  type MovingRow,
  rowOfEndpoint,
  rowOfKey,
  rowOfOrderNumber,
  rowOfVolume,
  rowsOfInstallation,
  rowsOfPayment,
} from '../mongo/moving-rows.ts';
import type { MovingSource, SourcePayment } from '../sqlite/moving.ts';
import { parseDocument } from '../stored-document.ts';
import type { Notes, Sides } from './notes.ts';

const PAYMENTS_AT_ONCE = 1_000;
const ROWS_AT_ONCE = 1_000;
const SCANNED_AT_ONCE = 10_000;
const NOTHING = Buffer.alloc(0);
/** Their entries come and go, so what is in the target alone was in the source before. */
const PASSING: ReadonlySet<CollectionName> = new Set(['keys', 'failing_endpoints']);

export interface PassParts {
  readonly source: MovingSource;
  readonly target: MovingTarget;
  readonly notes: Notes;
  readonly masterKeyId: string | null;
  /** False: only compares. */
  readonly writes: boolean;
  /** Nothing has been written to the target before. */
  readonly isFresh: boolean;
  /** 1, 2, … within one process. */
  readonly pass: number;
  /** Hears of every batch: payments that were looked at, of how many. */
  readonly onProgress: (done: number, all: number) => void;
}

/** One walk over the source: whatever is not noted as the same on both sides is written, and read back. Answers the payments it moved. */
export async function runPass(parts: PassParts): Promise<number> {
  const { source, notes } = parts;
  for (;;) {
    const events = source.events(notes.lastEventPk(), SCANNED_AT_ONCE);
    if (events.length === 0) break;
    notes.addEvents(events);
  }
  const moved = await movePayments(parts);
  await moveAll(
    parts,
    'order_numbers',
    pages(source.orderNumbers, (o) => [o.merchantId, o.orderNo], rowOfOrderNumber),
  );
  await moveAll(
    parts,
    'keys',
    pages(source.keys, (k) => [k.merchantId, k.key], rowOfKey),
  );
  await moveAll(parts, 'failing_endpoints', [source.failingEndpoints().map(rowOfEndpoint)]);
  await moveAll(parts, 'channel_volumes', chunks(source.volumes().map(rowOfVolume), ROWS_AT_ONCE));
  const values = { masterKeyId: parts.masterKeyId, routingMemory: source.routingMemory() };
  await moveAll(parts, 'installation', [rowsOfInstallation(values)]);
  return moved;
}

async function movePayments(parts: PassParts): Promise<number> {
  const { source, notes, onProgress } = parts;
  const all = source.counts().payments;
  let [lastPk, looked, moved] = [0, 0, 0];
  for (;;) {
    const page = source.versions(lastPk, SCANNED_AT_ONCE);
    if (page.length === 0) return moved;
    lastPk = page.at(-1)?.pk ?? lastPk;
    const changed = page.filter(({ pk, version }) => !notes.isCopied(pk, version)).map(({ pk }) => pk);
    looked += page.length - changed.length;
    for (const pks of chunks(changed, PAYMENTS_AT_ONCE)) {
      const { payments, events } = source.payments(pks, notes.lastEventPk());
      notes.addEvents(events);
      await settle(
        parts,
        payments.flatMap((payment) => rowsOf(payment, notes)),
      );
      notes.addCopied(payments);
      moved += payments.length;
      looked += payments.length;
      onProgress(looked, all);
    }
  }
}

/** A document that cannot be trusted is none of the target's; the report names it. */
function rowsOf({ pk, id, version, document }: SourcePayment, notes: Notes): readonly MovingRow[] {
  try {
    return rowsOfPayment(parseDocument(document, { id, version }), { sample: pk, placeOf: notes.placeOf });
  } catch {
    notes.addMissing('payments', id, createHash('sha256').update(document).digest());
    return [];
  }
}

async function moveAll(
  parts: PassParts,
  collection: CollectionName,
  pagesOfRows: Iterable<readonly MovingRow[]>,
): Promise<void> {
  const { notes, pass, target, writes } = parts;
  for (const rows of pagesOfRows) {
    const unsettled = rows.filter(({ _id, row }) => !notes.isSettled(collection, _id, hashOf(row)));
    await settle(parts, unsettled);
    for (const { _id } of rows) notes.touch(collection, _id, pass);
  }
  for (const ids of chunks(notes.takeGone(collection, pass), ROWS_AT_ONCE)) {
    if (writes) await target.remove(collection, ids);
  }
}

/** Makes the target as the rows say, and notes what it then has. */
async function settle(parts: PassParts, rows: readonly MovingRow[]): Promise<void> {
  await Promise.all(
    COLLECTIONS.map(async (collection) => {
      const own = rows.filter((row) => row.collection === collection);
      if (own.length > 0) parts.notes.addDocuments(collection, parts.pass, await settleIn(parts, collection, own));
    }),
  );
}

async function settleIn(
  { target, writes, isFresh }: PassParts,
  collection: CollectionName,
  rows: readonly MovingRow[],
): Promise<ReadonlyMap<string, Sides>> {
  const wanted = new Map(rows.map(({ _id, row }) => [_id, hashOf(row)]));
  const found = new Map<string, Buffer>();
  const look = async (some: readonly MovingRow[]): Promise<void> => {
    const ids = some.map(({ _id }) => _id);
    for (const [id, row] of await target.find(collection, ids)) found.set(id, hashOf(row));
  };
  const isWrong = ({ _id }: MovingRow): boolean => !found.get(_id)?.equals(wanted.get(_id) ?? NOTHING);
  if (!isFresh) await look(rows);
  const missing = rows.filter(({ _id }) => !found.has(_id));
  const other = rows.filter((row) => found.has(row._id) && isWrong(row));
  if (writes && missing.length > 0) await target.insert(collection, missing);
  if (writes && other.length > 0) await target.replace(collection, other);
  if (writes && missing.length + other.length > 0) await look([...missing, ...other]);
  return new Map([...wanted].map(([id, source]) => [id, { source, target: found.get(id) ?? NOTHING }]));
}

/** Looks for what the target has and the source has not, where it has more. Answers how many documents the target has. */
export async function compareCount(
  { target, notes, writes }: Pick<PassParts, 'target' | 'notes' | 'writes'>,
  collection: CollectionName,
): Promise<number> {
  const expected = notes.digest(collection);
  const count = await target.count(collection);
  if (count <= expected.source - expected.differingCount) return count;
  let foreign: string[] = [];
  for (let after = ''; ; ) {
    const ids = await target.ids(collection, after, SCANNED_AT_ONCE);
    if (ids.length === 0) break;
    after = ids.at(-1) ?? after;
    foreign = [...foreign, ...ids.filter((id) => !notes.has(collection, id))];
    if (foreign.length > SCANNED_AT_ONCE) break;
  }
  if (foreign.length === 0) return count;
  if (writes && PASSING.has(collection)) {
    await target.remove(collection, foreign);
    return target.count(collection);
  }
  for (const id of foreign) notes.addForeign(collection, id);
  return count;
}

/** Of all fields in the order of their names: the two sides keep them in different orders. */
function hashOf(row: object): Buffer {
  return createHash('sha256').update(canonical(row)).digest();
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}

function* pages<T>(
  read: (after: readonly [string, string], limit: number) => readonly T[],
  keyOf: (item: T) => readonly [string, string],
  toRow: (item: T) => MovingRow,
): Generator<readonly MovingRow[]> {
  let after: readonly [string, string] = ['', ''];
  for (;;) {
    const items = read(after, ROWS_AT_ONCE);
    const last = items.at(-1);
    if (last === undefined) return;
    after = keyOf(last);
    yield items.map(toRow);
  }
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
