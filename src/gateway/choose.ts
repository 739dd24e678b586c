import { err, mayChoose, ok, type Payment, payableAttempt, type Result, type Scene } from '../payment/index.ts';
import type { BuyerChoice, Gateway } from './api.ts';
import type { Change } from './change.ts';
import type { Patience } from './create-under-way.ts';
import { type GatewayError, gatewayError } from './errors.ts';
import { exhausted } from './no-channel.ts';
import type { Orders } from './orders.ts';
import type { Parts } from './parts.ts';
import type { Placement } from './placement.ts';
import type { Merchant } from './ports.ts';
import type { WaysToPay } from './ways-to-pay.ts';

/** Over its whole life a payment is chosen for so often, and within a minute less often; a person needs two or three. */
const CHOICES_MAX = 10;
const CHOICES_PER_MINUTE = 6;
const MINUTE_MS = 60_000;

type Chosen = Result<Payment, GatewayError>;

/**
 * The buyer chooses how to pay. In this order, so that a crash at any moment leaves a payment for which the buyer can choose again:
 * the new way is known to be open; the old one is recorded as given up, which hides it; it is closed at its provider; the new
 * attempt is recorded and its channel asked, with failover, as for any other payment.
 */
export function createChoosing(
  parts: Parts,
  services: { change: Change; orders: Orders; patience: Patience; placement: Placement; waysToPay: WaysToPay },
): Gateway['choose'] {
  const { change, orders, patience, placement, waysToPay } = services;
  /** A second click in the same moment sees what becomes of the first. */
  const underWay = new Map<string, Promise<Chosen>>();

  return async function choose(paymentId, choice) {
    const running = underWay.get(paymentId);
    if (running) return running;
    const mine = chooseAlone(paymentId, choice).finally(() => underWay.delete(paymentId));
    underWay.set(paymentId, mine);
    return mine;
  };

  async function chooseAlone(paymentId: string, choice: BuyerChoice): Promise<Chosen> {
    const stored = await parts.store.findById(paymentId);
    const merchant = stored && parts.merchants().byId(stored.payment.merchantId);
    if (!stored || !merchant) return err(gatewayError('not_found', 'No such payment.'));
    parts.telemetry.trace.concerns(stored.payment);
    const payment = await patience.settled(stored.payment);
    if (isOverEarlier(payment, choice)) return ok(payment);
    const refused = await refusalOf(payment, choice);
    if (refused) return err(refused);
    const scene = await waysToPay.sceneFor(merchant, payment, choice);
    if (scene === null) return err(exhausted());
    if (isOpenAlready(payment, choice.method, scene)) return ok(payment);
    return switchTo(merchant, payment, { method: choice.method, scene });
  }

  /** Nothing is left to choose, or the buyer's page showed an earlier state. */
  function isOverEarlier(payment: Payment, { seen }: BuyerChoice): boolean {
    return !mayChoose(payment, parts.clock.now()) || (seen !== null && payment.attempts.length !== seen);
  }

  async function refusalOf(payment: Payment, { method }: BuyerChoice): Promise<GatewayError | null> {
    if (payment.methods.length > 0 && !payment.methods.includes(method)) {
      return gatewayError('validation_failed', 'This order cannot be paid by this method. Choose one of those shown.');
    }
    const chosen = payment.attempts.filter(({ buyerLed, decision }) => buyerLed && decision.position === 'first');
    if (chosen.length >= CHOICES_MAX) {
      return gatewayError(
        'rate_limited',
        'Too many ways to pay have been tried for this order. Order again in the shop.',
      );
    }
    // Without the counter the bound above still holds.
    const gate = await parts.ephemeral.hit(`choose/${payment.id}`, CHOICES_PER_MINUTE, MINUTE_MS).catch(() => null);
    if (gate === null || gate.allowed) return null;
    const waitS = Math.ceil(gate.retryAfterMs / 1_000);
    return gatewayError('rate_limited', 'Another way to pay was chosen too often. Wait a moment.', waitS);
  }

  async function switchTo(merchant: Merchant, from: Payment, wish: { method: string; scene: Scene }): Promise<Chosen> {
    const payment = await giveUp(from);
    if (!mayChoose(payment, parts.clock.now())) return ok(payment);
    const started = await placement.startAttempt(merchant, payment, [], wish);
    if (!started.ok) return started;
    if (!started.value.ours) return ok(await patience.settled(started.value.payment));
    const { telemetry } = parts;
    telemetry.info({ paymentId: payment.id, method: wish.method, scene: wish.scene }, 'buyer chose a way to pay');
    return placement.place(merchant, started.value.payment);
  }

  /** The way to pay that is shown now is hidden, and closed at its provider as far as that is possible (I7). */
  async function giveUp(payment: Payment): Promise<Payment> {
    const live = payableAttempt(payment);
    if (!live) return payment;
    const changed = await change(payment.id, { type: 'attempt_given_up', seq: live.seq }, { known: payment });
    const after = changed.outcome === 'missing' ? payment : changed.payment;
    const attempt = after.attempts[live.seq - 1];
    return attempt?.status === 'unknown' ? orders.withdraw(after, attempt) : after;
  }
}

function isOpenAlready(payment: Payment, method: string, scene: Scene): boolean {
  const open = payableAttempt(payment);
  return open?.method === method && (open.scene ?? payment.scene) === scene;
}
