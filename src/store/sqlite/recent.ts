import type { Payment } from '../../payment/index.ts';

/** More than some commits write together; few enough that they are gone before V8 takes them for lasting. */
const RECENT_MAX = 64;

/**
 * The documents that were committed last, by the `pk` of their rows: what a change has made due is claimed within moments, and need not be
 * read and parsed. Whether one is still what is stored, its version in the row says.
 */
export interface Recent {
  keep(pk: number, payment: Payment): void;
  find(pk: number): Payment | undefined;
}

export function createRecent(): Recent {
  const byPk = new Map<number, Payment>();
  return {
    keep(pk, payment) {
      byPk.delete(pk);
      byPk.set(pk, payment);
      const [oldest] = byPk.keys();
      if (byPk.size > RECENT_MAX && oldest !== undefined) byPk.delete(oldest);
    },
    find: (pk) => byPk.get(pk),
  };
}
