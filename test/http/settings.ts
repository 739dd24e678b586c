import type { GatewaySettings } from '../../src/gateway/index.ts';

/** Settings as a configuration would give them; a test names what it is about. */
export const someSettings = (set: Partial<GatewaySettings> = {}): GatewaySettings => ({
  routing: {
    strategy: 'weights',
    weights: { success: 1, fee: 1, latency: 1, settlement: 1 },
    marginBps: 2_500,
    bandEdgesMinor: [],
    explorationShare: 0,
  },
  failover: { maxAttempts: 3, budgetMs: 8_000 },
  policies: { lateSuccess: 'refund', surplus: 'refund', amountMismatch: 'hold', paidKnownWithinMs: 60_000 },
  webhooks: { timeoutMs: 1_000, allowPrivateAddresses: false, concurrencyPerEndpoint: 8, pauseAfterMs: 86_400_000 },
  publicUrl: 'https://gw.example',
  allowHttpUrls: false,
  epayTypes: new Map(),
  balanceEveryMs: 300_000,
  ...set,
});
