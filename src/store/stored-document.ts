import { assertPayment, type Payment } from '../payment/index.ts';
import { bringForward, isStoredObject } from './bring-forward.ts';

/** What the store's own columns say of a document. */
export interface DocumentKey {
  readonly id: string;
  readonly version: number;
}

/**
 * Takes a stored value, brought forward where it is of an earlier schema, for a payment, or throws with the reason why it cannot be
 * trusted. The check is light, since every read pays for it: the shape that `assertPayment` walks through, its invariants, and that
 * the document is the one that was asked for.
 */
export function trustDocument(stored: unknown, key: DocumentKey): Payment {
  const value = isStoredObject(stored) ? bringForward(stored) : stored;
  if (isStoredObject(value) && typeof value.schema === 'number' && value.schema > SCHEMA)
    throw tooNew(key.id, value.schema);
  if (!isDocument(value)) throw damaged(key.id, 'it is not a payment of a schema that this program knows');
  if (value.id !== key.id || value.version !== key.version) throw damaged(key.id, 'it is not the document of its row');
  try {
    assertPayment(value);
  } catch (error) {
    throw damaged(key.id, error instanceof Error ? error.message : 'it breaks an invariant');
  }
  return value;
}

/** The same for a document kept as JSON text. */
export function parseDocument(text: string, key: DocumentKey): Payment {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the document, which no log may hold (I10).
    throw damaged(key.id, 'it is not JSON');
  }
  return trustDocument(value, key);
}

/** The schema of the documents that this program writes. */
const SCHEMA = 2;
const LISTS = ['methods', 'attempts', 'refunds', 'events', 'agenda'] as const;

function isDocument(value: unknown): value is Payment {
  if (
    !isStoredObject(value) ||
    value.schema !== SCHEMA ||
    typeof value.id !== 'string' ||
    typeof value.version !== 'number'
  )
    return false;
  if (typeof value.status !== 'string' || typeof value.merchantId !== 'string') return false;
  if (!LISTS.every((name) => Array.isArray(value[name]))) return false;
  return (
    isStoredObject(value.amount) && typeof value.amount.currency === 'string' && typeof value.createdAt === 'number'
  );
}

function tooNew(id: string, schema: number): Error {
  return new Error(
    `store: the stored document of ${id} cannot be read: it has schema ${schema}, written by a newer version, and this program knows up to ${SCHEMA}; run the newer version`,
  );
}

function damaged(id: string, why: string): Error {
  return new Error(`store: the stored document of ${id} cannot be trusted: ${why}; restore it from a backup`);
}
