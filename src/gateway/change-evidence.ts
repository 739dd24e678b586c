import type { EvidenceEntry } from '../evidence/port.ts';
import type { EpochMs, Fact, Payment } from '../payment/index.ts';

/** What a change adds to the story of its payment; null when only a timer has moved. */
export function evidenceOf(change: {
  readonly before: Payment;
  readonly after: Payment;
  readonly fact: Fact;
  readonly at: EpochMs;
}): EvidenceEntry | null {
  const { before, after, fact, at } = change;
  if (!DECISIONS.has(fact.type) && isSameStory(before, after)) return null;
  return {
    at,
    kind: 'change',
    paymentId: after.id,
    channelId: null,
    what: fact.type,
    outcome: after.status,
    details: { version: after.version, from: before.status, reason: after.statusReason, ...detailsOf(fact, after) },
    messages: null,
  };
}

/** What a person asked for is part of the story whatever it changed. */
const DECISIONS: ReadonlySet<Fact['type']> = new Set<Fact['type']>([
  'money_disposed',
  'money_returned',
  'redelivery_requested',
]);

function isSameStory(before: Payment, after: Payment): boolean {
  return (
    after.status === before.status &&
    after.closeRequested === before.closeRequested &&
    after.fulfilment === before.fulfilment &&
    after.attempts.every((attempt, i) => attempt.status === before.attempts[i]?.status) &&
    after.refunds.every((refund, i) => refund.status === before.refunds[i]?.status)
  );
}

/** Which part of the payment a fact was about, by its number. */
function detailsOf(fact: Fact, after: Payment): EvidenceEntry['details'] {
  const by = 'by' in fact ? fact.by : null;
  if ('refundSeq' in fact) {
    const refund = after.refunds[fact.refundSeq - 1];
    return { refundId: refund?.id ?? null, refundStatus: refund?.status ?? null, by };
  }
  const seq = fact.type === 'attempt_started' ? fact.attempt.seq : 'seq' in fact ? fact.seq : null;
  const attempt = seq === null ? undefined : after.attempts[seq - 1];
  const error = attempt?.error ?? null;
  return { attemptSeq: seq, attemptStatus: attempt?.status ?? null, error: error?.kind ?? null, by };
}
