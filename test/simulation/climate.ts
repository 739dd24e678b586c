import type { Policies } from '../../src/payment/index.ts';
import type { Chance } from './chance.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** How often a provider answers a call in each way, relative to each other; `honest` is the rest of them all. */
export const CALL_FAULTS = [
  'unreachable',
  'lost',
  'acted, no answer',
  'acted, server error',
  'server error',
  'slow',
  'late',
  'unknown word',
  'rate limited',
  'forged answer',
  'misconfigured',
] as const;
export type CallFault = (typeof CALL_FAULTS)[number];

/** How rough a world is; everything here is drawn from its seed. Shares are 0 to 1. */
export interface Climate {
  /** `clock`: nothing goes wrong but clocks and callbacks, so that whatever takes long has no excuse. */
  readonly temper: 'calm' | 'clock' | 'mixed' | 'hell';
  /** Orders come within this time from the beginning. */
  readonly arrivalMs: number;
  /** From then on nothing fails any more, but what is under way goes on. */
  readonly stormUntil: number;
  readonly store: {
    readonly failsBefore: number;
    readonly failsAfter: number;
    readonly slow: number;
    readonly slowMsMax: number;
    readonly outages: number;
  };
  readonly processes: {
    readonly replicas: number;
    readonly crashes: number;
    readonly restarts: number;
    readonly stalls: number;
    /** Clocks of replicas differ by up to this. */
    readonly skewMsMax: number;
    readonly ephemeralFails: number;
  };
  readonly clockSteps: number;
  readonly calls: Readonly<Record<CallFault, number>>;
  readonly outagesPerChannel: number;
  readonly orders: {
    readonly refused: number;
    readonly declined: number;
    /** Unknown to its provider for a moment after it has been taken. */
    readonly invisible: number;
    /** Paid though its action was never handed out. */
    readonly ghostPaid: number;
    readonly otherAmount: number;
  };
  readonly callbacks: {
    readonly dropped: number;
    /** All messages about one order get lost. */
    readonly allDropped: number;
    readonly delayed: number;
    readonly doubled: number;
    readonly forged: number;
  };
  readonly refunds: {
    readonly pending: number;
    readonly failsLater: number;
    readonly refused: number;
    readonly reversed: number;
    readonly emptyBalances: number;
  };
  readonly shop: {
    readonly fails: number;
    readonly hangs: number;
    readonly garbage: number;
    /** One of the shops refuses everything for days. */
    readonly isDownForDays: boolean;
    readonly wantsRefund: number;
    readonly creates: { readonly twice: number; readonly otherBody: number };
    readonly closes: number;
    readonly syncs: number;
  };
  readonly buyers: { readonly never: number; readonly twice: number; readonly lastSecond: number };
  readonly policies: Policies;
  readonly queriesPerSecond: number;
}

/** The climate of one world with so many payments. */
export function drawClimate(chance: Chance, payments: number): Climate {
  const temper = chance.weighted({ calm: 1, clock: 1, mixed: 7, hell: 3 });
  /** How strong one kind of trouble is: absent in some worlds, weak in most, strong in few. */
  const upTo = (max: number): number => {
    if (temper === 'calm' || temper === 'clock') return 0;
    if (temper === 'hell') return max * (0.5 + chance.next() / 2);
    return chance.happens(0.25) ? 0 : max * chance.next() ** 1.5;
  };
  const count = (max: number): number => Math.round(upTo(max));
  const isAboutClocks = temper === 'clock';
  const arrivalMs = payments * chance.int(500, 6_000);
  const replicas = chance.happens(0.35) ? 2 : 1;
  return {
    temper,
    arrivalMs,
    stormUntil: arrivalMs + chance.mostlyShort(MINUTE, 40 * MINUTE),
    store: {
      failsBefore: upTo(0.06),
      failsAfter: upTo(0.06),
      slow: upTo(0.1),
      slowMsMax: chance.pick([100, 1_000, 5_000]),
      outages: count(4),
    },
    processes: {
      replicas,
      crashes: isAboutClocks ? chance.int(0, 4) : count(10),
      restarts: count(4),
      stalls: replicas > 1 ? count(8) : 0,
      skewMsMax: replicas > 1 ? 400 : 0,
      ephemeralFails: upTo(0.2),
    },
    clockSteps: isAboutClocks ? chance.int(1, 4) : chance.happens(0.2) ? 1 + count(3) : 0,
    calls: {
      unreachable: upTo(0.1),
      lost: upTo(0.08),
      'acted, no answer': upTo(0.1),
      'acted, server error': upTo(0.05),
      'server error': upTo(0.1),
      slow: upTo(0.1),
      late: upTo(0.1),
      'unknown word': upTo(0.05),
      'rate limited': upTo(0.04),
      'forged answer': upTo(0.02),
      misconfigured: upTo(0.005),
    },
    outagesPerChannel: count(3),
    orders: {
      refused: upTo(0.06),
      declined: upTo(0.1),
      invisible: upTo(0.3),
      ghostPaid: upTo(0.8),
      otherAmount: upTo(0.3),
    },
    callbacks: {
      dropped: upTo(0.6),
      allDropped: isAboutClocks ? 0.7 : upTo(0.3),
      delayed: upTo(0.4),
      doubled: upTo(0.3),
      forged: upTo(0.3),
    },
    refunds: {
      pending: upTo(0.6),
      failsLater: upTo(0.3),
      refused: upTo(0.15),
      reversed: upTo(0.15),
      emptyBalances: count(3),
    },
    shop: {
      fails: upTo(0.4),
      hangs: upTo(0.1),
      garbage: upTo(0.1),
      isDownForDays: chance.happens(0.15),
      wantsRefund: chance.next() * 0.6,
      creates: { twice: upTo(0.4), otherBody: upTo(0.2) },
      closes: chance.next() * 0.2,
      syncs: chance.next() * 0.4,
    },
    buyers: { never: chance.next() * 0.4, twice: upTo(0.8), lastSecond: chance.next() * 0.3 },
    policies: {
      lateSuccess: chance.weighted({ accept: 1, refund: 3, hold: 1 }),
      surplus: chance.weighted({ accept: 1, refund: 3, hold: 1 }),
      amountMismatch: chance.weighted({ accept: 1, refund: 1, hold: 2 }),
      paidKnownWithinMs: chance.pick([MINUTE, 2 * MINUTE]),
    },
    queriesPerSecond: chance.pick([2, 10, 50]),
  };
}
