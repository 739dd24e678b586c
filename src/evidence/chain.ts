import { createHash } from 'node:crypto';

/** A place in the chain: the row with this number has this hash. */
export interface Link {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** What the first row of a new file follows. */
export const GENESIS: Link = { seq: 0, hash: new Uint8Array(32) };

/** The content of a row, as stored. */
export interface RowContent {
  readonly at: number;
  readonly kind: string;
  readonly payment_id: string | null;
  readonly channel_id: string | null;
  readonly what: string;
  readonly outcome: string;
  /** JSON, hashed as the text that it is. */
  readonly details: string;
  readonly sealed: Uint8Array | null;
}

export interface Row extends RowContent {
  readonly seq: number;
  readonly prev_hash: Uint8Array;
  readonly hash: Uint8Array;
}

/** Puts a row behind a link. */
export function rowAfter(previous: Link, content: RowContent): Row {
  const row = { ...content, seq: previous.seq + 1, prev_hash: previous.hash };
  return { ...row, hash: hashOf(row) };
}

/**
 * SHA-256 over the hash before, then every column as a JSON array that ends in the length of the sealed bytes, then those bytes:
 * no two rows have the same form, and it needs no key.
 */
function hashOf(row: Omit<Row, 'hash'>): Uint8Array {
  const { seq, at, kind, payment_id, channel_id, what, outcome, details, sealed } = row;
  const sealedBytes = sealed === null ? null : sealed.length;
  const hash = createHash('sha256')
    .update(row.prev_hash)
    .update(JSON.stringify([seq, at, kind, payment_id, channel_id, what, outcome, details, sealedBytes]));
  return (sealed === null ? hash : hash.update(sealed)).digest();
}

/** Why a row cannot be the one that was written after `previous`; null when it is. */
export function breakOf(row: Row, previous: Link): string | null {
  if (row.seq !== previous.seq + 1) return missing(previous.seq + 1, row.seq - 1);
  if (Buffer.compare(row.prev_hash, previous.hash) !== 0) return 'does not follow the row before it';
  return Buffer.compare(row.hash, hashOf(row)) === 0 ? null : 'was changed after it was written';
}

/** Words for rows that should be there and are not. */
export function missing(first: number, last: number): string {
  return first === last ? 'is missing' : `is missing, and all up to ${last}`;
}
