import { setTimeout as pause } from 'node:timers/promises';
import type { Payment } from '../../payment/index.ts';
import { isDuplicate } from './failures.ts';
import { paymentOf } from './payment-row.ts';
import { idOf, type Rows } from './rows.ts';

/** How long a payment is waited for whose order number is reserved: much longer than its writer needs for the next write. */
const WAITS_MS = [5, 10, 20, 40, 80, 160, 320, 640];
/** Who loses so often against others with the same order number meets something that is badly wrong. */
const TRIES_MAX = 100;

export type Placed = { readonly outcome: 'inserted' } | { readonly outcome: 'exists'; readonly payment: Payment };

/**
 * One payment per order number (I1), by two documents without a transaction: first the number is reserved for a payment, then
 * the payment is inserted. Whoever finds a number reserved for a payment that does not come puts a mark in that payment's place, so that
 * it can never come any more, and takes the number over. So it makes no difference where a process dies or is held up.
 */
export function createOrders({ orders, payments, raw }: Pick<Rows, 'orders' | 'payments' | 'raw'>) {
  /** `insertRow` inserts the row of the payment and throws on a duplicate. */
  async function place(payment: Payment, insertRow: () => Promise<void>): Promise<Placed> {
    const _id = idOf(payment.merchantId, payment.merchantOrderNo);
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const holder = await reserve(_id, payment.id);
      if (holder === null) continue;
      if (holder === payment.id) {
        if (await inserted(insertRow)) return { outcome: 'inserted' };
        const existing = await find(payment.id);
        if (existing !== null) return { outcome: 'exists', payment: existing };
        continue; // It was given up as one that does not come; whoever did that has the number now.
      }
      const existing = await awaited(holder);
      if (existing !== null) return { outcome: 'exists', payment: existing };
      await giveUp(holder);
      if ((await find(holder)) === null) {
        await orders.updateOne({ _id, paymentId: holder }, { $set: { paymentId: payment.id } });
      }
    }
    throw new Error(`store: the order number of ${payment.id} could not be reserved`);
  }

  /** Who has the number now; null when that cannot be seen yet. */
  async function reserve(_id: string, paymentId: string): Promise<string | null> {
    try {
      await raw.orders.insertOne({ _id, paymentId });
      return paymentId;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    const row = await orders.findOne({ _id }).lean();
    // The other reservation is not on a majority of members yet.
    if (row === null) await pause(WAITS_MS[0]);
    return row?.paymentId ?? null;
  }

  async function inserted(insertRow: () => Promise<void>): Promise<boolean> {
    try {
      await insertRow();
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async function awaited(id: string): Promise<Payment | null> {
    for (const waitMs of WAITS_MS) {
      const row = await payments.findById(id).lean();
      if (row?.void) return null;
      if (row !== null) return paymentOf(row);
      await pause(waitMs);
    }
    return find(id);
  }

  async function giveUp(id: string): Promise<void> {
    try {
      await raw.payments.insertOne({ _id: id, void: true });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }

  async function find(id: string): Promise<Payment | null> {
    return paymentOf(await payments.findById(id).lean());
  }

  /** The payment that has the order number. */
  async function findByOrderNo(merchantId: string, merchantOrderNo: string): Promise<Payment | null> {
    const order = await orders.findById(idOf(merchantId, merchantOrderNo)).lean();
    return order === null ? null : find(order.paymentId);
  }

  return { place, find, findByOrderNo };
}

export type Orders = ReturnType<typeof createOrders>;
