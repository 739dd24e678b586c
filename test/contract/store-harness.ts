import type { PaymentStore } from '../../src/store/index.ts';

/** One adapter on storage of its own, empty at first. */
export interface StoreHarness {
  readonly store: PaymentStore;
  /** Closes the store and opens another on the same data. */
  reopen(): Promise<PaymentStore>;
  /** Closes what is open and removes the data. */
  dispose(): Promise<void>;
}

/** The store that the running test works on. */
export interface StoreUnderTest {
  store(): PaymentStore;
  reopen(): Promise<void>;
}
