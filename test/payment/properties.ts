import type { Attempt, Payment } from '../../src/payment/index.ts';
import { type CoreModule, type Move, play, type StepTaken } from './history.ts';

/** A rule that holds at every step of every history; throws with what was broken. */
export interface CoreProperty {
  readonly invariant: string;
  readonly says: string;
  check(core: CoreModule, moves: readonly Move[]): void;
}

function holds(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

const everyStep =
  (rule: (step: StepTaken, core: CoreModule) => void) =>
  (core: CoreModule, moves: readonly Move[]): void => {
    for (const lateSuccess of ['refund', 'accept'] as const) {
      for (const step of play(core, moves, { policies: { lateSuccess } })) rule(step, core);
    }
  };

const isLive = (attempt: Attempt): boolean => attempt.status === 'creating' || attempt.status === 'open';
const isUnresolved = (attempt: Attempt): boolean => isLive(attempt) || attempt.status === 'unknown';
const effective = (payment: Payment) =>
  payment.attempts.filter((a) => a.status === 'succeeded' && a.effect === 'effective');

/** The document without its timers: asking again may be planned anew without anything having happened. */
function withoutTimers(payment: Payment): string {
  const { agenda: _agenda, nextDueAt: _due, updatedAt: _at, version: _version, ...rest } = payment;
  return JSON.stringify(rest);
}

export const CORE_PROPERTIES: readonly CoreProperty[] = [
  {
    invariant: 'I1',
    says: 'what the shop asked for never changes, whatever happens',
    check: everyStep(({ before, after }) => {
      for (const key of ['id', 'merchantId', 'merchantOrderNo', 'requestHash', 'createdAt', 'expiresAt'] as const) {
        holds(before[key] === after[key], `${key} changed`);
      }
      holds(after.updatedAt >= before.updatedAt, 'time went backwards in the document');
    }),
  },
  {
    invariant: 'I2',
    says: 'a payment takes effect at most once, and the success that counts stays the same one',
    check: everyStep(({ before, after }) => {
      holds(effective(after).length <= 1, 'two effective successes');
      const was = effective(before)[0];
      holds(!was || effective(after)[0]?.seq === was.seq, 'the effective success moved');
      const told = after.events.filter((e) => e.type === 'payment.succeeded').length;
      holds(told === effective(after).length, 'the shop was told something else than the truth');
    }),
  },
  {
    invariant: 'I2',
    says: 'money that arrived is never dropped: its attempt is succeeded for ever, as effective, surplus or late',
    check: everyStep(({ before, fact, applied, after }) => {
      for (const attempt of before.attempts) {
        if (attempt.status !== 'succeeded') continue;
        const now = after.attempts[attempt.seq - 1];
        holds(JSON.stringify(now) === JSON.stringify(attempt), 'a success was changed');
      }
      if (fact.type !== 'observed' || fact.observation.state !== 'succeeded') return;
      if (applied.outcome === 'rejected') return;
      holds(after.attempts[fact.seq - 1]?.status === 'succeeded', 'a verified success was dropped');
    }),
  },
  {
    invariant: 'I3',
    says: 'the same fact twice equals the fact once, so a retry after a lost acknowledgement is a no-op',
    check: everyStep(({ fact, applied, after, now }, core) => {
      if (applied.outcome !== 'applied') return;
      const again = core.apply(after, fact, now);
      if (again.outcome !== 'applied') return;
      holds(withoutTimers(again.payment) === withoutTimers(after), `${fact.type} twice changed more than once`);
      holds(again.events.length === 0, `${fact.type} twice told the shop twice`);
    }),
  },
  {
    invariant: 'I4',
    says: 'an event id comes from payment and transition, appears once, and is never lost or changed',
    check: everyStep(({ before, after }) => {
      const ids = after.events.map((e) => e.id);
      holds(new Set(ids).size === ids.length, 'an event id twice');
      for (const [i, event] of before.events.entries()) {
        const kept = after.events[i];
        holds(kept?.id === event.id && kept.type === event.type && kept.at === event.at, 'an event changed');
      }
      for (const event of after.events) {
        holds(
          event.id === `evt_${after.id.slice(4)}_${event.type.slice('payment.'.length)}`,
          'an id of another making',
        );
      }
    }),
  },
  {
    invariant: 'I4',
    says: 'a change of status that concerns the shop comes with its event in the same document',
    check: everyStep(({ before, after }) => {
      if (before.status === after.status || !['succeeded', 'failed', 'closed'].includes(after.status)) return;
      holds(after.events.at(-1)?.type === `payment.${after.status}`, `no event for ${after.status}`);
      holds(after.events.length === before.events.length + 1, 'not exactly one event');
    }),
  },
  {
    invariant: 'I5',
    says: 'a success of another amount, currency or account, or without a trade number, changes nothing',
    check: everyStep(({ before, fact, applied }) => {
      if (fact.type !== 'observed' || fact.observation.state !== 'succeeded') return;
      const attempt = before.attempts[fact.seq - 1];
      const { amount, account, channelTradeNo } = fact.observation;
      const same =
        amount?.minor === attempt?.amount.minor &&
        amount?.currency === attempt?.amount.currency &&
        account === attempt?.account &&
        channelTradeNo !== null;
      holds(same || applied.outcome === 'rejected', 'a foreign success was taken');
    }),
  },
  {
    invariant: 'I7',
    says: 'the buyer never has two live ways to pay',
    check: everyStep(({ after }) => {
      holds(after.attempts.filter(isLive).length <= 1, 'two live attempts');
    }),
  },
  {
    invariant: 'I7',
    says: 'an unknown outcome is settled only by what the channel says, and is never shown again',
    check: everyStep(({ before, fact, after }) => {
      for (const attempt of before.attempts) {
        if (attempt.status !== 'unknown') continue;
        const now = after.attempts[attempt.seq - 1];
        if (now?.status === 'unknown') continue;
        holds(fact.type === 'observed' && fact.seq === attempt.seq, `${fact.type} settled an unknown attempt`);
        holds(now?.status !== 'open', 'an unknown attempt was opened');
      }
    }),
  },
  {
    invariant: 'I7',
    says: 'an unknown or unpaid order is planned to be asked about until it is resolved, and closed where it must not be paid',
    check: everyStep(({ after }) => {
      for (const attempt of after.attempts) {
        if (!isUnresolved(attempt) || attempt.status === 'creating') continue;
        const duties = after.agenda
          .filter((item) => 'seq' in item && item.seq === attempt.seq)
          .map((item) => item.kind);
        holds(duties.includes('query'), 'nobody will ask about an unresolved attempt');
        const mustGo = attempt.status === 'unknown' || after.closeRequested !== null || effective(after).length > 0;
        holds(!mustGo || attempt.unseenAtClose || duties.includes('close'), 'nobody will close it');
      }
    }),
  },
  {
    invariant: 'I8',
    says: 'whatever is not finished has a due time',
    check: everyStep(({ after }) => {
      const open = ['created', 'pending', 'review'].includes(after.status);
      const undelivered = after.events.some((e) => e.delivery.state === 'pending');
      const busy = open || undelivered || after.attempts.some(isUnresolved);
      holds(!busy || after.agenda.length > 0, 'unfinished with nothing planned');
      const earliest = after.agenda.length === 0 ? null : Math.min(...after.agenda.map((item) => item.at));
      holds(after.nextDueAt === earliest, 'the due time is not the earliest duty');
      holds(after.nextDueAt === null || Number.isSafeInteger(after.nextDueAt), 'a due time that never comes');
    }),
  },
  {
    invariant: 'I8',
    says: 'events are delivered in order: only the first undelivered one is planned',
    check: everyStep(({ after }) => {
      const planned = after.agenda.flatMap((item) => (item.kind === 'notify' ? [item.eventId] : []));
      const first = after.events.find((e) => e.delivery.state === 'pending');
      holds(planned.length === (first ? 1 : 0) && planned[0] === first?.id, 'not exactly the first undelivered event');
    }),
  },
  {
    invariant: 'I11',
    says: 'amounts are safe integers and never change',
    check: everyStep(({ before, after }) => {
      holds(Number.isSafeInteger(after.amount.minor) && after.amount.minor > 0, 'not an amount');
      holds(
        before.amount.minor === after.amount.minor && before.amount.currency === after.amount.currency,
        'amount changed',
      );
      for (const attempt of after.attempts)
        holds(attempt.amount.minor === after.amount.minor, 'an attempt asks for another amount');
    }),
  },
];
