import { lastDeliveryAt, type Payment, type PaymentEvent } from '../payment/index.ts';
import type { Change } from './change.ts';
import { createDeliveryLanes, type Leave, type Waiting } from './delivery-lanes.ts';
import { createFailingEndpoints, type Endpoint, endpointOf } from './failing-endpoints.ts';
import type { Leases } from './leases.ts';
import { createOwedDeliveries } from './owed-deliveries.ts';
import type { Parts } from './parts.ts';
import { createWebhookPost, type Posted } from './webhook-post.ts';

/** What was put off is called early only if its own time does not come meanwhile. */
const TURN_MARGIN_MS = 1_000;
/** In line for this long at most; the lease of the payment has room for it. */
const LINE_MAX_MS = 3_000;
/** An address that had failed for so long and works was down; before, it may be one event that it does not take. */
const WAS_DOWN_MS = 60_000;

interface InLane {
  readonly at: Endpoint;
  /** The shop has nothing to do with this delivery any more; what follows is ours to write down. */
  readonly onAnswered: () => void;
}

/**
 * Brings the events of payments to their merchants: so many at a time to one address, next to nothing to an address that has long
 * failed, and in the order of each payment's events. An event that cannot go out now is put off in its document, at one write, and
 * called from memory when its turn comes; should this process die, the document brings it back.
 */
export function createNotifier(parts: Parts, change: Change, leases: Leases) {
  const { clock, telemetry } = parts;
  const post = createWebhookPost(parts);
  const endpoints = createFailingEndpoints(parts);
  const lanes = createDeliveryLanes(() => {
    const { concurrencyPerEndpoint: perEndpoint, timeoutMs } = parts.settings().webhooks;
    return { perEndpoint, timeoutMs };
  });
  const owed = createOwedDeliveries();
  const stopping = new AbortController();
  const called = new Set<Promise<void>>();
  const inFlight = new Set<string>();
  let loaded: Promise<void> = Promise.resolve();

  /** The agenda's turn: delivers an event that is due, or puts it off. */
  async function notify(payment: Payment, eventId: string, signal: AbortSignal): Promise<void> {
    await loaded;
    const event = payment.events.find((e) => e.id === eventId);
    if (event?.delivery.state !== 'pending') return;
    const at = endpointOf(payment);
    if (at === null) return deliver(payment, event, signal);
    if (inFlight.has(eventId)) {
      const until = clock.now() + parts.settings().webhooks.timeoutMs + TURN_MARGIN_MS;
      await change(payment.id, { type: 'postponed', duty: { kind: 'notify', eventId }, until });
      return;
    }
    // At its age it is tried for the last time, whatever state its address is in, so that it comes to its end.
    const isLastTry = clock.now() >= lastDeliveryAt(event);
    const gate = isLastTry ? { state: 'open' as const } : endpoints.gate(at);
    if (gate.state === 'paused') return putOff(payment, eventId, at, gate.until);
    const leave = lanes.enter(at) ?? (gate.state === 'open' ? await turnInLine(at, eventId, signal) : null);
    if (leave === null) {
      return signal.aborted ? undefined : putOff(payment, eventId, at, lanes.comeAgainAt(at, clock.now()));
    }
    if (gate.state === 'open') return deliverIn(leave, at, payment, event, signal);
    endpoints.trialBegun(at);
    await deliverIn(leave, at, payment, event, signal).finally(() => endpoints.trialEnded(at));
  }

  /** Waits for a turn that comes soon: cheaper than to write down that the event is put off, and to read it again. */
  async function turnInLine(at: Endpoint, eventId: string, signal: AbortSignal): Promise<Leave | null> {
    const line = lanes.standInLine(at, eventId);
    if (line === null) return null;
    const timer = setTimeout(line.giveUp, LINE_MAX_MS);
    signal.addEventListener('abort', line.giveUp, { once: true });
    const leave = await line.turn;
    clearTimeout(timer);
    signal.removeEventListener('abort', line.giveUp);
    return leave;
  }

  async function putOff(payment: Payment, eventId: string, at: Endpoint, until: number): Promise<void> {
    const changed = change(
      payment.id,
      { type: 'postponed', duty: { kind: 'notify', eventId }, until },
      { known: payment },
    );
    const written = changed.then(
      ({ outcome }) => outcome === 'applied',
      () => false,
    );
    // Here it would keep the time that it had before, at which it is not called any more.
    owed.forget(at, eventId);
    lanes.remember(at, { paymentId: payment.id, eventId, until, written });
    telemetry.webhookDelivery('postponed');
    await changed;
  }

  /** Calls those whose turn has come, as many as there is room for. */
  function callNext(merchantId: string): void {
    while (!stopping.signal.aborted) {
      const isOpen = (endpoint: string): boolean => !endpoints.isPaused({ merchantId, endpoint });
      const next = lanes.next(merchantId, isOpen);
      if (!next) return;
      const at = { merchantId, endpoint: next.endpoint };
      const call = deliverRemembered(next.event, at, next.leave)
        .catch((thrown: unknown) => {
          // Its time in the document brings it back.
          telemetry.error({ paymentId: next.event.paymentId, err: thrown }, 'event could not be sent in its turn');
        })
        .finally(() => called.delete(call));
      called.add(call);
    }
  }

  async function deliverRemembered(waiting: Waiting, at: Endpoint, leave: Leave): Promise<void> {
    let begun = false;
    // The agenda may have taken it up meanwhile, here or in another process, so the payment is looked at under its lease.
    const deliverIfWaiting = async (payment: Payment): Promise<void> => {
      const event = stillWaiting(payment, waiting);
      if (!event || inFlight.has(waiting.eventId)) return;
      begun = true;
      await deliverIn(leave, at, payment, event, stopping.signal);
    };
    try {
      if (await waiting.written) await leases.alone(waiting.paymentId, deliverIfWaiting, stopping.signal);
    } catch (thrown) {
      if (!begun) leave(null);
      throw thrown;
    }
    if (begun) return;
    leave(null);
    callNext(at.merchantId);
  }

  async function deliverIn(
    leave: Leave,
    at: Endpoint,
    payment: Payment,
    event: PaymentEvent,
    signal: AbortSignal,
  ): Promise<void> {
    const begunAt = clock.now();
    let isIn = true;
    const leaveOnce = (): void => {
      if (!isIn) return;
      isIn = false;
      leave(Math.max(0, clock.now() - begunAt));
      callNext(at.merchantId);
    };
    inFlight.add(event.id);
    try {
      await deliver(payment, event, signal, { at, onAnswered: leaveOnce });
    } finally {
      inFlight.delete(event.id);
      leaveOnce();
    }
  }

  function deliver(payment: Payment, event: PaymentEvent, signal: AbortSignal, lane?: InLane): Promise<void> {
    return telemetry.trace.forPayment(payment, 'webhook delivery', { operation: event.type }, async (span) => {
      const { outcome } = await deliverNow(payment, event, signal, lane);
      span.set({ outcome });
      if (outcome !== 'delivered') span.fail();
    });
  }

  /** Sends the event and records what came of it. */
  async function deliverNow(
    payment: Payment,
    event: PaymentEvent,
    signal: AbortSignal,
    lane?: InLane,
  ): Promise<Posted> {
    const at = lane?.at;
    const tryNo = event.delivery.state === 'pending' ? event.delivery.tries + 1 : 1;
    const begunAt = clock.now();
    const posted = await post(payment, event, tryNo, signal);
    const durationMs = Math.max(0, clock.now() - begunAt);
    if (posted.outcome === 'cut_short') return posted;
    const delivered = posted.outcome === 'delivered';
    if (at && delivered) recovered(at, event.id);
    // A fault of ours says nothing about the shop.
    if (at && posted.blames === 'shop') endpoints.failed(at, posted.why);
    lane?.onAnswered();
    // Before the delivery is recorded: an event that is delivered is not sent again, and its answer would be lost with us.
    if (posted.saysFulfilled) await change(payment.id, { type: 'fulfilled' });
    const sent = { type: 'event_sent', eventId: event.id, tryNo, delivered } as const;
    const changed = await change(payment.id, sent, posted.saysFulfilled ? {} : { known: payment });
    const after = changed.outcome === 'applied' ? changed.payment.events.find((e) => e.id === event.id) : undefined;
    telemetry.webhookDelivery(after?.delivery.state === 'dead' ? 'dead' : posted.outcome);
    const { id: paymentId, merchantId } = payment;
    const about = { paymentId, eventId: event.id, type: event.type, merchantId, tryNo, durationMs };
    if (delivered) telemetry.info(about, 'webhook delivered');
    else telemetry.warn({ ...about, why: posted.why }, 'webhook not delivered');
    if (at) keepOwed(at, paymentId, event.id, after);
    return posted;
  }

  function keepOwed(at: Endpoint, paymentId: string, eventId: string, after: PaymentEvent | undefined): void {
    if (after?.delivery.state === 'pending') {
      const until = after.delivery.nextAt;
      owed.remember(at, { paymentId, eventId, until, written: Promise.resolve(true) });
    } else owed.forget(at, eventId);
  }

  function recovered(at: Endpoint, eventId: string): void {
    owed.forget(at, eventId);
    if (endpoints.worked(at) >= WAS_DOWN_MS) callOwed(at);
  }

  /** What a shop missed while it was down goes out now, as many at a time as its address takes; not at the hours of their next tries. */
  function callOwed(at: Endpoint): void {
    for (const waiting of owed.release(at)) lanes.remember(at, waiting);
  }

  return {
    notify,
    endpoints: {
      list: endpoints.list,
      trialWanted: endpoints.trialWanted,
      /** Ends the pause of one address, or of all of a merchant; answers how many were paused. */
      resume: (merchantId: string, endpoint: string | null): number => {
        const resumed = endpoints.resume(merchantId, endpoint);
        for (const at of resumed) callOwed(at);
        if (resumed.length > 0) callNext(merchantId);
        return resumed.length;
      },
    },
    start: (): void => {
      loaded = endpoints.load();
    },
    /** Cuts short what is being sent in its turn; it is sent again by the next process. */
    stop: async (): Promise<void> => {
      stopping.abort();
      await Promise.all(called);
      await endpoints.settled();
    },
  };
}

/** Undefined when it has been taken up otherwise. */
function stillWaiting({ events }: Payment, { eventId, until }: Waiting): PaymentEvent | undefined {
  const event = events.find(({ id }) => id === eventId);
  return event?.delivery.state === 'pending' && event.delivery.nextAt === until ? event : undefined;
}

export type Notifier = ReturnType<typeof createNotifier>;
export type Notify = Notifier['notify'];
