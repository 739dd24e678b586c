import fc from 'fast-check';
import { MINUTE } from './builders.ts';

const HOUR = 60 * MINUTE;

const ORDER_KINDS = [
  'start',
  'start_chosen',
  'open',
  'refuse',
  'refuse_for_good',
  'lose',
  'paid',
  'paid',
  'paid_other_amount',
  'paid_impossible_amount',
  'paid_other_currency',
  'paid_other_account',
  'paid_other_trade_no',
  'paid_without_trade_no',
  'still_open',
  'approved',
  'capture',
  'closed',
  'failed',
  'absent',
  'unclear',
  'in_vain',
  'give_up',
  'want_query',
  'merchant_closes',
  'expires',
  'overtaken',
  'event_delivered',
  'event_failed',
  'redeliver',
  'fulfilled',
] as const;

const MONEY_KINDS = [
  'refund_whole',
  'refund_part',
  'refund_part',
  'refund_part',
  'refund_too_much',
  'refund_taken',
  'refund_done',
  'refund_done',
  'refund_done',
  'refund_failed',
  'refund_failed',
  'refund_absent',
  'refund_unclear',
  'refund_other_amount',
  'refund_other_account',
  'refund_refused',
  'refund_refused',
  'refund_in_vain',
  'refund_again',
  'dispose_keep',
  'dispose_refund',
  'return_money',
] as const;

const TIMER_KINDS = ['postpone_query', 'postpone_event', 'clock_set_back', 'remind'] as const;

/** `clock_goes_back` is no fact: from then on it is up to an hour earlier. `replay` says again what was said before. */
export type MoveKind =
  | (typeof ORDER_KINDS)[number]
  | (typeof MONEY_KINDS)[number]
  | (typeof TIMER_KINDS)[number]
  | 'clock_goes_back'
  | 'replay';

/** One thing that may happen next. */
export interface Move {
  readonly kind: MoveKind;
  /** Chooses among the attempts, refunds, events or earlier facts that exist at that moment. */
  readonly pick: number;
  /** Chooses who says it, how much is meant, under which number. */
  readonly how: number;
  readonly advanceMs: number;
}

function move(kind: MoveKind, pick = 0, how = 0, advanceMs = 0): Move {
  return { kind, pick, how, advanceMs };
}

const PAID = [move('start'), move('open'), move('paid')];
const TWO_ORDERS = [move('start'), move('lose'), move('start'), move('open')];
const GIVEN_UP = [move('start'), move('open'), move('give_up')];
const PAID_TWICE = [...TWO_ORDERS, move('paid', 1), move('paid', 0)];
const EXPIRES = move('expires', 0, 0, 20 * MINUTE);
const ENDED = [...TWO_ORDERS, EXPIRES, move('closed', 0), move('closed', 1)];
const THREE_ORDERS = [...[0, 1].flatMap((n) => [move('start'), move('lose', n)]), move('start'), move('open', 2)];
const LATE_TWICE_THEN_SURPLUS = [move('paid', 0), move('paid', 1), move('dispose_keep'), move('paid', 2)];
const BY_QUERY = 1;

/** Beginnings that lead where chance alone seldom gets, and there are policies under which each of them means something. */
const BEGINNINGS: readonly (readonly Move[])[] = [
  [move('start')],
  // The buyer chooses another way to pay; the first is declined, or paid after all.
  [move('start_chosen'), move('refuse_for_good')],
  [...GIVEN_UP, move('failed')],
  [...GIVEN_UP, move('start_chosen', 0, 1), move('open', 1), move('paid', 0)],
  PAID,
  PAID_TWICE,
  // The order's number is another payment's by now: what is still paid here goes the way of surplus, also where a person keeps it.
  [move('start'), move('open'), move('overtaken'), move('paid'), move('dispose_keep')],
  [...TWO_ORDERS, move('paid_other_amount', 1, BY_QUERY), move('overtaken'), move('dispose_keep'), move('paid', 0)],
  [...ENDED, move('paid', 0), move('paid', 1)],
  [...ENDED, move('paid_other_amount', 0, BY_QUERY)],
  // Another amount, beside an order that is unknown, and beside one that is shown.
  [...TWO_ORDERS, move('paid_other_amount', 1, BY_QUERY)],
  [...TWO_ORDERS, move('paid_other_amount', 0, BY_QUERY)],
  [...TWO_ORDERS, move('paid_other_amount', 1, BY_QUERY), move('paid_other_amount', 0, BY_QUERY)],
  // Late more than once, of which one counts after all; what comes then is surplus.
  [...THREE_ORDERS, EXPIRES, ...[0, 1, 2].map((n) => move('closed', n)), ...LATE_TWICE_THEN_SURPLUS],
  // The same after another amount.
  [
    ...[move('start'), move('lose'), ...THREE_ORDERS.map((m) => ({ ...m, pick: m.pick + 1 }))],
    ...[move('paid_other_amount', 3, BY_QUERY), move('dispose_refund'), ...LATE_TWICE_THEN_SURPLUS],
  ],
  // Several partial refunds, one of them reversed.
  [
    ...PAID,
    ...[move('refund_part', 0, 1), move('refund_done'), move('refund_part', 0, 2), move('refund_done', 1)],
    ...[move('refund_part', 0, 3), move('refund_failed', 0, 4), move('refund_whole', 0, 5)],
  ],
  // The same, and a person returns the money by other means; then while ours may still return it.
  [...PAID_TWICE, move('refund_refused', 1, 1), move('return_money')],
  [...PAID_TWICE, move('return_money')],
  // Automatic refunds that fail again and again.
  [...PAID_TWICE, ...[1, 2, 3].flatMap((n) => [move('refund_refused', n, 1), move('refund_again', 0, 0, HOUR)])],
];

const anyAdvance: fc.Arbitrary<number> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, 1, 500, 5_000) },
  { weight: 1, arbitrary: fc.constantFrom(30_000, 20 * MINUTE, 26 * HOUR, 8 * 24 * HOUR) },
);

function anyMoveOf(kind: fc.Arbitrary<MoveKind>): fc.Arbitrary<Move> {
  return fc.record({ kind, pick: fc.nat({ max: 1_000 }), how: fc.nat({ max: 1_000 }), advanceMs: anyAdvance });
}

/** What makes a history worth playing comes often: attempts that start, open, get lost and get paid; refunds. */
const anyMove: fc.Arbitrary<Move> = anyMoveOf(
  fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom<MoveKind[]>('start', 'open', 'lose', 'refuse', 'give_up') },
    { weight: 3, arbitrary: fc.constantFrom<MoveKind[]>('paid', 'closed', 'replay', 'expires') },
    { weight: 4, arbitrary: fc.constantFrom<MoveKind[]>(...ORDER_KINDS) },
    { weight: 5, arbitrary: fc.constantFrom<MoveKind[]>(...MONEY_KINDS) },
    { weight: 1, arbitrary: fc.constantFrom<MoveKind[]>(...TIMER_KINDS) },
  ),
);

const anyTurnOfTheClock = anyMoveOf(fc.constantFrom<MoveKind[]>('clock_goes_back', 'clock_set_back'));

const anyContinuation = (one: fc.Arbitrary<Move>): fc.Arbitrary<Move[]> =>
  fc.array(one, { minLength: 5, maxLength: 45, size: 'max' });

/** In a third of them the clock is set back, mostly more than once. */
export const anyMoves: fc.Arbitrary<readonly Move[]> = fc
  .tuple(
    fc.constantFrom(...BEGINNINGS),
    fc.oneof(
      { weight: 2, arbitrary: anyContinuation(anyMove) },
      {
        weight: 1,
        arbitrary: anyContinuation(
          fc.oneof({ weight: 8, arbitrary: anyMove }, { weight: 1, arbitrary: anyTurnOfTheClock }),
        ),
      },
    ),
  )
  .map(([beginning, more]) => [...beginning, ...more]);
