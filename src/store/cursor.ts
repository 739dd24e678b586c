import type { EpochMs } from '../payment/index.ts';

/** The last item of a page, in the order of `PaymentStore.list`. */
export interface ListPosition {
  readonly createdAt: EpochMs;
  readonly id: string;
}

/** An opaque cursor: base64url of creation time and id. */
export function encodeCursor({ createdAt, id }: ListPosition): string {
  return Buffer.from(`${createdAt}:${id}`).toString('base64url');
}

/** The inverse of `encodeCursor`; null for a text that we never made. Such a cursor starts the list at its newest item. */
export function decodeCursor(cursor: string): ListPosition | null {
  const match = /^(\d{1,16}):(\w{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  const createdAt = Number(match?.[1]);
  const id = match?.[2];
  return id === undefined || !Number.isSafeInteger(createdAt) ? null : { createdAt, id };
}
