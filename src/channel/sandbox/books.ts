import { AsyncLocalStorage } from 'node:async_hooks';
import type { Books, Order } from './contract.ts';
import type { Journal } from './journal.ts';

/** The oldest orders are forgotten beyond this, so that a long load test cannot eat the machine. */
export const ORDERS_MAX = 200_000;

/** The books as the kit sees them: it counts callbacks and learns which request made which order. */
export interface KeptBooks extends Books {
  countCallback(providerRef: string, what: 'sent' | 'acked'): void;
  /** Runs `work` and tells which orders came into being during it, in whatever else runs at the same time. */
  watch<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly made: readonly string[] }>;
}

/** One provider's books, in memory, every change kept in the journal when there is one. */
export function openBooks(journal: Journal | null, ordersMax = ORDERS_MAX): KeptBooks {
  const orders = new Map<string, Order>();
  const oldestFirst: string[] = [];
  const scope = new AsyncLocalStorage<string[]>();

  const keep = (order: Order): void => {
    if (!orders.has(order.providerRef)) oldestFirst.push(order.providerRef);
    orders.set(order.providerRef, order);
    for (const oldest of oldestFirst.splice(0, Math.max(0, oldestFirst.length - ordersMax))) orders.delete(oldest);
  };
  const write = (order: Order): void => {
    keep(order);
    journal?.append(order);
  };
  for (const order of journal?.orders ?? []) keep(order);

  return {
    find: (providerRef) => orders.get(providerRef),
    findBy(matches) {
      for (let i = oldestFirst.length - 1; i >= 0; i -= 1) {
        const order = orders.get(oldestFirst[i] ?? '');
        if (order !== undefined && matches(order)) return order;
      }
      return undefined;
    },
    all: () => [...orders.values()],
    put(order) {
      const before = orders.get(order.providerRef);
      if (before === undefined) scope.getStore()?.push(order.providerRef);
      // A simulator may hold an order across an await; its stale counters must not undo the kit's.
      const { callbacksSent, callbacksAcked } = before ?? { callbacksSent: 0, callbacksAcked: 0 };
      write({ ...order, callbacksSent, callbacksAcked });
    },
    countCallback(providerRef, what) {
      const order = orders.get(providerRef);
      if (order === undefined) return;
      write(
        what === 'sent'
          ? { ...order, callbacksSent: order.callbacksSent + 1 }
          : { ...order, callbacksAcked: order.callbacksAcked + 1 },
      );
    },
    async watch(work) {
      const made: string[] = [];
      return { result: await scope.run(made, work), made };
    },
  };
}
