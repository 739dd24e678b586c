import type { Delivery, EpochMs, Payment, PaymentEvent } from './document.ts';
import type { Fact } from './facts.ts';
import { isToldOf } from './inspect.ts';
import { nextDeliveryAt } from './schedule.ts';
import { ignored, next, rejected, type Step } from './step.ts';

type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;

/** One delivery of an event to the merchant was tried. */
export function onEventSent(payment: Payment, fact: FactOf<'event_sent'>, now: EpochMs): Step {
  const event = payment.events.find((e) => e.id === fact.eventId);
  if (!event) return rejected('unknown_event');
  if (event.delivery.state !== 'pending') return ignored('repeat');
  const tries = event.delivery.tries + 1;
  if (fact.tryNo !== tries) return ignored('repeat');
  const nextAt = fact.delivered ? null : nextDeliveryAt(event, tries, now);
  const delivery: Delivery =
    nextAt === null
      ? { state: fact.delivered ? 'delivered' : 'dead', tries, at: now }
      : { ...event.delivery, tries, nextAt };
  return next(withDelivery(payment, event, delivery));
}

/** A person wants the event sent again: same id, same body, now, and with three days of retries from now on. */
export function onRedeliveryRequested(payment: Payment, fact: FactOf<'redelivery_requested'>, now: EpochMs): Step {
  const event = payment.events.find((e) => e.id === fact.eventId);
  if (!event || !isToldOf(payment, event.type)) return rejected('unknown_event');
  return next(withDelivery(payment, event, { state: 'pending', tries: 0, nextAt: now, since: now }));
}

function withDelivery(payment: Payment, event: PaymentEvent, delivery: Delivery): Payment {
  return { ...payment, events: payment.events.map((e) => (e === event ? { ...event, delivery } : e)) };
}
