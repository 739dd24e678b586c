import type { EpochMs } from '../payment/index.ts';

/**
 * - `call`: a request of ours to a channel and its answer.
 * - `callback`: a provider's message and our answer.
 * - `webhook`: an event to a shop and its answer.
 * - `change`: a fact that changed a payment.
 */
export type EvidenceKind = 'call' | 'callback' | 'webhook' | 'change';

/** One thing that was said or happened. */
export interface EvidenceEntry {
  readonly at: EpochMs;
  readonly kind: EvidenceKind;
  /** Null where it cannot be told whose it is (a probe, a message that names no order of ours). */
  readonly paymentId: string | null;
  readonly channelId: string | null;
  /** The operation of a call, the event of a webhook, the fact of a change; `callback` for a callback. */
  readonly what: string;
  /** One short word: `ok`, an error's kind, a callback's result, the new status. */
  readonly outcome: string;
  /** Nothing secret or personal: numbers, ids and words that the API shows as well. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
  /** The messages as they went over the wire. Encrypted at rest; null where there are none. */
  readonly messages: Readonly<Record<string, unknown>> | null;
}

/** Whose call it is that an adapter makes now. */
export interface CallSubject {
  readonly channelId: string;
  readonly operation: string;
  readonly paymentId: string | null;
}

/**
 * The append-only record of what was said between providers, shops and us. It proves; it decides nothing. So appending never
 * throws and never waits: what cannot be written is counted and reported, and payments go on.
 */
export interface Evidence {
  append(entry: EvidenceEntry): void;
  /** Binds what adapters record (`AdapterPorts.record`) while `work` runs to its call. */
  during<T>(subject: CallSubject, work: () => Promise<T>): Promise<T>;
}
