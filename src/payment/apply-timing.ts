import { postpone } from './agenda.ts';
import type { EpochMs, Payment } from './document.ts';
import type { Fact } from './facts.ts';
import { isHeld } from './inspect.ts';
import { REMIND_EVERY_MS } from './schedule.ts';
import { ignored, next, rejected, type Step } from './step.ts';

/** There was no room for one more request; the duty comes again at `until`, and nothing counts as tried. */
export function onPostponed(payment: Payment, fact: Extract<Fact, { type: 'postponed' }>, now: EpochMs): Step {
  const { duty, until } = fact;
  if (until <= now) return ignored('no_news');
  if (duty.kind === 'query') {
    const planned = payment.agenda.find((item) => item.kind === 'query' && item.seq === duty.seq);
    if (!planned) return ignored('already_resolved');
    return planned.at >= until ? ignored('repeat') : next(postpone(payment, 'query', duty.seq, until));
  }
  const event = payment.events.find((e) => e.id === duty.eventId);
  if (!event) return rejected('unknown_event');
  const { delivery } = event;
  if (delivery.state !== 'pending') return ignored('already_resolved');
  if (delivery.nextAt >= until) return ignored('repeat');
  const later = { ...event, delivery: { ...delivery, nextAt: until } };
  return next({ ...payment, events: payment.events.map((e) => (e === event ? later : e)) });
}

/**
 * The clock was ahead when this payment was last written. What was planned then is moved back by as much, so that it comes after
 * the time that was meant. The payment's own times stay as the shop was told.
 */
export function onClockSetBack(payment: Payment, now: EpochMs): Step {
  const aheadMs = payment.updatedAt - now;
  if (aheadMs <= 0) return ignored('no_news');
  const agenda = payment.agenda.map((item) => ({ ...item, at: item.at - aheadMs }));
  const events = payment.events.map((event) =>
    event.delivery.state === 'pending'
      ? { ...event, delivery: { ...event.delivery, nextAt: event.delivery.nextAt - aheadMs } }
      : event,
  );
  return next({ ...payment, agenda, events });
}

/** Somebody has been told that money is held; they are told again in a day. */
export function onReminded(payment: Payment, now: EpochMs): Step {
  if (!payment.attempts.some(isHeld)) return ignored('no_news');
  const agenda = payment.agenda.map((item) => (item.kind === 'remind' ? { ...item, at: now + REMIND_EVERY_MS } : item));
  return next({ ...payment, agenda }, ['money_held']);
}
