import { CHANNEL_ERROR_KINDS, type ChannelError, type Created, type CreateRequest } from '../channel/index.ts';
import {
  type AttemptBinding,
  type CreatingAttempt,
  err,
  type Fact,
  hasEnded,
  legible,
  ok,
  type Payment,
  providerRefOf,
  type Result,
  type Scene,
} from '../payment/index.ts';
import type { Ranking } from '../routing/index.ts';
import { buyerIp } from './buyer.ts';
import type { Change } from './change.ts';
import type { ChannelCalls } from './channel-calls.ts';
import { type GatewayError, gatewayError } from './errors.ts';
import { exhausted, type Judged, nobodyOf } from './no-channel.ts';
import type { Orders } from './orders.ts';
import type { Parts } from './parts.ts';
import type { Channel, Merchant } from './ports.ts';
import type { Prober } from './prober.ts';
import { type Router, requestOf } from './router.ts';
import { checkoutUrl } from './view.ts';

/** A try that begins just before the budget ends still gets this long; providers answer well within it. */
const LAST_TRY_MS = 1_000;
/** Over its whole life a payment gets this many attempts, however often the shop repeats its request. */
const ATTEMPTS_PER_PAYMENT_MAX = 20;

/** After a minute others take an attempt for lost, so one that was held up for this long (a frozen process) asks nobody any more. */
const BEGUN_WITHIN_MS = 20_000;

type Choice = NonNullable<Ranking['choice']>;

/** What a buyer has chosen: one of the methods, paid in the way that the buyer's device can. */
export interface Wish {
  readonly method: string;
  readonly scene: Scene;
}

/**
 * Finds a channel that takes the order: tries the best one and fails over within the request's budget (C3). After an ambiguous
 * answer I7 holds: the attempt is recorded as unknown and closed at its provider before the next channel is asked.
 */
export function createPlacement(
  parts: Parts,
  services: { calls: ChannelCalls; change: Change; orders: Orders; prober: Prober; router: Router },
) {
  const { clock, telemetry } = parts;
  const { calls, change, orders, prober, router } = services;

  /** Binds the next attempt of a payment to a channel; null when the channel has just been removed. */
  function bind(payment: Payment, choice: Choice, wish: Wish | null = null): AttemptBinding | null {
    const channel = parts.channels().get(choice.channelId);
    if (!channel) return null;
    const seq = payment.attempts.length + 1;
    const now = clock.now();
    return {
      seq,
      channelId: channel.id,
      method: choice.method,
      providerRef: providerRefOf(payment.id, seq),
      // It begins with the reference, so that a message that cannot be read still leads to its order.
      callbackToken: `${providerRefOf(payment.id, seq)}-${Buffer.from(parts.randomBytes(16)).toString('base64url')}`,
      account: channel.adapter.account,
      amount: payment.amount,
      providerExpiresAt: channel.adapter.providerExpiresAt(payment.expiresAt, now),
      absence: channel.adapter.absence,
      ...(channel.capabilities.includes('refund') ? {} : { refundable: false }),
      decision: choice.decision,
      openedAt: now,
      ...(wish && { scene: wish.scene, buyerLed: true }),
    };
  }

  /** Goes on from a payment whose latest attempt is `creating` and ours, until a channel has taken the order. */
  async function place(merchant: Merchant, started: Payment): Promise<Result<Payment, GatewayError>> {
    const { maxAttempts, budgetMs } = parts.settings().failover;
    const deadline = clock.now() + budgetMs;
    const tried: string[] = [];
    let payment = started;
    for (let round = 1; ; round += 1) {
      const attempt = payment.attempts.at(-1);
      if (attempt?.status !== 'creating') return ok(payment);
      tried.push(attempt.channelId);
      const settled = await tryAttempt(payment, attempt, deadline);
      payment = settled.payment;
      if (settled.done) return settled.refusal ? err(settled.refusal) : ok(payment);
      if (round >= maxAttempts || clock.now() >= deadline) return err(exhausted(tried.map(triedAlready)));
      const next = await startAttempt(merchant, payment, tried, wishOf(payment, attempt));
      if (!next.ok) return next;
      payment = next.value.payment;
      if (!next.value.ours) return ok(payment);
    }
  }

  /**
   * Chooses among the channels not tried yet and records the attempt before anything is asked. `ours` is false when another
   * process was first: then the attempt must be left to it.
   */
  async function startAttempt(
    merchant: Merchant,
    payment: Payment,
    tried: readonly string[],
    wish: Wish | null,
  ): Promise<Result<{ payment: Payment; ours: boolean }, GatewayError>> {
    if (payment.attempts.length >= ATTEMPTS_PER_PAYMENT_MAX) return err(exhausted());
    const known = { buyerIpKnown: buyerIp(payment, parts.sealer) !== null, triedChannelIds: tried };
    const ranking = await router.route({ ...requestOf(payment, merchant, known), ...asRequest(wish) });
    const binding = ranking.choice ? bind(payment, ranking.choice, wish) : null;
    if (!binding) {
      await ranking.release();
      return err(nobodyOf(ranking, parts.channels()));
    }
    const started: Fact = { type: 'attempt_started', attempt: binding };
    const changed = await change(payment.id, started, { known: payment }).catch(async (thrown: unknown) => {
      await ranking.release();
      throw thrown;
    });
    if (changed.outcome !== 'applied') await ranking.release();
    if (changed.outcome === 'missing') return err(gatewayError('internal', 'The payment has vanished.'));
    return ok({ payment: changed.payment, ours: changed.outcome === 'applied' });
  }

  async function tryAttempt(
    payment: Payment,
    attempt: CreatingAttempt,
    deadline: number,
  ): Promise<{ payment: Payment; done: boolean; refusal?: GatewayError }> {
    const channel = parts.channels().get(attempt.channelId);
    const startedAt = clock.now();
    const answer = channel ? await create(channel, payment, attempt, deadline) : err(GONE);
    const latencyMs = clock.now() - startedAt;
    const { seq } = attempt;
    if (answer.ok) {
      const changed = await change(
        payment.id,
        { type: 'attempt_opened', seq, ...answer.value, latencyMs },
        { known: payment },
      );
      const after = changed.outcome === 'missing' ? payment : changed.payment;
      await closeIfGivenUp(after, seq);
      // Whoever overtook the answer may have settled the attempt without ending the payment: then it goes on elsewhere.
      return { payment: after, done: hasEnded(after) || after.attempts[seq - 1]?.status === 'open' };
    }
    const { kind, created, providerCode } = answer.error;
    const error = { kind, providerCode };
    telemetry.info(
      { paymentId: payment.id, attemptSeq: seq, channelId: attempt.channelId, kind, created, latencyMs },
      'attempt failed',
    );
    if (created === 'maybe') {
      const lost = await change(payment.id, { type: 'attempt_lost', seq, error, latencyMs }, { known: payment });
      const unknown = lost.outcome === 'missing' ? payment : lost.payment;
      const known = unknown.attempts[seq - 1];
      await closeIfGivenUp(unknown, seq);
      // A callback may have overtaken our time-out: then the payment is paid and there is nothing to close.
      const after =
        known?.status === 'unknown'
          ? await orders.closeDuringFailover(unknown, known, deadline - clock.now())
          : unknown;
      return { payment: after, done: hasEnded(after) };
    }
    const endsPayment = CHANNEL_ERROR_KINDS[kind].afterCreate === 'refuse';
    const refused = await change(
      payment.id,
      { type: 'attempt_refused', seq, error, latencyMs, endsPayment },
      { known: payment },
    );
    const after = refused.outcome === 'missing' ? payment : refused.payment;
    // A callback may have overtaken the refusal with better news.
    if (endsPayment && after.attempts[seq - 1]?.status === 'failed')
      return { payment: after, done: true, refusal: gatewayError('channel_rejected', reasonFor(answer.error)) };
    return { payment: after, done: hasEnded(after) };
  }

  /** While this process was frozen, others may have taken the attempt for dead: then nobody else closes the order that it made. */
  async function closeIfGivenUp(payment: Payment, seq: number): Promise<void> {
    const attempt = payment.attempts[seq - 1];
    if (attempt?.status === 'closed' || attempt?.status === 'failed') await orders.close(payment, attempt);
  }

  async function create(
    channel: Channel,
    payment: Payment,
    attempt: CreatingAttempt,
    deadline: number,
  ): Promise<Result<Created, ChannelError>> {
    const scene = attempt.scene ?? payment.scene;
    if (channel.adapter.createsOffline(scene)) {
      // A signed link is made without asking anybody; so the channel is asked first whether it is there at all.
      const alive = await prober.probe(channel);
      if (!alive.ok) return err(withoutOrder(alive.error));
    }
    if (clock.now() - attempt.openedAt > BEGUN_WITHIN_MS) return err(TOO_LATE);
    const { publicUrl } = parts.settings();
    const request: CreateRequest = {
      providerRef: attempt.providerRef,
      amount: attempt.amount,
      method: attempt.method,
      scene,
      subject: legible(payment.subject),
      expiresAt: payment.expiresAt,
      callbackUrl: `${publicUrl}/callbacks/${channel.id}/${attempt.callbackToken}`,
      returnUrl: checkoutUrl(payment.id, publicUrl),
      buyer: { ip: buyerIp(payment, parts.sealer) },
    };
    // The last try may not outlive the budget by its whole time-out, but it is given a fair chance.
    const timeoutMs = Math.min(channel.timeouts.createMs, Math.max(deadline - clock.now(), LAST_TRY_MS));
    const options = { operation: 'create' as const, timeoutMs, method: attempt.method, paymentId: payment.id };
    return calls.call(channel, options, (signal) => channel.adapter.create(request, signal));
  }

  /** Gives up an attempt whose process is gone: what became of it is unknown, so it is closed like any other lost one (I7). */
  async function abandon(payment: Payment, attempt: CreatingAttempt): Promise<Payment> {
    const lost = await change(payment.id, abandoned(attempt.seq), { known: payment });
    const after = lost.outcome === 'missing' ? payment : lost.payment;
    const known = after.attempts[attempt.seq - 1];
    if (known?.status !== 'unknown') return after;
    return orders.closeDuringFailover(after, known, parts.settings().failover.budgetMs);
  }

  return { bind, place, startAttempt, abandon };
}

/** The buyer's wish that an attempt follows; its failover follows it too. */
function wishOf(payment: Payment, { buyerLed, method, scene }: CreatingAttempt): Wish | null {
  return buyerLed ? { method, scene: scene ?? payment.scene } : null;
}

/** A wish as the part of a routing question that it decides. */
export function asRequest(wish: Wish | null): { readonly methods?: readonly string[]; readonly scene?: Scene } {
  return wish ? { methods: [wish.method], scene: wish.scene } : {};
}

export type Placement = ReturnType<typeof createPlacement>;

/** The fact that nobody waits for an attempt's answer any more. */
export function abandoned(seq: number): Extract<Fact, { type: 'attempt_lost' }> {
  const error = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', providerCode: 'abandoned' };
  return { type: 'attempt_lost', seq, error, latencyMs: null };
}

/** A failed probe made no order, and whatever was wrong with it was not wrong with the payment. */
function withoutOrder(error: ChannelError): ChannelError {
  const failsOver = CHANNEL_ERROR_KINDS[error.kind].afterCreate === 'failover';
  return { ...error, kind: failsOver ? error.kind : 'CHANNEL_UNAVAILABLE', created: 'no' };
}

const TOO_LATE: ChannelError = { kind: 'CHANNEL_UNAVAILABLE', created: 'no', providerCode: 'begun_too_late' };

const GONE: ChannelError = { kind: 'CHANNEL_UNAVAILABLE', created: 'no', providerCode: 'channel_removed' };

function triedAlready(channelId: string): Judged {
  return { channelId, excluded: 'already_tried' };
}

function reasonFor(error: ChannelError): string {
  switch (error.kind) {
    case 'DECLINED':
      return 'The payment was declined by the payment provider. The buyer may try another way to pay.';
    case 'RISK_REJECTED':
      return 'The payment provider refused this payment for reasons of risk. The buyer may try another way to pay.';
    default:
      return `The payment provider does not accept this request${error.providerCode ? ` (${error.providerCode})` : ''}. Check amount, currency and subject.`;
  }
}
