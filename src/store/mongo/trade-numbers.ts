import type { Payment, SucceededAttempt } from '../../payment/index.ts';
import { isDuplicate } from './failures.ts';
import { idOf, type Rows } from './rows.ts';

type Traded = SucceededAttempt & { readonly channelTradeNo: string };

/**
 * A trade number of a channel belongs to one attempt for ever (I12). It is reserved before the payment is written; one that is
 * reserved for a write that never came stays with its attempt, which is the only one that the provider can mean by it.
 */
export function createTradeNumbers({ trades, raw }: Pick<Rows, 'trades' | 'raw'>) {
  /** False when one of the numbers that are new in `next` is another attempt's. */
  async function reserve(next: Payment, before: Payment | null): Promise<boolean> {
    const traded = next.attempts.filter(isTraded);
    if (new Set(traded.map(keyOf)).size < traded.length) return false;
    const known = new Set(before?.attempts.filter(isTraded).map(keyOf));
    const fresh = traded.filter((attempt) => !known.has(keyOf(attempt)));
    const free = await Promise.all(fresh.map((attempt) => reserveOne(next.id, attempt)));
    return free.every(Boolean);
  }

  async function reserveOne(paymentId: string, attempt: Traded): Promise<boolean> {
    const _id = keyOf(attempt);
    try {
      await raw.trades.insertOne({ _id, paymentId, seq: attempt.seq });
      return true;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    // Whatever made it a duplicate may not be on a majority yet, and tells who it is all the same.
    const holder = await trades.findById(_id).read('primary').readConcern('local').lean();
    return holder?.paymentId === paymentId && holder.seq === attempt.seq;
  }

  return { reserve };
}

export type TradeNumbers = ReturnType<typeof createTradeNumbers>;

export function keyOf({ channelId, channelTradeNo }: Traded): string {
  return idOf(channelId, channelTradeNo);
}

export function isTraded(attempt: Payment['attempts'][number]): attempt is Traded {
  return attempt.status === 'succeeded' && attempt.channelTradeNo !== null;
}
