import type { AlertRelay } from '../../src/alerts/index.ts';
import { ok } from '../../src/payment/index.ts';

/** A relay that takes everything and tells nobody. */
export function createStubAlerts(set: Partial<AlertRelay> = {}): AlertRelay {
  return {
    relay: async () => ok(undefined),
    test: async () => [],
    refuse: () => {},
    sent: () => [],
    stop: async () => {},
    ...set,
  };
}
