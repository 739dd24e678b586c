import { CHANNEL_ERROR_KINDS } from '../channel/index.ts';
import type { Attempt, Payment } from '../payment/index.ts';
import { hashText, type Order, type Sighting, type Try } from '../what-if/index.ts';

/** A stored payment as the simulator sees it, and what its decisions saw of the channels. */
export interface RecordedPayment {
  readonly order: Order;
  readonly sightings: readonly Sighting[];
  /** Channels that could not take it because the buyer's IP address was not known. */
  readonly withoutIp: readonly string[];
}

/** A refusal at the create is recorded with the answer itself; an order that fails later had a buyer in between. */
const AT_CREATE_MS = 1_000;

/** Keeps one copy of each text, so that a hundred thousand payments do not keep a hundred thousand of them. */
export type Intern = (text: string) => string;

export function createIntern(): Intern {
  const known = new Map<string, string>();
  return (text) => {
    const first = known.get(text);
    if (first !== undefined) return first;
    known.set(text, text);
    return text;
  };
}

/** @param intern shared by all payments of a replay */
export function recordedPayment(payment: Payment, intern: Intern): RecordedPayment {
  const { id, createdAt, amount, methods, scene, merchantId, pinnedChannelId, expiresAt, attempts } = payment;
  const candidates = attempts.flatMap(({ decision }) =>
    decision.candidates.map((one) => ({ one, at: decision.decidedAt })),
  );
  const withoutIp = candidates
    .filter(({ one }) => one.excluded === 'customer_ip_missing')
    .map(({ one }) => intern(one.channelId));
  return {
    order: {
      ...{ key: hashText(id), at: createdAt, scene },
      amount: { minor: amount.minor, currency: intern(amount.currency) },
      methods: methods.map(intern),
      // The address itself is sealed; that a decision missed it is not.
      buyerIpKnown: withoutIp.length === 0 && payment.customer.sealed !== null,
      pinnedChannelId: pinnedChannelId === null ? null : intern(pinnedChannelId),
      merchantId: intern(merchantId),
      expiresInMs: Math.max(0, expiresAt - createdAt),
      said: saidOf(payment, intern),
      tries: attempts.map((attempt) => tryOf(attempt, intern)),
    },
    // What a failover saw says as much as what a first choice saw, but for the channel that had just been tried.
    sightings: candidates
      .filter(({ one }) => one.excluded === null || one.excluded === 'breaker_open')
      .map(({ one, at }) => ({ channelId: intern(one.channelId), at, isShut: one.excluded === 'breaker_open' })),
    withoutIp,
  };
}

const NOTHING: Order['said']['metadata'] = {};

function saidOf({ customer, subject, metadata }: Payment, intern: Intern): Order['said'] {
  const entries = Object.entries(metadata);
  return {
    country: customer.country === null ? null : intern(customer.country),
    subject: intern(subject),
    metadata: entries.length === 0 ? NOTHING : Object.fromEntries(entries.map(([key, value]) => [intern(key), value])),
  };
}

function tryOf(attempt: Attempt, intern: Intern): Try {
  const { channelId, method, openedAt, latencyMs, decision } = attempt;
  const answer = answerOf(attempt);
  const hasEnded = answer === 'opened' && 'resolvedAt' in attempt;
  const fee = decision.candidates.find((candidate) => candidate.channelId === channelId)?.feeMinor ?? null;
  return {
    ...{ channelId: intern(channelId), method: intern(method), at: openedAt, answer, latencyMs, feeMinor: fee },
    outcome: hasEnded ? (attempt.status === 'succeeded' ? 'paid' : 'unpaid') : null,
    endedAfterMs: hasEnded ? Math.max(0, attempt.resolvedAt - openedAt - (latencyMs ?? 0)) : null,
  };
}

function answerOf(attempt: Attempt): Try['answer'] {
  switch (attempt.status) {
    case 'creating':
      return null;
    case 'open':
      return 'opened';
    case 'unknown':
      return 'failed';
    case 'closed':
    case 'succeeded':
      // It was lost at first, and found out about later.
      return attempt.error?.kind === 'CHANNEL_TIMEOUT_UNKNOWN' ? 'failed' : 'opened';
    case 'failed':
      return failedAnswerOf(attempt);
  }
}

function failedAnswerOf(attempt: Extract<Attempt, { status: 'failed' }>): Try['answer'] {
  const { error, openedAt, resolvedAt, latencyMs } = attempt;
  if (error === null || latencyMs === null) return 'opened';
  if (error.kind === 'CHANNEL_TIMEOUT_UNKNOWN') return 'failed';
  if (resolvedAt - openedAt - latencyMs > AT_CREATE_MS) return 'opened';
  const policies: Readonly<Record<string, { readonly afterCreate: string }>> = CHANNEL_ERROR_KINDS;
  return policies[error.kind]?.afterCreate === 'refuse' ? 'refused' : 'failed';
}
