import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RoutingMemoryStore } from '../../src/store/port.ts';

/** One adapter on storage of its own, empty at first. */
export interface RoutingMemoryHarness {
  readonly store: RoutingMemoryStore;
  /** Closes the store and opens another on the same data. */
  reopen(): Promise<RoutingMemoryStore>;
  dispose(): Promise<void>;
}

/** What every adapter of `RoutingMemoryStore` does. */
export function describeRoutingMemoryContract(
  name: string,
  openStore: () => RoutingMemoryHarness | Promise<RoutingMemoryHarness>,
): void {
  describe(`${name} as memory of routing`, () => {
    let harness: RoutingMemoryHarness;
    beforeEach(async () => {
      harness = await openStore();
    });
    afterEach(() => harness.dispose());

    test('has nothing at first', async () => {
      expect(await harness.store.loadRoutingMemory()).toBeNull();
    });

    test('holds the last snapshot whole, also after it was opened again', async () => {
      const long = `{"text":"${'x'.repeat(1_000_000)} 收款 \\u0000"}`;
      await harness.store.saveRoutingMemory('first');
      await harness.store.saveRoutingMemory(long);
      expect(await harness.store.loadRoutingMemory()).toBe(long);
      expect(await (await harness.reopen()).loadRoutingMemory()).toBe(long);
    });
  });
}
