import { afterEach, beforeEach, describe } from 'vitest';
import type { PaymentStore } from '../../src/store/index.ts';
import { describeChannels } from './store-channels.ts';
import { describeClaims } from './store-claims.ts';
import { describeCreated } from './store-created.ts';
import { describeDeadEvents } from './store-dead-events.ts';
import type { StoreHarness, StoreUnderTest } from './store-harness.ts';
import { describeOrderNumbers } from './store-order-numbers.ts';
import { describeReads } from './store-reads.ts';
import { describeUpkeep } from './store-upkeep.ts';
import { describeWrites } from './store-writes.ts';

/** What every adapter of `PaymentStore` does, whatever it stands on. */
export function describeStoreContract(name: string, openStore: () => Promise<StoreHarness>): void {
  describe(`${name} as payment store`, () => {
    let harness: StoreHarness;
    let store: PaymentStore;
    const underTest: StoreUnderTest = {
      store: () => store,
      reopen: async () => {
        store = await harness.reopen();
      },
    };

    beforeEach(async () => {
      harness = await openStore();
      store = harness.store;
    });

    afterEach(() => harness.dispose());

    describeWrites(underTest);
    describeReads(underTest);
    describeCreated(underTest);
    describeClaims(underTest);
    describeDeadEvents(underTest);
    describeUpkeep(underTest);
    describeChannels(underTest);
    describeOrderNumbers(underTest);
  });
}
