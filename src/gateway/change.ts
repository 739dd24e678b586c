import {
  type AnomalyKind,
  type Applied,
  apply,
  currentAttempt,
  type DurableReceipt,
  type EpochMs,
  type Fact,
  type IgnoredReason,
  isPaid,
  type Payment,
  type RejectedReason,
} from '../payment/index.ts';
import { bandOf, takesOrders } from '../routing/index.ts';
import { evidenceOf } from './change-evidence.ts';
import { claimOrderNumber } from './order-numbers.ts';
import type { Parts } from './parts.ts';
import { eventBody } from './view.ts';

export type Changed =
  | { readonly outcome: 'applied'; readonly payment: Payment; readonly receipt: DurableReceipt }
  /** Nothing new: the stored document, which is durable, knew it already. */
  | {
      readonly outcome: 'ignored';
      readonly reason: IgnoredReason;
      readonly payment: Payment;
      readonly receipt: DurableReceipt;
    }
  | {
      readonly outcome: 'rejected';
      readonly reason: RejectedReason | 'trade_number_reused' | 'contended';
      readonly payment: Payment;
    }
  | { readonly outcome: 'missing' };

/** Writers of one payment are few; losing this often means that something is badly wrong. */
const TRIES_MAX = 50;

/**
 * The one way in which a stored payment changes: load, apply the fact, compare-and-set, again if somebody else was first.
 * Events get their bodies here and become durable with the change that caused them.
 */
export function createChanger(
  parts: Parts,
  { onDue, onChanged }: { onDue: (dueAt: number) => void; onChanged: (before: Payment, after: Payment) => void },
) {
  const { store, clock, telemetry } = parts;

  /** Changes of one payment in this process wait for each other instead of taking the document from under each other. */
  const inTurn = new Map<string, Promise<unknown>>();

  /** `known` saves the load when the caller holds the stored document; a stale one costs one more round. */
  function change(paymentId: string, fact: Fact, options: { readonly known?: Payment } = {}): Promise<Changed> {
    const before = inTurn.get(paymentId);
    const mine = before
      ? before.then(
          () => changeNow(paymentId, fact, undefined),
          () => changeNow(paymentId, fact, undefined),
        )
      : changeNow(paymentId, fact, options.known);
    inTurn.set(paymentId, mine);
    const leave = (): void => {
      if (inTurn.get(paymentId) === mine) inTurn.delete(paymentId);
    };
    mine.then(leave, leave);
    return mine;
  }

  async function changeNow(paymentId: string, fact: Fact, known: Payment | undefined): Promise<Changed> {
    let payment = known;
    let receipt: DurableReceipt | undefined;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (!payment) {
        const stored = await store.findById(paymentId);
        if (!stored) return { outcome: 'missing' };
        ({ payment, receipt } = stored);
      }
      const applied = await applyOnce(payment, fact, clock.now());
      if (applied.outcome !== 'applied') {
        // What the caller knew may be old; only the stored document may say that there is nothing to do.
        if (!receipt) {
          payment = undefined;
          continue;
        }
        if (applied.outcome === 'ignored') return { ...applied, payment, receipt };
        reportRejection(payment, applied.reason, fact);
        return { ...applied, payment };
      }
      const next = withBodies({ ...applied.payment, version: payment.version + 1 });
      const before = payment;
      const updated = await telemetry.trace.within('store write', { operation: 'update' }, () =>
        store.update(next, { before }),
      );
      if (updated.outcome === 'updated') {
        report(payment, updated.payment, fact, applied.anomalies);
        return { outcome: 'applied', payment: updated.payment, receipt: updated.receipt };
      }
      if (updated.outcome === 'trade_no_taken') {
        telemetry.anomaly('trade_number_reused');
        telemetry.warn({ paymentId, fact: fact.type }, 'trade number already belongs to another payment');
        return { outcome: 'rejected', reason: 'trade_number_reused', payment };
      }
      payment = undefined;
      receipt = undefined;
    }
    telemetry.error({ paymentId, fact: fact.type }, 'payment could not be changed: too many writers');
    const stored = await store.findById(paymentId);
    return stored ? { outcome: 'rejected', reason: 'contended', payment: stored.payment } : { outcome: 'missing' };
  }

  /** An order number that several payments share counts for one of them: a success on any other is surplus from its first moment (I2). */
  async function applyOnce(payment: Payment, fact: Fact, now: EpochMs): Promise<Applied> {
    const applied = apply(payment, fact, now);
    if (payment.epay === undefined || applied.outcome !== 'applied') return applied;
    if (isPaid(payment) || !isPaid(applied.payment) || (await claimOrderNumber(store, payment))) return applied;
    const overtaken = apply(payment, { type: 'overtaken' }, now);
    return overtaken.outcome === 'applied' ? apply(overtaken.payment, fact, now) : applied;
  }

  function withBodies(payment: Payment): Payment {
    if (payment.events.every((event) => event.body !== '')) return payment;
    const { publicUrl } = parts.settings();
    const events = payment.events.map((event) =>
      event.body === '' ? { ...event, body: eventBody(event, payment, publicUrl) } : event,
    );
    return { ...payment, events };
  }

  function report(before: Payment, after: Payment, fact: Fact, anomalies: readonly AnomalyKind[]): void {
    const current = currentAttempt(after);
    const channelId = current?.channelId ?? null;
    for (const kind of anomalies) telemetry.anomaly(kind);
    if (anomalies.includes('surplus_payment') && 'seq' in fact) {
      telemetry.surplusPayment(after.attempts[fact.seq - 1]?.channelId ?? 'none');
    }
    if (anomalies.length > 0) telemetry.warn({ paymentId: after.id, anomalies }, 'payment needs attention');
    if (after.status !== before.status) {
      telemetry.paymentChanged({
        paymentId: after.id,
        merchantId: after.merchantId,
        from: before.status,
        to: after.status,
        fact: fact.type,
        channelId,
        ageMs: Math.max(0, clock.now() - after.createdAt),
      });
      const { status } = after;
      if (status === 'succeeded' || status === 'failed' || status === 'closed') {
        telemetry.paymentOutcome(current?.method ?? 'none', status);
        telemetry.merchantPayment(after.merchantId, status);
      }
    }
    onChanged(before, after);
    reportMoney(before, after);
    const entry = evidenceOf({ before, after, fact, at: clock.now() });
    if (entry !== null) parts.evidence.append(entry);
    learn(before, after);
    if (after.nextDueAt !== null) onDue(after.nextDueAt);
  }

  function reportMoney(before: Payment, after: Payment): void {
    for (const attempt of after.attempts) {
      if (attempt.status !== 'succeeded' || before.attempts[attempt.seq - 1]?.status === 'succeeded') continue;
      telemetry.paymentKnown(attempt.channelId, attempt.knownBy, Math.max(0, clock.now() - attempt.paidAt));
      const profile = parts.channels().get(attempt.channelId)?.profile;
      if (profile && !takesOrders(profile)) telemetry.drainedChannelPayment(attempt.channelId);
      telemetry.captured(attempt.channelId, { ...attempt.amount, minor: attempt.paidMinor });
    }
    for (const refund of after.refunds) {
      const was = before.refunds[refund.seq - 1]?.status;
      if (was === refund.status) continue;
      const channelId = after.attempts[refund.attemptSeq - 1]?.channelId ?? 'none';
      if (was === undefined) telemetry.refund(channelId, refund.cause, 'requested');
      if (refund.status !== 'pending') telemetry.refund(channelId, refund.cause, refund.status);
      if (refund.status === 'succeeded') {
        telemetry.returned(channelId, refund.cause, { ...after.amount, minor: refund.amountMinor });
      }
      const { id: refundId, cause, status: to, error } = refund;
      telemetry.info({ paymentId: after.id, refundId, cause, from: was ?? null, to, error }, 'refund changed');
    }
  }

  /** Tells the statistics which orders were handed out and which were paid; that one was not, time tells by itself. */
  function learn(before: Payment, after: Payment): void {
    const { payments } = parts.statistics;
    const { bandEdgesMinor } = parts.settings().routing;
    for (const attempt of after.attempts) {
      const was = before.attempts[attempt.seq - 1]?.status;
      if (was === attempt.status) continue;
      const { channelId, method, amount } = attempt;
      const segment = { method, currency: amount.currency, band: bandOf(amount.minor, bandEdgesMinor) };
      const openedAt = attempt.openedAt + (attempt.latencyMs ?? 0);
      const isNew = was === undefined || was === 'creating';
      const paid = attempt.status === 'succeeded';
      if (isNew && (paid || attempt.status === 'open')) payments.opened(channelId, segment, openedAt, clock.now());
      if (paid && (isNew || was === 'open')) payments.paid(channelId, segment, openedAt, clock.now());
    }
  }

  function reportRejection(payment: Payment, reason: RejectedReason, fact: Fact): void {
    if (!isAnomaly(reason)) return;
    telemetry.anomaly(reason);
    telemetry.warn({ paymentId: payment.id, fact: fact.type, reason }, 'refused what a channel said');
  }

  return { change, withBodies };
}

export type Change = ReturnType<typeof createChanger>['change'];

const ANOMALOUS: ReadonlySet<string> = new Set<AnomalyKind>([
  'amount_mismatch',
  'currency_mismatch',
  'account_mismatch',
  'incomplete_success',
  'second_trade_number',
  'refund_mismatch',
  'refund_contradicted',
]);

function isAnomaly(reason: RejectedReason): reason is AnomalyKind {
  return ANOMALOUS.has(reason);
}
