import type { EpochMs } from '../payment/index.ts';
import type { RowContent } from './chain.ts';
import type { EvidenceEntry } from './port.ts';
import { fieldText, messagesText } from './redact.ts';
import { type Sealer, sealMessages } from './seal.ts';

/** An entry as it waits for its turn: nothing in it can change any more, and its size is known. Not sealed yet. */
export interface Prepared extends Omit<EvidenceEntry, 'kind' | 'details' | 'messages'> {
  readonly kind: string;
  /** JSON */
  readonly details: string;
  /** JSON */
  readonly messages: string | null;
}

/** Makes an entry ready to wait. Throws when its messages are not data (they hold themselves, or a getter throws). */
export function prepared(entry: EvidenceEntry, now: EpochMs): Prepared {
  return {
    // The database takes whole numbers only, and one bad entry would hold up all that come after it.
    at: Number.isSafeInteger(entry.at) ? entry.at : now,
    kind: entry.kind,
    paymentId: entry.paymentId === null ? null : fieldText(entry.paymentId),
    channelId: entry.channelId === null ? null : fieldText(entry.channelId),
    what: fieldText(entry.what),
    outcome: fieldText(entry.outcome),
    details: JSON.stringify(
      Object.fromEntries(
        Object.entries(entry.details).map(([key, value]) => [
          key,
          typeof value === 'string' ? fieldText(value) : value,
        ]),
      ),
    ),
    messages: messagesText(entry.messages),
  };
}

/** What is stored of an entry: its messages sealed. */
export function rowContent(entry: Prepared, sealer: Sealer): RowContent {
  const { at, kind, paymentId, channelId, what, outcome, details, messages } = entry;
  const sealed = messages === null ? null : sealMessages(messages, sealer);
  return { at, kind, payment_id: paymentId, channel_id: channelId, what, outcome, details, sealed };
}
