import { isDeepStrictEqual } from 'node:util';
import type { Fact, Payment, Refund, SucceededAttempt } from '../../src/payment/index.ts';
import {
  type CoreProperty,
  effective,
  holds,
  isDecision,
  isPaid,
  isUnpaid,
  refundsMinor,
  successes,
} from './property.ts';

/** What a payment may hold in refunds before a merchant's, and then an automatic one's next try, is refused. */
const MERCHANT_REFUNDS_MAX = 100;
const REFUNDS_MAX = 120;

const isReversal = (was: Refund | undefined, is: Refund | undefined): boolean =>
  was?.status === 'succeeded' && is?.status === 'failed';

/** What can still be asked back of a success, counted apart from the core. */
const roomMinor = (payment: Payment, paid: SucceededAttempt): number =>
  paid.paidMinor - refundsMinor(payment, paid.seq, 'pending', 'succeeded');

const mayBePaid = (payment: Payment): boolean => isUnpaid(payment) && payment.closeRequested === null;

/** What of an attempt tells where its money came from and when. */
function receiptOf({
  effect: _effect,
  disposition: _disposition,
  returned: _returned,
  ...rest
}: SucceededAttempt): object {
  return rest;
}

/** What of a refund is decided when it is made. */
function orderOf(refund: Refund): readonly unknown[] {
  const { seq, id, cause, merchantRefundNo, requestHash, attemptSeq, refundRef, amountMinor, createdAt } = refund;
  return [seq, id, cause, merchantRefundNo, requestHash, attemptSeq, refundRef, amountMinor, createdAt];
}

export const MONEY_PROPERTIES: readonly CoreProperty[] = [
  {
    invariant: 'I2',
    says: 'a payment whose order number has gone to another one never takes effect, and one that is paid never loses it',
    rule: ({ before, fact, applied, after }) => {
      if (before.overtaken) {
        holds(after.overtaken === true, 'an overtaken payment was given its number back');
        holds(effective(after).length === 0 && !isPaid(after), 'an overtaken payment took effect');
      }
      if (fact.type !== 'overtaken') return;
      holds(applied.outcome === 'rejected' || !isPaid(before), 'a paid payment lost its number');
      holds(isPaid(after) || (after.overtaken === true && !mayBePaid(after)), 'an overtaken payment may still be paid');
    },
  },
  {
    invariant: 'I2',
    says: 'money that arrived stays recorded for ever, and only a person changes what becomes of it',
    rule: ({ before, fact, applied, after }) => {
      for (const was of successes(before)) {
        const is = after.attempts[was.seq - 1];
        if (is?.status !== 'succeeded') throw new Error('a success was dropped');
        holds(isDeepStrictEqual(receiptOf(is), receiptOf(was)), 'a success was changed');
        if (is.effect === was.effect && is.disposition === was.disposition) continue;
        holds(isDecision(fact) && fact.seq === was.seq, `${fact.type} decided about money`);
        if (fact.type !== 'money_returned') {
          holds(was.disposition === 'hold', 'money that was not held was decided about');
          continue;
        }
        holds(was.disposition === 'hold' || was.disposition === 'refund', 'money that counts was returned');
        const ours = before.refunds.filter((refund) => refund.attemptSeq === was.seq && refund.status !== 'failed');
        holds(ours.length === 0, 'our refund returns it too');
      }
      if (fact.type !== 'observed' || fact.observation.state !== 'succeeded' || applied.outcome === 'rejected') return;
      holds(after.attempts[fact.seq - 1]?.status === 'succeeded', 'a verified success was dropped');
    },
  },
  {
    invariant: 'I2',
    says: 'what becomes of unexpected money is what the policies say',
    rule: ({ before, fact, applied, after }) => {
      if (fact.type !== 'observed' || applied.outcome !== 'applied') return;
      const paid = after.attempts[fact.seq - 1];
      if (paid?.status !== 'succeeded' || before.attempts[fact.seq - 1]?.status === 'succeeded') return;
      const { lateSuccess, surplus, amountMismatch } = before.policies;
      const ended = ['failed', 'closed'].includes(before.status);
      const other = paid.paidMinor !== paid.amount.minor;
      const verdict = ((): [SucceededAttempt['effect'], string] => {
        if (before.overtaken || effective(before).length > 0) return ['surplus', surplus];
        if (ended && lateSuccess !== 'accept') return ['late', lateSuccess];
        return other && amountMismatch !== 'accept' ? ['mismatch', amountMismatch] : ['effective', 'accept'];
      })();
      holds(paid.effect === verdict[0], `${paid.effect} instead of ${verdict[0]}`);
      holds(paid.disposition === (verdict[1] === 'accept' ? 'keep' : verdict[1]), `${paid.disposition} of ${verdict}`);
    },
  },
  {
    invariant: 'I6',
    says: 'refunds under way and done never exceed what was captured, of any success',
    rule: ({ after }) => {
      for (const paid of successes(after)) holds(roomMinor(after, paid) >= 0, 'more is returned than has arrived');
      for (const refund of after.refunds) {
        holds(after.attempts[refund.attemptSeq - 1]?.status === 'succeeded', 'a refund of money that never came');
      }
    },
  },
  {
    invariant: 'I6',
    says: 'the shop can ask for exactly what is left: refunds under way count as gone, failed ones do not',
    rule: ({ after, now }, core) => {
      const ask = (amountMinor: number): Fact => {
        const [merchantRefundNo, requestHash] = ['ask', 'ask'];
        return { type: 'refund_requested', merchantRefundNo, requestHash, amountMinor, reason: null };
      };
      const paid = effective(after)[0];
      const left = paid ? roomMinor(after, paid) : 0;
      holds(core.apply(after, ask(left + 1), now).outcome === 'rejected', 'more than is left can be asked for');
      if (left === 0 || after.refunds.length >= MERCHANT_REFUNDS_MAX) return;
      holds(core.apply(after, ask(left), now).outcome === 'applied', 'what is left cannot be asked for');
    },
  },
  {
    invariant: 'I6',
    says: 'only a refund that the provider sends back lowers what was returned',
    rule: ({ before, fact, after }) => {
      for (const { seq } of successes(before)) {
        if (refundsMinor(after, seq, 'succeeded') >= refundsMinor(before, seq, 'succeeded')) continue;
        const said = fact.type === 'refund_observed' && fact.observation.state === 'failed';
        holds(said && isReversal(before.refunds[fact.refundSeq - 1], after.refunds[fact.refundSeq - 1]), fact.type);
      }
    },
  },
  {
    invariant: 'I6',
    says: 'a refund stays what it was made as, and its outcome is undone only by a word of the provider against it',
    rule: ({ before, fact, applied, after }) => {
      if (fact.type === 'refund_observed' && fact.observation.state === 'failed' && applied.outcome !== 'rejected') {
        const is = after.refunds[fact.refundSeq - 1];
        holds(is?.status === 'failed' && is.submitted, 'its failure could still be undone');
      }
      for (const was of before.refunds) {
        const is = after.refunds[was.seq - 1];
        holds(is !== undefined && isDeepStrictEqual(orderOf(is), orderOf(was)), 'a refund was changed or lost');
        if (!is || was.status === 'pending' || is.status === was.status) continue;
        const said = fact.type === 'refund_observed' && fact.refundSeq === was.seq ? fact.observation.state : null;
        if (isReversal(was, is)) holds(said === 'failed', 'undone without the provider');
        else {
          // Refused as far as we were told, and yet the provider has it.
          holds(was.status === 'failed' && !was.submitted, 'the provider decided it twice');
          holds(said === is.status, `${was.status} became ${is.status}`);
        }
      }
    },
  },
  {
    invariant: 'I6',
    says: 'what a provider says against a refund that has failed is never passed over in silence',
    rule: ({ before, fact, applied, after }) => {
      if (fact.type !== 'refund_observed' || fact.observation.state !== 'succeeded') return;
      if (before.refunds[fact.refundSeq - 1]?.status !== 'failed' || applied.outcome !== 'ignored') return;
      const told = after.events.some((e) => e.refundSeq === fact.refundSeq && e.type === 'refund.succeeded');
      holds(told, 'the provider returned money, and nobody hears of it');
    },
  },
  {
    invariant: 'I6',
    says: 'a refund of another amount or account changes nothing',
    rule: ({ before, fact, applied }) => {
      if (fact.type !== 'refund_observed') return;
      const refund = before.refunds[fact.refundSeq - 1];
      const { account, amount } = fact.observation;
      const own = account === null || account === before.attempts[(refund?.attemptSeq ?? 0) - 1]?.account;
      const same =
        amount === null || (amount.minor === refund?.amountMinor && amount.currency === before.amount.currency);
      holds((own && same) || applied.outcome === 'rejected', 'a foreign refund was taken');
    },
  },
  {
    invariant: 'I6',
    says: 'a refund number stands for one refund: the same again is no second one, another under it is refused',
    rule: ({ before, fact, applied, after }) => {
      const numbers = after.refunds.flatMap((refund) => refund.merchantRefundNo ?? []);
      holds(new Set(numbers).size === numbers.length, 'one number, two refunds');
      holds(new Set(after.refunds.map((refund) => refund.refundRef)).size === after.refunds.length, 'one ref, two');
      if (fact.type !== 'refund_requested') return;
      const known = before.refunds.find((refund) => refund.merchantRefundNo === fact.merchantRefundNo);
      if (known) holds(applied.outcome === (known.requestHash === fact.requestHash ? 'ignored' : 'rejected'), 'number');
    },
  },
  {
    invariant: 'I2',
    says: 'money that has to go back is on its way back, or planned to be, as long as there is room',
    rule: ({ after }) => {
      for (const owed of successes(after)) {
        const refunds = after.refunds.filter((refund) => refund.attemptSeq === owed.seq);
        if (owed.disposition === 'returned') continue;
        if (owed.disposition !== 'refund') {
          const own = refunds.every((refund) => refund.cause === 'merchant' && owed.effect === 'effective');
          holds(own, 'money goes back that nobody wanted back');
          continue;
        }
        holds(refunds.length > 0, 'owed and never sent');
        const alive = refunds.filter((refund) => refund.status !== 'failed');
        holds(alive.length <= 1, 'sent twice');
        holds(
          refunds.every((refund) => refund.amountMinor === owed.paidMinor),
          'not the whole of it',
        );
        const planned = after.agenda.some((item) => item.kind === 'refund_again' && item.seq === owed.seq);
        const due = alive.length === 0 && after.refunds.length < REFUNDS_MAX;
        holds(planned === due, due ? 'owed and not planned' : 'planned and not owed');
      }
    },
  },
  {
    invariant: 'I2',
    says: 'the status of a paid payment is what its refunds say',
    rule: ({ after }) => {
      const paid = effective(after)[0];
      if (!paid || !isPaid(after)) return;
      const returned = refundsMinor(after, paid.seq, 'succeeded');
      const rest = returned < paid.paidMinor ? 'partially_refunded' : 'refunded';
      holds(after.status === (returned === 0 ? 'succeeded' : rest), `${after.status} with ${returned} returned`);
      holds(after.statusReason === null, `paid, and yet ${after.statusReason}`);
    },
  },
  {
    invariant: 'I4',
    says: 'the shop hears once of each outcome of a refund, and last of what it is',
    rule: ({ before, after }) => {
      const fresh = after.events.slice(before.events.length).filter((event) => event.refundSeq !== undefined);
      const decided = after.refunds.filter(
        (refund) => refund.status !== 'pending' && refund.status !== before.refunds[refund.seq - 1]?.status,
      );
      holds(fresh.length <= decided.length, 'told without anything having happened');
      for (const { seq, status } of after.refunds) {
        const told = after.events.filter((event) => event.refundSeq === seq);
        const [last, previous] = [told.at(-1)?.type, told.at(-2)?.type];
        holds(status === 'pending' || last === `refund.${status}`, `${status}, but told ${last}`);
        holds(last === undefined || last !== previous, 'the same told twice');
      }
    },
  },
  {
    invariant: 'I11',
    says: 'amounts are safe integers and never change',
    rule: ({ before, after }) => {
      const amounts = [after.amount.minor, ...successes(after).map((a) => a.paidMinor)];
      for (const minor of [...amounts, ...after.refunds.map((refund) => refund.amountMinor)]) {
        holds(Number.isSafeInteger(minor) && minor > 0 && minor <= 10_000_000_000_000, `${minor} is not an amount`);
      }
      holds(isDeepStrictEqual(before.amount, after.amount), 'amount changed');
      for (const attempt of after.attempts)
        holds(attempt.amount.minor === after.amount.minor, 'an attempt asks for another amount');
    },
  },
];
