import type { ChannelError } from '../channel/index.ts';
import {
  type Attempt,
  isUnresolved,
  type Money,
  type Observation,
  ok,
  type Payment,
  type Result,
} from '../payment/index.ts';
import type { Change } from './change.ts';
import type { ChannelCalls } from './channel-calls.ts';
import type { Parts } from './parts.ts';
import { createQueryBudget } from './query-budget.ts';

/** A close that runs while a buyer waits for the next channel may not take longer than this. */
const CLOSE_DURING_FAILOVER_MS = 1_500;

/** Asks providers about our orders and closes them; what they say becomes a fact. */
export function createOrders(parts: Parts, calls: ChannelCalls, change: Change) {
  const inFlight = new Map<string, Promise<Payment>>();
  const budget = createQueryBudget(parts.clock);

  /** Asks the channel what became of an attempt and records the answer. Answers the payment as it is then. */
  async function query(payment: Payment, attempt: Attempt, signal?: AbortSignal): Promise<Payment> {
    return ask(payment, attempt, 'query', channelTimeout(attempt), signal);
  }

  /** The same when the channel's request budget has room at this moment; otherwise nothing happens. */
  async function queryIfRoom(payment: Payment, attempt: Attempt, signal: AbortSignal): Promise<void> {
    const channel = parts.channels().get(attempt.channelId);
    if (channel && budget.hasRoom(channel.id, channel.queriesPerSecond)) await query(payment, attempt, signal);
  }

  /** The same within the channel's request budget: without room the question is put off, and nothing else changes. */
  async function queryInTurn(payment: Payment, attempt: Attempt, signal?: AbortSignal): Promise<Payment> {
    const channel = parts.channels().get(attempt.channelId);
    const until = channel ? budget.take(channel.id, channel.queriesPerSecond, attempt.providerRef) : null;
    if (until === null) return query(payment, attempt, signal);
    parts.telemetry.queryPostponed(attempt.channelId);
    const duty = { kind: 'query' as const, seq: attempt.seq };
    const changed = await change(payment.id, { type: 'postponed', duty, until }, { known: payment });
    return changed.outcome === 'missing' ? payment : changed.payment;
  }

  /** Asks the channel to stop taking money for an attempt. The provider's answer decides whether it was in time. */
  async function close(payment: Payment, attempt: Attempt, signal?: AbortSignal): Promise<Payment> {
    return ask(payment, attempt, 'close', channelTimeout(attempt), signal);
  }

  /** The first step of I7 after a lost create: make the order disappear before another channel is asked. */
  async function closeDuringFailover(payment: Payment, attempt: Attempt, withinMs: number): Promise<Payment> {
    // With no time left nobody else is asked either; the agenda closes it.
    if (withinMs <= 0) return payment;
    return ask(payment, attempt, 'close', Math.min(CLOSE_DURING_FAILOVER_MS, channelTimeout(attempt), withinMs));
  }

  /**
   * The first step of I7 when the buyer gives an order up for another: it is closed, or, where the provider knows no close, asked
   * about, since the buyer may just have paid it.
   */
  async function withdraw(payment: Payment, attempt: Attempt): Promise<Payment> {
    const canClose = parts.channels().get(attempt.channelId)?.capabilities.includes('close') ?? false;
    const timeoutMs = Math.min(CLOSE_DURING_FAILOVER_MS, channelTimeout(attempt));
    return ask(payment, attempt, canClose ? 'close' : 'query', timeoutMs);
  }

  /** Asks about everything that is still unresolved. */
  async function queryAll(payment: Payment): Promise<Payment> {
    let current = payment;
    for (const attempt of payment.attempts) {
      if (isUnresolved(attempt) && attempt.status !== 'creating') current = await query(current, attempt);
    }
    return current;
  }

  /** Whoever asks the same at the same time shares the question: a request and the agenda often want it in one moment. */
  function ask(
    payment: Payment,
    attempt: Attempt,
    operation: 'query' | 'close',
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Payment> {
    const key = `${operation}/${attempt.providerRef}`;
    const running = inFlight.get(key);
    if (running) return running;
    const started = askAlone(payment, attempt, operation, timeoutMs, signal).finally(() => inFlight.delete(key));
    inFlight.set(key, started);
    return started;
  }

  async function askAlone(
    payment: Payment,
    attempt: Attempt,
    operation: 'query' | 'close',
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Payment> {
    const askedAt = parts.clock.now();
    const found = await askChannel(payment.id, attempt, operation, timeoutMs, signal);
    const isApproved = operation === 'query' && found?.ok === true && found.value.state === 'approved';
    const said = isApproved ? await captureApproved(payment, attempt, found.value, signal) : found;
    // A question cut short by our own shutdown says nothing of the channel; the next process asks again.
    if (signal?.aborted && !said?.ok) return payment;
    const changed = await change(
      payment.id,
      said?.ok
        ? { type: 'observed', seq: attempt.seq, by: operation, observation: said.value, askedAt }
        : { type: 'asked_in_vain', seq: attempt.seq, by: operation },
    );
    if (changed.outcome === 'rejected' && said?.ok) {
      // What the channel said could not be taken; the next question must still be planned, or this one repeats at once.
      await change(payment.id, { type: 'asked_in_vain', seq: attempt.seq, by: operation });
    }
    return changed.outcome === 'missing' ? payment : changed.payment;
  }

  /**
   * Takes the money of an order that its buyer has approved, if the payment may still be paid; else what was seen stands. The intent
   * is stored first: from then on no close believes that the order is out of reach until the capture's end is known.
   */
  async function captureApproved(
    payment: Payment,
    attempt: Attempt,
    seen: Observation,
    signal?: AbortSignal,
  ): Promise<Result<Observation, ChannelError> | null> {
    const { account, amount } = seen;
    const isAsAsked = account === attempt.account && amount !== null && sameMoney(amount, attempt.amount);
    // What is seen goes back as it is, and the mismatch is found where all of them are (I5).
    if (!isAsAsked) return ok(seen);
    const begun = await change(payment.id, { type: 'capture_begun', seq: attempt.seq });
    if (begun.outcome !== 'applied') return ok(seen);
    const timeoutMs = parts.channels().get(attempt.channelId)?.timeouts.createMs ?? channelTimeout(attempt);
    const channelTradeNo = attempt.channelTradeNo ?? seen.channelTradeNo;
    return askChannel(payment.id, { ...attempt, channelTradeNo }, 'capture', timeoutMs, signal);
  }

  async function askChannel(
    paymentId: string,
    attempt: Attempt,
    operation: 'query' | 'capture' | 'close',
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Result<Observation, ChannelError> | null> {
    const channel = parts.channels().get(attempt.channelId);
    // Another account knows nothing of this order, and what it says of it proves nothing (I12).
    if (channel?.adapter.account !== attempt.account) {
      const { channelId, seq } = attempt;
      parts.telemetry.warn(
        { channelId, attemptSeq: seq },
        'an open order names a channel or account that is not configured',
      );
      return null;
    }
    if (operation === 'close' && !channel.capabilities.includes('close')) return null;
    const { providerRef, channelTradeNo, amount } = attempt;
    const options = { operation, timeoutMs, method: attempt.method, paymentId, ...(signal ? { signal } : {}) };
    const { adapter } = channel;
    const order = { providerRef, channelTradeNo, amount };
    return calls.call(channel, options, async (callSignal) => {
      if (operation !== 'capture') return adapter[operation](order, callSignal);
      if (adapter.capture) return adapter.capture(order, callSignal);
      throw new Error(`${attempt.channelId}: an order is approved, and the adapter has no capture`);
    });
  }

  function channelTimeout(attempt: Attempt): number {
    return parts.channels().get(attempt.channelId)?.timeouts.queryMs ?? CLOSE_DURING_FAILOVER_MS;
  }

  return { query, queryInTurn, queryIfRoom, close, closeDuringFailover, withdraw, queryAll };
}

function sameMoney(one: Money, other: Money): boolean {
  return one.minor === other.minor && one.currency === other.currency;
}

export type Orders = ReturnType<typeof createOrders>;
