import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { z } from 'zod';
import type { EpochMs } from '../payment/index.ts';
import type { Row } from './chain.ts';
import { explain } from './failures.ts';
import { isPrepared } from './schema.ts';
import { openMessages, type Sealer } from './seal.ts';
import { type Verified, verifyChain } from './verify.ts';

const BUSY_TIMEOUT_MS = 2_000;

/** The messages of an entry, as far as they can be read: `sealed` needs the master key, `unreadable` another one. */
export type StoredMessages =
  | { readonly state: 'none' }
  | { readonly state: 'sealed' }
  | { readonly state: 'open'; readonly content: unknown }
  | { readonly state: 'unreadable'; readonly why: string };

/** One entry as it was kept. */
export interface StoredEntry {
  readonly seq: number;
  readonly at: EpochMs;
  readonly kind: string;
  readonly channelId: string | null;
  readonly what: string;
  readonly outcome: string;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
  readonly messages: StoredMessages;
}

export interface EvidenceReader {
  /** Everything about one payment in the order of time. */
  story(paymentId: string): readonly StoredEntry[];
  /** Whether every row is as it was written, and none is missing. Needs no key. */
  verify(): Verified;
  close(): void;
}

const detailsSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

/**
 * Opens an evidence log for looking only, also while a gateway writes to it. Null when there is none at this path. Throws, with
 * what to do about it, when the file cannot be read or is no evidence log. `sealer` null: messages stay closed.
 */
export function openEvidenceReader(path: string, sealer: Sealer | null): EvidenceReader | null {
  if (!existsSync(path)) return null;
  try {
    const db = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      if (isPrepared(db)) return readerOn(db, path, sealer);
      // Just made, and nothing was written yet.
      db.close();
      return null;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw explain(path, error);
  }
}

function readerOn(db: Database.Database, path: string, sealer: Sealer | null): EvidenceReader {
  const entries = db.prepare<[string], Row>('SELECT * FROM entries WHERE payment_id = ? ORDER BY at, seq');
  return {
    story(paymentId) {
      try {
        return entries.all(paymentId).map((row) => storedEntry(row, sealer));
      } catch (error) {
        throw explain(path, error);
      }
    },
    verify: () => verifyChain(db),
    close: () => void db.close(),
  };
}

function storedEntry(row: Row, sealer: Sealer | null): StoredEntry {
  const { seq, at, kind, channel_id: channelId, what, outcome, details, sealed } = row;
  return { seq, at, kind, channelId, what, outcome, details: parsedDetails(details), messages: opened(sealed, sealer) };
}

/** A row that somebody has changed is still shown; that it was changed is what `verify` is for. */
function parsedDetails(text: string): StoredEntry['details'] {
  try {
    return detailsSchema.parse(JSON.parse(text));
  } catch {
    return { unreadable: text };
  }
}

function opened(sealed: Uint8Array | null, sealer: Sealer | null): StoredMessages {
  if (sealed === null) return { state: 'none' };
  if (sealer === null) return { state: 'sealed' };
  try {
    return { state: 'open', content: openMessages(sealed, sealer) };
  } catch (error) {
    return { state: 'unreadable', why: error instanceof Error ? error.message : String(error) };
  }
}
