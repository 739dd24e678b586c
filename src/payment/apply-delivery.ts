import type { Delivery, EpochMs, Payment, PaymentEvent } from './document.ts';
import type { Fact } from './facts.ts';
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
  return next(
    withDelivery(payment, event, fact.delivered ? { state: 'delivered', tries, at: now } : later(event, tries, now)),
  );
}

/** A person wants the event sent again: same id, same body, now. The three days of retries still count from the event. */
export function onRedeliveryRequested(payment: Payment, fact: FactOf<'redelivery_requested'>, now: EpochMs): Step {
  const event = payment.events.find((e) => e.id === fact.eventId);
  if (!event) return rejected('unknown_event');
  return next(withDelivery(payment, event, { state: 'pending', tries: 0, nextAt: now }));
}

function later(event: PaymentEvent, tries: number, now: EpochMs): Delivery {
  const nextAt = nextDeliveryAt(event, tries, now);
  return nextAt === null ? { state: 'dead', tries, at: now } : { state: 'pending', tries, nextAt };
}

function withDelivery(payment: Payment, event: PaymentEvent, delivery: Delivery): Payment {
  return { ...payment, events: payment.events.map((e) => (e === event ? { ...event, delivery } : e)) };
}
