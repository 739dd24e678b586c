import { CHANNEL_ERROR_KINDS, type ChannelError } from '../channel/index.ts';
import {
  type AttemptError,
  type Fact,
  legible,
  type Payment,
  type Refund,
  type RefundObservation,
  type Result,
  type SucceededAttempt,
} from '../payment/index.ts';
import type { Change } from './change.ts';
import type { ChannelCalls } from './channel-calls.ts';
import type { Leases } from './leases.ts';
import type { Parts } from './parts.ts';
import type { Channel } from './ports.ts';

type Operation = 'refund' | 'refund_query';
type RefundFact = Extract<Fact, { readonly refundSeq: number }>;
type Said = Result<RefundObservation, ChannelError>;

/**
 * Sends refunds to their channels and asks what became of them; what the channel says becomes a fact. A refund keeps its number
 * for as long as its outcome is open, so that sending it again returns no money twice.
 */
export function createRefunds(
  parts: Parts,
  { calls, change, leases }: { calls: ChannelCalls; change: Change; leases: Leases },
) {
  const inFlight = new Map<string, Promise<Payment>>();

  /** The next step of a pending refund: sends it, or asks about it once the provider has it. Answers the payment as it is then. */
  function pursue(payment: Payment, refundSeq: number, signal?: AbortSignal): Promise<Payment> {
    const refund = payment.refunds[refundSeq - 1];
    if (refund?.status !== 'pending') return Promise.resolve(payment);
    const running = inFlight.get(refund.refundRef);
    if (running) return running;
    const started = pursueAlone(payment, refund, signal).finally(() => inFlight.delete(refund.refundRef));
    inFlight.set(refund.refundRef, started);
    return started;
  }

  /** The same for somebody who waits for it. Where another process is at the payment, it is left to that one. */
  async function pursueNow(payment: Payment, refundSeq: number): Promise<Payment> {
    if (payment.refunds[refundSeq - 1]?.status !== 'pending') return payment;
    return (await leases.unlessElsewhere(payment.id, () => pursue(payment, refundSeq))) ?? payment;
  }

  /** Asks about every refund that is undecided. */
  async function pursueAll(payment: Payment): Promise<Payment> {
    let current = payment;
    for (const refund of payment.refunds) {
      if (refund.status === 'pending') current = await pursueNow(current, refund.seq);
    }
    return current;
  }

  async function pursueAlone(payment: Payment, refund: Refund, signal?: AbortSignal): Promise<Payment> {
    const attempt = payment.attempts[refund.attemptSeq - 1];
    const channel = attempt ? parts.channels().get(attempt.channelId) : undefined;
    if (attempt?.status !== 'succeeded' || channel?.adapter.account !== attempt.account) {
      // Another account holds none of this money; the refund waits until its channel is configured again.
      parts.telemetry.warn(
        { paymentId: payment.id, refundId: refund.id },
        'a refund names a channel that is not configured',
      );
      return record(payment, {
        type: 'refund_asked_in_vain',
        refundSeq: refund.seq,
        error: { kind: 'CHANNEL_UNAVAILABLE', providerCode: 'not_configured' },
      });
    }
    if (!channel.capabilities.includes('refund')) {
      return record(payment, refused(refund, { kind: 'INVALID_REQUEST', providerCode: 'refund_unsupported' }));
    }
    const said = refund.submitted
      ? await ask(channel, payment, attempt, refund, signal)
      : await send(channel, payment, attempt, refund, signal);
    // A call cut short by our own shutdown says nothing of the channel; the next process goes on.
    if (signal?.aborted && !said.ok) return payment;
    return record(payment, await factOf(said, channel, payment, attempt, refund, signal));
  }

  async function factOf(
    said: Said,
    channel: Channel,
    payment: Payment,
    attempt: SucceededAttempt,
    refund: Refund,
    signal?: AbortSignal,
  ): Promise<RefundFact> {
    const by = refund.submitted ? ('query' as const) : ('refund' as const);
    if (said.ok) return { type: 'refund_observed', refundSeq: refund.seq, by, observation: said.value };
    const error = errorOf(said.error);
    if (refund.submitted || said.error.created === 'maybe' || !endsRefund(said.error)) {
      return { type: 'refund_asked_in_vain', refundSeq: refund.seq, error };
    }
    // "Refused" may speak of a second sending while the first one, whose answer got lost, moved the money: so it is looked up.
    const known = await ask(channel, payment, attempt, refund, signal);
    if (!known.ok && endsRefund(known.error)) return refused(refund, error);
    if (!known.ok) return { type: 'refund_asked_in_vain', refundSeq: refund.seq, error };
    if (known.value.state === 'absent') return refused(refund, error);
    return { type: 'refund_observed', refundSeq: refund.seq, by: 'query', observation: known.value };
  }

  function send(channel: Channel, payment: Payment, attempt: SucceededAttempt, refund: Refund, signal?: AbortSignal) {
    const callbackUrl = `${parts.settings().publicUrl}/callbacks/${channel.id}/${attempt.callbackToken}`;
    const request = { ...refOf(attempt, refund), reason: refund.reason && legible(refund.reason), callbackUrl };
    return call(channel, 'refund', payment, attempt, signal, (s) => channel.adapter.refund(request, s));
  }

  function ask(channel: Channel, payment: Payment, attempt: SucceededAttempt, refund: Refund, signal?: AbortSignal) {
    return call(channel, 'refund_query', payment, attempt, signal, (s) =>
      channel.adapter.queryRefund(refOf(attempt, refund), s),
    );
  }

  function call(
    channel: Channel,
    operation: Operation,
    payment: Payment,
    attempt: SucceededAttempt,
    signal: AbortSignal | undefined,
    run: (signal: AbortSignal) => Promise<Said>,
  ): Promise<Said> {
    const timeoutMs = operation === 'refund' ? channel.timeouts.refundMs : channel.timeouts.queryMs;
    const options = { operation, timeoutMs, method: attempt.method, paymentId: payment.id };
    return calls.call(channel, signal ? { ...options, signal } : options, run);
  }

  async function record(payment: Payment, fact: RefundFact): Promise<Payment> {
    const changed = await change(payment.id, fact);
    if (changed.outcome === 'rejected' && fact.type === 'refund_observed') {
      // What the channel said could not be taken; the next question must still be planned.
      await change(payment.id, { type: 'refund_asked_in_vain', refundSeq: fact.refundSeq, error: null });
    }
    return changed.outcome === 'missing' ? payment : changed.payment;
  }

  return { pursue, pursueNow, pursueAll };
}

export type Refunds = ReturnType<typeof createRefunds>;

function refOf(attempt: SucceededAttempt, refund: Refund) {
  const { providerRef, channelTradeNo, amount } = attempt;
  return {
    order: { providerRef, channelTradeNo, amount },
    refundRef: refund.refundRef,
    amount: { minor: refund.amountMinor, currency: amount.currency },
    channelRefundNo: refund.channelRefundNo,
  };
}

function refused(refund: Refund, error: AttemptError) {
  return { type: 'refund_refused' as const, refundSeq: refund.seq, error };
}

function errorOf({ kind, providerCode }: ChannelError): AttemptError {
  return { kind, providerCode };
}

function endsRefund({ kind }: ChannelError): boolean {
  return CHANNEL_ERROR_KINDS[kind].afterRefund === 'fail';
}
