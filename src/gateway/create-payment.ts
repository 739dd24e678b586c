import {
  apply,
  awaitsChoice,
  type ExclusionReason,
  err,
  hasEnded,
  createPayment as newDocument,
  newId,
  ok,
  type Payment,
  pauseBeforeAttempt,
  type Result,
  whyExcluded,
} from '../payment/index.ts';
import { aboveLimit } from './amount-limit.ts';
import type { Gateway, Order } from './api.ts';
import { sealBuyer } from './buyer.ts';
import type { Patience } from './create-under-way.ts';
import { type GatewayError, gatewayError } from './errors.ts';
import { nobodyOf, tooSoon } from './no-channel.ts';
import type { Parts } from './parts.ts';
import type { Placement } from './placement.ts';
import type { Merchant } from './ports.ts';
import { type Router, requestOf } from './router.ts';

type Placed = Result<Payment, GatewayError>;

/** A payment that is not stored yet; `release` gives back the room that its channel holds for it. */
interface First {
  readonly payment: Payment;
  readonly release: () => Promise<void>;
}

/**
 * Creates a payment, or answers the one that exists (I1). The document with its first attempt is durable before any channel
 * is asked, so neither a crash nor a repeated request can make a second order.
 */
export function createPaymentCreation(
  parts: Parts,
  services: { patience: Patience; placement: Placement; router: Router },
): Gateway['createPayment'] {
  const { store, clock, telemetry } = parts;
  const { patience, placement, router } = services;
  /** Placements under way in this process, so that a repeat waits for the answer instead of asking again. */
  const underWay = new Map<string, Promise<Placed>>();

  return async function createPayment(merchant, order, idempotencyKey) {
    const refused = await checkRequest(merchant, order, idempotencyKey);
    if (refused) return err(refused);
    const existing = await store.findByOrderNo(merchant.id, order.merchantOrderNo);
    if (existing) return repeat(merchant, order, existing.payment);
    const first = await firstDocument(merchant, order);
    if (!first.ok) return first;
    const { payment, release } = first.value;
    const inserted = await insert(payment, release);
    if (inserted.outcome === 'exists') return repeat(merchant, order, inserted.payment);
    telemetry.trace.concerns(inserted.payment);
    telemetry.paymentOutcome(payment.attempts[0]?.method ?? 'none', 'created');
    telemetry.merchantPayment(merchant.id, 'created');
    telemetry.info({ paymentId: inserted.payment.id, merchantId: merchant.id }, 'payment created');
    if (payment.attempts.length === 0) return ok({ payment: inserted.payment, repeat: false });
    const placed = await placeOnce(merchant, inserted.payment);
    return placed.ok ? ok({ payment: placed.value, repeat: false }) : placed;
  };

  async function checkRequest(merchant: Merchant, order: Order, key: string | null): Promise<GatewayError | null> {
    const above = aboveLimit(merchant, order.amount.minor);
    if (above !== null) return above;
    if (key === null) return null;
    const { requestHash, merchantOrderNo: subject } = order;
    const reserved = await store.reserveKey({ merchantId: merchant.id, key, requestHash, subject, now: clock.now() });
    if (reserved.outcome !== 'conflict') return null;
    return gatewayError(
      'idempotency_conflict',
      'This Idempotency-Key was used with a different request. Use a new key.',
    );
  }

  /** Gives the room of the order back when it does not come to be: neither when the store fails nor when another was first. */
  async function insert(payment: Payment, release: () => Promise<void>) {
    try {
      const inserted = await telemetry.trace.within('store write', { operation: 'insert' }, () =>
        store.insert(payment),
      );
      if (inserted.outcome === 'exists') await release();
      return inserted;
    } catch (thrown) {
      await release();
      throw thrown;
    }
  }

  /**
   * The document as it is inserted: bound to its first channel already, without one where the buyer is to choose, or refused before
   * anything exists.
   */
  async function firstDocument(merchant: Merchant, order: Order): Promise<Result<First, GatewayError>> {
    const { merchantOrderNo, amount, methods, scene, subject, metadata, pinnedChannelId, requestHash } = order;
    const now = clock.now();
    const traceparent = telemetry.trace.traceparent();
    const blank = newDocument(
      {
        id: newId('pay', now, parts.randomBytes),
        merchantId: merchant.id,
        ...{ merchantOrderNo, amount, methods, scene, subject, metadata, pinnedChannelId, requestHash },
        customer: { country: order.customer.country ?? null, sealed: sealBuyer(order.customer, parts.sealer) },
        notifyUrl: order.notifyUrl ?? merchant.webhookUrl,
        returnUrl: order.returnUrl,
        policies: parts.settings().policies,
        expiresInMs: order.expiresInMs,
        ...(order.epay === undefined ? {} : { epay: order.epay }),
        ...(traceparent === null ? {} : { traceparent }),
      },
      now,
    );
    const buyerIpKnown = order.customer.ip !== undefined;
    if (order.deferred) {
      const refused = await refusalOfAll(merchant, blank, buyerIpKnown);
      return refused ? err(refused) : ok({ payment: blank, release: async () => {} });
    }
    const routed = await route(merchant, blank, buyerIpKnown);
    if (!routed.ok) return routed;
    const { binding, release } = routed.value;
    const applied = apply(blank, { type: 'attempt_started', attempt: binding }, now);
    if (applied.outcome !== 'applied') throw new Error(`a first attempt was ${applied.outcome}: ${applied.reason}`);
    return ok({ payment: applied.payment, release });
  }

  /** An order that no channel would ever take is refused at once, also when the buyer is to choose later. */
  async function refusalOfAll(merchant: Merchant, blank: Payment, buyerIpKnown: boolean): Promise<GatewayError | null> {
    const ranking = await router.quote(requestOf(blank, merchant, { buyerIpKnown, triedChannelIds: [] }));
    if (ranking.choice || ranking.exclusions.some(({ excluded }) => isPassing(excluded) || isOfDevice(excluded)))
      return null;
    telemetry.paymentOutcome('none', 'rejected');
    return nobodyOf(ranking, parts.channels());
  }

  async function route(merchant: Merchant, blank: Payment, buyerIpKnown: boolean) {
    const { pinnedChannelId } = blank;
    const ranking = await router.route(requestOf(blank, merchant, { buyerIpKnown, triedChannelIds: [] }));
    const binding = ranking.choice ? placement.bind(blank, ranking.choice) : null;
    if (binding) return ok({ binding, release: ranking.release });
    await ranking.release();
    telemetry.paymentOutcome('none', 'rejected');
    const pinned = ranking.exclusions.find((c) => c.channelId === pinnedChannelId);
    if (pinnedChannelId !== null && !isPassing(pinned?.excluded)) {
      const why = pinned ? whyExcluded(pinned) : 'unknown channel';
      return err(gatewayError('channel_rejected', `Channel ${pinnedChannelId} cannot take this payment: ${why}.`));
    }
    return err(nobodyOf(ranking, parts.channels()));
  }

  async function repeat(merchant: Merchant, order: Order, existing: Payment) {
    telemetry.trace.concerns(existing);
    if (existing.requestHash !== order.requestHash) {
      const detail = 'A payment with this merchant_order_no exists with different content. Use a new number.';
      return err(gatewayError('idempotency_conflict', detail));
    }
    const placed = await settle(merchant, existing);
    return placed.ok ? ok({ payment: placed.value, repeat: true }) : placed;
  }

  /** Waits for a placement under way; goes on with one that ended without a channel. */
  async function settle(merchant: Merchant, existing: Payment): Promise<Placed> {
    const running = underWay.get(existing.id);
    if (running) return running;
    const payment = await patience.settled(existing);
    const live = payment.attempts.some((a) => a.status === 'creating' || a.status === 'open');
    // What the buyer is to choose is not chosen by a repeated request.
    if (
      live ||
      awaitsChoice(payment) ||
      hasEnded(payment) ||
      payment.closeRequested !== null ||
      clock.now() >= payment.expiresAt
    )
      return ok(payment);
    const joined = underWay.get(payment.id);
    if (joined) return joined;
    const pauseMs = pauseBeforeAttempt(payment, clock.now());
    return pauseMs > 0 ? err(tooSoon(pauseMs)) : resume(merchant, payment);
  }

  function resume(merchant: Merchant, payment: Payment): Promise<Placed> {
    return remember(payment.id, async () => {
      const started = await placement.startAttempt(merchant, payment, [], null);
      if (!started.ok) return started;
      return started.value.ours ? placement.place(merchant, started.value.payment) : ok(started.value.payment);
    });
  }

  function placeOnce(merchant: Merchant, payment: Payment): Promise<Placed> {
    return remember(payment.id, () => placement.place(merchant, payment));
  }

  function remember(paymentId: string, work: () => Promise<Placed>): Promise<Placed> {
    const running = work().finally(() => underWay.delete(paymentId));
    underWay.set(paymentId, running);
    return running;
  }
}

/** How the buyer's device can pay is known only when the buyer chooses. */
function isOfDevice(excluded: ExclusionReason | null): boolean {
  return excluded === 'scene' || excluded === 'customer_ip_missing';
}

/** Exclusions that pass by themselves: worth a retry, so 503 rather than 422. */
function isPassing(excluded: string | null | undefined): boolean {
  return excluded === 'breaker_open' || excluded === 'cooling_down' || excluded === 'rate_limit';
}
