import type { Attempt, EpochMs, Payment } from './document.ts';

/** By how much one change of a payment moves what is counted of a channel. */
export interface ChannelShift {
  readonly channelId: string;
  readonly currency: string;
  /** When the money counts: `takenMinor` from the choice of the channel, `paidMinor` from the payment by the buyer. */
  readonly at: EpochMs;
  /** What is paid or may yet be paid of the channel's orders. */
  readonly takenMinor: number;
  readonly paidMinor: number;
  /** Orders and refunds whose end is not known yet. */
  readonly live: number;
  /** It comes from an attempt that is new with this change. */
  readonly isNew: boolean;
}

/**
 * What a change of a payment (from null: its insertion) moves. Most changes move nothing. An order that ends unpaid takes nothing from
 * its channel after all; money that arrives on it later does so again. Refunds give nothing back, since providers count receipts.
 */
export function channelShifts(before: Payment | null, after: Payment): readonly ChannelShift[] {
  const shifts: ChannelShift[] = [];
  for (const attempt of after.attempts) {
    const was = before?.attempts[attempt.seq - 1];
    if (was?.status === attempt.status) continue;
    const { channelId, decision, amount } = attempt;
    const same = { channelId, currency: amount.currency, isNew: was === undefined };
    const takenMinor = takenOf(attempt) - (was ? takenOf(was) : 0);
    const live = liveOf(attempt) - (was ? liveOf(was) : 0);
    if (takenMinor !== 0 || live !== 0)
      shifts.push({ ...same, at: decision.decidedAt, takenMinor, paidMinor: 0, live });
    if (attempt.status === 'succeeded') {
      shifts.push({ ...same, at: attempt.paidAt, takenMinor: 0, paidMinor: attempt.paidMinor, live: 0 });
    }
  }
  for (const refund of after.refunds) {
    const live = pendingOf(refund.status) - pendingOf(before?.refunds[refund.seq - 1]?.status);
    const attempt = after.attempts[refund.attemptSeq - 1];
    if (live === 0 || !attempt) continue;
    const { channelId, amount } = attempt;
    const nothing = { takenMinor: 0, paidMinor: 0, isNew: false };
    shifts.push({ channelId, currency: amount.currency, at: refund.createdAt, ...nothing, live });
  }
  return shifts;
}

function takenOf(attempt: Attempt): number {
  if (attempt.status === 'succeeded') return attempt.paidMinor;
  return attempt.status === 'failed' || attempt.status === 'closed' ? 0 : attempt.amount.minor;
}

function liveOf(attempt: Attempt): 0 | 1 {
  return attempt.status === 'creating' || attempt.status === 'open' || attempt.status === 'unknown' ? 1 : 0;
}

function pendingOf(status: Payment['refunds'][number]['status'] | undefined): 0 | 1 {
  return status === 'pending' ? 1 : 0;
}
