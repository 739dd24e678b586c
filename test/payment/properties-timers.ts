import { isDeepStrictEqual } from 'node:util';
import type { AgendaItem, Payment } from '../../src/payment/index.ts';
import type { CoreModule } from './builders.ts';
import {
  awaitsPerson,
  type CoreProperty,
  heldBack,
  holds,
  isUnpaid,
  isUnresolved,
  refundsMinor,
  successes,
  withoutTimers,
} from './property.ts';
import { type Draw, dueOf, isSameDuty, ORDER_STATES, perform, REFUND_STATES } from './worker.ts';

/** So many rounds of due work, at one moment or in one life, are more than any payment needs; each event takes one more. */
const ROUNDS_AT_ONCE = 8;
const ROUNDS_OF_A_LIFE = 400;
/** Working a payment off takes longer than looking at it, so not every step is tried. */
const EVERY = 5;

/** Repeatable answers: each state of the payment meets others. */
function answersFrom(seed: number): Draw {
  let state = seed;
  return (count) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % count;
  };
}

/** Orders die, refunds are made, shops listen. In a slow one, orders were never seen and refunds are only taken at first. */
function kindWorld(payment: Payment, item: AgendaItem, isSlow: boolean): Draw {
  if (item.kind === 'query' || item.kind === 'close') return () => ORDER_STATES.indexOf(isSlow ? 'absent' : 'closed');
  const isTaken = item.kind === 'refund' && payment.refunds[item.seq - 1]?.submitted === true;
  if (item.kind === 'refund') return () => REFUND_STATES.indexOf(isSlow && !isTaken ? 'pending' : 'succeeded');
  return () => 1;
}

/** Does everything that is due at one moment, and what becomes due by it, and checks that each duty done moves on. */
function workOff(core: CoreModule, payment: Payment, now: number, draw: Draw): Payment {
  let current = payment;
  for (let round = 0; round < ROUNDS_AT_ONCE + payment.events.length; round += 1) {
    const due = dueOf(current, now);
    if (due.length === 0) return current;
    for (const item of due) {
      current = perform(core, current, item, now, draw);
      const left = current.agenda.find((other) => isSameDuty(other, item));
      holds(left === undefined || left.at > now, `${item.kind} is done and still due`);
    }
  }
  throw new Error(`there is no end of due work: ${dueOf(current, now).map((item) => item.kind)}`);
}

/** Runs the rest of a payment's life in a kind world, until only a person could do more. */
function liveOn(core: CoreModule, payment: Payment, from: number, isSlow: boolean): Payment {
  let current = payment;
  let now = from;
  for (let round = 0; round < ROUNDS_OF_A_LIFE; round += 1) {
    const next = current.agenda.filter((item) => item.kind !== 'remind').sort((a, b) => a.at - b.at)[0];
    if (!next) return current;
    now = Math.max(now, next.at);
    current = perform(core, current, next, now, kindWorld(current, next, isSlow));
  }
  throw new Error('a life without end');
}

/** Everything but timers, those of deliveries as well. */
function withoutAnyTimers(payment: Payment): string {
  const events = payment.events.map((event) => ({ ...event, delivery: { ...event.delivery, nextAt: 0 } }));
  return withoutTimers({ ...payment, events });
}

export const TIMER_PROPERTIES: readonly CoreProperty[] = [
  {
    invariant: 'I8',
    says: 'whatever is not finished has a due time',
    rule: ({ after }) => {
      const undelivered = after.events.some((e) => e.delivery.state === 'pending');
      const busy = isUnpaid(after) || undelivered || after.attempts.some(isUnresolved);
      holds(!busy || after.agenda.length > 0, 'unfinished with nothing planned');
      const earliest = after.agenda.length === 0 ? null : Math.min(...after.agenda.map((item) => item.at));
      holds(after.nextDueAt === earliest, 'the due time is not the earliest duty');
      holds(after.nextDueAt === null || Number.isSafeInteger(after.nextDueAt), 'a due time that never comes');
      holds(
        after.agenda.every((item, i) => after.agenda.findIndex((other) => isSameDuty(other, item)) === i),
        'one duty planned twice',
      );
    },
  },
  {
    invariant: 'I8',
    says: 'a refund under way is planned to be sent or asked about, and somebody is reminded of held money',
    rule: ({ after }) => {
      const pending = after.refunds.filter((refund) => refund.status === 'pending').map((refund) => refund.seq);
      const planned = after.agenda.flatMap((item) => (item.kind === 'refund' ? [item.seq] : []));
      holds(isDeepStrictEqual(planned, pending), `refunds ${pending} under way, ${planned} planned`);
      const reminders = after.agenda.filter((item) => item.kind === 'remind').length;
      holds(reminders === (heldBack(after).length > 0 ? 1 : 0), `${reminders} reminders`);
    },
  },
  {
    invariant: 'I8',
    says: 'events are delivered in order: only the first undelivered one is planned',
    rule: ({ after }) => {
      const planned = after.agenda.flatMap((item) => (item.kind === 'notify' ? [item.eventId] : []));
      const first = after.events.find((e) => e.delivery.state === 'pending');
      holds(planned.length === (first ? 1 : 0) && planned[0] === first?.id, 'not exactly the first undelivered event');
    },
  },
  {
    invariant: 'I8',
    says: 'a duty that is done moves on or disappears, so nothing is due at once for ever',
    rule: ({ index, after, now }, core) => {
      if (index % EVERY !== 0 || after.nextDueAt === null) return;
      workOff(core, after, Math.max(now, after.nextDueAt), answersFrom(index + after.agenda.length * 101 + now));
    },
  },
  {
    invariant: 'I8',
    says: 'in a kind world every payment comes to its end, and all money that is owed goes back',
    rule: ({ index, after, now }, core) => {
      if (index % EVERY !== 1) return;
      const end = liveOn(core, after, now, index % 2 === 0);
      holds(!isUnpaid(end) || awaitsPerson(end), `${end.status} for ever`);
      holds(!end.attempts.some(isUnresolved), 'an order is open for ever');
      holds(!end.refunds.some((refund) => refund.status === 'pending'), 'a refund is under way for ever');
      for (const owed of successes(end).filter((a) => a.disposition === 'refund')) {
        holds(refundsMinor(end, owed.seq, 'succeeded') === owed.paidMinor, 'money is owed for ever');
      }
    },
  },
  {
    invariant: 'I8',
    says: 'a clock that is set back moves timers, only backwards, and nothing else',
    rule: ({ before, fact, applied, after, now }) => {
      if (fact.type !== 'clock_set_back' || applied.outcome !== 'applied') return;
      holds(withoutAnyTimers(before) === withoutAnyTimers(after), 'more than timers changed');
      holds(applied.events.length === 0, 'the shop was told of our clock');
      holds(before.agenda.length === after.agenda.length, 'a duty came or went');
      for (const [i, item] of before.agenda.entries()) {
        const is = after.agenda[i];
        holds(is !== undefined && isSameDuty(is, item) && is.at <= item.at, `${item.kind} moved on`);
      }
      holds(after.updatedAt === now && now < before.updatedAt, 'the document is still ahead of the clock');
    },
  },
  {
    invariant: 'I8',
    says: 'a duty that is put off counts as no try, and comes when it was put off to',
    rule: ({ before, fact, applied, after }) => {
      if (fact.type !== 'postponed' || applied.outcome !== 'applied') return;
      holds(withoutAnyTimers(before) === withoutAnyTimers(after), 'more than timers changed');
      const triesOf = (payment: Payment) => payment.agenda.map((item) => ('tries' in item ? item.tries : 0));
      holds(isDeepStrictEqual(triesOf(before), triesOf(after)), 'it counted as a try');
      const { duty, until } = fact;
      const item = after.agenda.find((i) =>
        duty.kind === 'query'
          ? i.kind === 'query' && i.seq === duty.seq
          : i.kind === 'notify' && i.eventId === duty.eventId,
      );
      holds(item === undefined || item.at === until, 'it comes at another time');
    },
  },
  {
    invariant: 'I3',
    says: 'a document survives being written as JSON and read again',
    rule: ({ after }) => holds(isDeepStrictEqual(JSON.parse(JSON.stringify(after)), after), 'it came back otherwise'),
  },
];
