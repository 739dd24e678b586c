import type { Capability } from '../../src/channel/index.ts';
import type { Observation, RefundObservation, Scene } from '../../src/payment/index.ts';
import { MINUTE } from './climate.ts';

/** What providers differ in, as far as it matters to a gateway. */
export interface ProviderKind {
  readonly id: string;
  readonly absence: 'final' | 'until_expiry';
  readonly callbackUrl: 'per_request' | 'per_account';
  readonly capabilities: readonly Capability[];
  readonly offlineScenes: readonly Scene[];
  /** An order lives at least so long. */
  readonly lifeMsMin: number;
  readonly namesTradeAtCreate: boolean;
  readonly takesOtherAmounts: boolean;
  readonly feeMinor: number;
}

const ALL: readonly Capability[] = ['close', 'refund', 'partial_refund'];

export const PROVIDER_KINDS: readonly ProviderKind[] = [
  /** Knows an order only when its buyer has scanned it. */
  {
    ...{
      id: 'scan',
      absence: 'until_expiry',
      callbackUrl: 'per_request',
      capabilities: ALL,
      offlineScenes: ['redirect'],
    },
    ...{ lifeMsMin: 0, namesTradeAtCreate: false, takesOtherAmounts: false, feeMinor: 6 },
  },
  {
    ...{ id: 'prepay', absence: 'final', callbackUrl: 'per_request', capabilities: ALL, offlineScenes: [] },
    ...{ lifeMsMin: MINUTE, namesTradeAtCreate: false, takesOtherAmounts: false, feeMinor: 7 },
  },
  /** One callback address for everything, and orders that live for half an hour at least. */
  {
    ...{ id: 'session', absence: 'final', callbackUrl: 'per_account', capabilities: ALL, offlineScenes: [] },
    ...{ lifeMsMin: 30 * MINUTE, namesTradeAtCreate: true, takesOtherAmounts: false, feeMinor: 8 },
  },
  /** Takes whatever buyers transfer, closes nothing and returns all or nothing. */
  {
    ...{ id: 'transfer', absence: 'final', callbackUrl: 'per_request', capabilities: ['refund'], offlineScenes: [] },
    ...{ lifeMsMin: 0, namesTradeAtCreate: false, takesOtherAmounts: true, feeMinor: 9 },
  },
];

export interface ProviderRefund {
  readonly refundRef: string;
  readonly order: ProviderOrder;
  readonly amountMinor: number;
  state: 'pending' | 'succeeded' | 'failed';
  readonly visibleFrom: number;
}

export interface ProviderOrder {
  readonly ref: string;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly callbackUrl: string;
  /** In the provider's own time: wall clock, milliseconds since 1970. */
  readonly expiresAt: number;
  readonly visibleFrom: number;
  /** `unseen`: it can be opened by its buyer, and until then the provider knows nothing of it. */
  state: 'unseen' | 'open' | 'paid' | 'closed' | 'failed';
  tradeNo: string;
  paidMinor: number;
  paidAt: number | null;
  declines: number;
  readonly refunds: Map<string, ProviderRefund>;
}

/** What a provider tells us without being asked. */
export interface News {
  taken(order: ProviderOrder): void;
  order(order: ProviderOrder, observation: Observation): void;
  refund(refund: ProviderRefund, observation: RefundObservation, isSure: boolean): void;
}
