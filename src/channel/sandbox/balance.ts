import type { AccountBalance, Books } from './contract.ts';

/** What an account holds and whether it may ask; a test may set both. */
export interface BalanceSheet extends AccountBalance {
  /** A figure instead of what the books say; null: the books again. */
  set(currency: string, availableMinor: number | null): void;
  /** Null: as it is for an ordinary account of this provider. */
  grant(granted: boolean | null): void;
}

/** The account's balance by the books: what buyers have paid less what has gone back or may yet go. */
export function openBalanceSheet(books: Pick<Books, 'all'>): BalanceSheet {
  const figures = new Map<string, number>();
  let granted: boolean | null = null;
  return {
    granted: () => granted,
    amounts() {
      const sums = new Map<string, number>();
      for (const { status, currency, amountMinor, paidAmountMinor, refunds } of books.all()) {
        if (status !== 'paid') continue;
        const returned = refunds.reduce(
          (sum, refund) => sum + (refund.status === 'failed' ? 0 : refund.amountMinor),
          0,
        );
        sums.set(currency, (sums.get(currency) ?? 0) + (paidAmountMinor ?? amountMinor) - returned);
      }
      return new Map([...sums, ...figures]);
    },
    set(currency, availableMinor) {
      if (availableMinor === null) figures.delete(currency);
      else figures.set(currency, availableMinor);
    },
    grant(next) {
      granted = next;
    },
  };
}
