import { MONEY_PROPERTIES } from './properties-money.ts';
import { TIMER_PROPERTIES } from './properties-timers.ts';
import {
  awaitsPerson,
  type CoreProperty,
  effective,
  heldBack,
  holds,
  isDecision,
  isLive,
  isPaid,
  isUnpaid,
  isUnresolved,
  withoutTimers,
} from './property.ts';

const ORDER_PROPERTIES: readonly CoreProperty[] = [
  {
    invariant: 'I1',
    says: 'what the shop asked for never changes, whatever happens',
    rule: ({ before, fact, after }) => {
      for (const key of ['id', 'merchantId', 'merchantOrderNo', 'requestHash', 'createdAt', 'expiresAt'] as const) {
        holds(before[key] === after[key], `${key} changed`);
      }
      holds(before.policies === after.policies, 'policies changed');
      const back = fact.type !== 'clock_set_back' && after.updatedAt < before.updatedAt;
      holds(!back, 'time went backwards in the document');
    },
  },
  {
    invariant: 'I2',
    says: 'a payment takes effect at most once, and the success that counts stays the same one',
    rule: ({ before, after }) => {
      holds(effective(after).length <= 1, 'two effective successes');
      const was = effective(before)[0];
      holds(!was || effective(after)[0]?.seq === was.seq, 'the effective success moved');
      const told = after.events.filter((e) => e.type === 'payment.succeeded').length;
      holds(told === effective(after).length, 'the shop was told something else than the truth');
    },
  },
  {
    invariant: 'I2',
    says: 'a payment that has ended is never unpaid again, and one that is paid stays paid',
    rule: ({ before, after }) => {
      holds(isUnpaid(before) || !isUnpaid(after), `${before.status} became ${after.status}`);
      holds(!isPaid(before) || isPaid(after), `${before.status} became ${after.status}`);
      holds(isPaid(after) === (effective(after).length === 1), 'paid without an effective success, or the reverse');
    },
  },
  {
    invariant: 'I3',
    says: 'the same fact twice equals the fact once, so a retry after a lost acknowledgement is a no-op',
    rule: ({ fact, applied, after, now }, core) => {
      if (applied.outcome !== 'applied') return;
      const again = core.apply(after, fact, now);
      if (again.outcome !== 'applied') return;
      holds(withoutTimers(again.payment) === withoutTimers(after), `${fact.type} twice changed more than once`);
      holds(again.events.length === 0, `${fact.type} twice told the shop twice`);
    },
  },
  {
    invariant: 'I4',
    says: 'an event id comes from payment and transition, appears once, and is never lost or changed',
    rule: ({ before, after }) => {
      const ids = after.events.map((e) => e.id);
      holds(new Set(ids).size === ids.length, 'an event id twice');
      for (const [i, event] of before.events.entries()) {
        const kept = after.events[i];
        holds(kept?.id === event.id && kept.type === event.type && kept.at === event.at, 'an event changed');
      }
      for (const event of after.events) {
        const transition =
          event.refundSeq === undefined
            ? [event.type.slice('payment.'.length)]
            : ['succeeded', 'failed', 'reversed'].map((to) => `refund${String(event.refundSeq).padStart(3, '0')}${to}`);
        const made = transition.map((t) => `evt_${after.id.slice(4)}_${t}`);
        holds(made.includes(event.id), `${event.id} is of another making`);
      }
    },
  },
  {
    invariant: 'I4',
    says: 'a change of status that concerns the shop comes with its event in the same document',
    rule: ({ before, after }) => {
      const fresh = after.events.slice(before.events.length).filter((e) => e.type.startsWith('payment.'));
      const news = before.status !== after.status && !isPaid(before);
      const type = news && ['succeeded', 'failed', 'closed'].includes(after.status) ? [`payment.${after.status}`] : [];
      holds(
        fresh.map((e) => e.type).join() === type.join(),
        `${before.status} to ${after.status} told ${fresh.length}`,
      );
    },
  },
  {
    invariant: 'I5',
    says: 'a success of another currency or account, without a trade number or of no amount changes nothing',
    rule: ({ before, fact, applied }) => {
      if (fact.type !== 'observed' || fact.observation.state !== 'succeeded') return;
      const attempt = before.attempts[fact.seq - 1];
      const { amount, account, channelTradeNo } = fact.observation;
      const minor = amount?.minor ?? 0;
      const own =
        amount?.currency === attempt?.amount.currency && account === attempt?.account && channelTradeNo !== null;
      const possible = Number.isSafeInteger(minor) && minor > 0 && minor <= 10_000_000_000_000;
      holds((own && possible) || applied.outcome === 'rejected', 'a foreign success was taken');
    },
  },
  {
    invariant: 'I5',
    says: 'another amount than asked for is believed when we asked, never of a callback',
    rule: ({ before, fact, applied, after }) => {
      if (fact.type !== 'observed' || fact.observation.state !== 'succeeded') return;
      const attempt = before.attempts[fact.seq - 1];
      // A callback that repeats what is recorded already is no news, whatever was asked for.
      const expected = attempt?.status === 'succeeded' ? attempt.paidMinor : attempt?.amount.minor;
      const other = fact.observation.amount?.minor !== expected;
      holds(!other || fact.by !== 'callback' || applied.outcome === 'rejected', 'a callback with another amount taken');
      const paid = after.attempts[fact.seq - 1];
      if (applied.outcome !== 'applied' || paid?.status !== 'succeeded') return;
      holds(paid.paidMinor === fact.observation.amount?.minor, 'another amount recorded than was named');
      holds(paid.knownBy === fact.by, 'it is not said who told it');
    },
  },
  {
    invariant: 'I7',
    says: 'the buyer never has two live ways to pay',
    rule: ({ after }) => holds(after.attempts.filter(isLive).length <= 1, 'two live attempts'),
  },
  {
    invariant: 'I7',
    says: 'while money is held no way to pay is shown and no attempt is started',
    rule: ({ before, fact, applied, after }, core) => {
      const shown = core.payableAttempt(after);
      const mayPay = isUnpaid(after) && after.closeRequested === null && heldBack(after).length === 0;
      holds(shown === undefined || mayPay, 'a way to pay is shown');
      if (fact.type !== 'attempt_started' || heldBack(before).length === 0) return;
      holds(applied.outcome !== 'applied', 'an attempt was started');
    },
  },
  {
    invariant: 'I7',
    says: 'a way to pay that the buyer gives up is hidden and unknown, and nothing else about the payment changes',
    rule: ({ before, fact, applied, after }) => {
      if (fact.type !== 'attempt_given_up' || applied.outcome !== 'applied') return;
      const attempt = after.attempts[fact.seq - 1];
      holds(attempt?.status === 'unknown' && !('action' in attempt), 'it is not unknown, or may still be shown');
      holds(before.attempts[fact.seq - 1]?.status === 'open', 'only what is shown can be given up');
      holds(before.closeRequested === null && isUnpaid(before), 'given up after the end');
      holds(after.status === before.status && after.events.length === before.events.length, 'it told the shop');
    },
  },
  {
    invariant: 'I8',
    says: 'what the buyer has chosen or given up does not end the payment when it fails: the buyer may choose again',
    rule: ({ before, fact, after }, core) => {
      // Money of another amount ends it, whatever way it came.
      if (!isUnpaid(before) || after.status !== 'failed' || after.statusReason === 'amount_mismatch') return;
      const seq = 'seq' in fact ? fact.seq : 0;
      holds(before.attempts[seq - 1]?.buyerLed !== true, `${fact.type} ended it`);
      holds(!core.awaitsChoice(after), 'the buyer may choose after the end');
    },
  },
  {
    invariant: 'I7',
    says: 'an unknown outcome is settled only by what the channel says, and is never shown again',
    rule: ({ before, fact, after }) => {
      for (const attempt of before.attempts) {
        if (attempt.status !== 'unknown') continue;
        const now = after.attempts[attempt.seq - 1];
        if (now?.status === 'unknown') continue;
        holds(fact.type === 'observed' && fact.seq === attempt.seq, `${fact.type} settled an unknown attempt`);
        holds(now?.status !== 'open', 'an unknown attempt was opened');
      }
    },
  },
  {
    invariant: 'I7',
    says: 'an unknown or unpaid order is planned to be asked about until it is resolved, and closed where it must not be paid',
    rule: ({ after }) => {
      for (const attempt of after.attempts) {
        if (!isUnresolved(attempt) || attempt.status === 'creating') continue;
        const duties = after.agenda
          .filter((item) => (item.kind === 'query' || item.kind === 'close') && item.seq === attempt.seq)
          .map((item) => item.kind);
        holds(duties.includes('query'), 'nobody will ask about an unresolved attempt');
        const ending = after.closeRequested !== null || !isUnpaid(after) || awaitsPerson(after);
        const mustGo = attempt.status === 'unknown' || ending;
        holds(!mustGo || attempt.unseenAtClose || duties.includes('close'), 'nobody will close it');
      }
    },
  },
  {
    invariant: 'I8',
    says: 'a payment that a person has to decide about waits for that person, whatever expires',
    rule: ({ before, fact, after }) => {
      const reason = awaitsPerson(after) ? after.statusReason : 'amount_mismatch';
      holds(reason === 'amount_mismatch', `a person has to decide because of ${reason}`);
      if (!awaitsPerson(before)) return;
      holds(before.status === 'review', `${before.status} while a person has to decide`);
      const another = fact.type === 'observed' && fact.observation.state === 'succeeded';
      if (!isDecision(fact) && !another) holds(after.status === 'review', `${fact.type} ended it`);
      const more = heldBack(after).some((a) => a.effect === 'mismatch') && effective(after).length === 0;
      holds(!more || after.status === 'review', 'ended while more has to be decided');
    },
  },
];

/** All rules of the core; the tests show each of them able to fail. */
export const CORE_PROPERTIES: readonly CoreProperty[] = [...ORDER_PROPERTIES, ...MONEY_PROPERTIES, ...TIMER_PROPERTIES];
