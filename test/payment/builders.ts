import type * as Core from '../../src/payment/index.ts';

/** The module under test: the real core, or a copy of it with one rule taken out. */
export type CoreModule = Pick<
  typeof Core,
  'apply' | 'awaitsChoice' | 'createPayment' | 'payableAttempt' | 'providerRefOf'
>;

export const NEW_YEAR = Date.UTC(2026, 0, 1);
export const MINUTE = 60_000;
const CHANNELS = ['alipay-main', 'alipay-backup', 'wechatpay-main'];

export const anId = (n: number): string => `pay_01j${String(n).padStart(23, '0')}`;

export const SHIPPED_POLICIES: Core.Policies = {
  lateSuccess: 'refund',
  surplus: 'refund',
  amountMismatch: 'hold',
  paidKnownWithinMs: 10 * MINUTE,
};

export function aNewPayment(core: CoreModule, set: Partial<Core.NewPayment> = {}): Core.Payment {
  return core.createPayment(
    {
      id: anId(1),
      merchantId: 'm_demo',
      merchantOrderNo: 'A1000',
      requestHash: 'hash',
      amount: { minor: 1000, currency: 'CNY' },
      methods: ['alipay'],
      scene: 'qr',
      subject: 'A key',
      customer: { country: null, sealed: null },
      metadata: {},
      pinnedChannelId: null,
      notifyUrl: 'https://shop.example/notify',
      returnUrl: null,
      policies: SHIPPED_POLICIES,
      expiresInMs: 15 * MINUTE,
      ...set,
    },
    NEW_YEAR,
  );
}

export function anAttempt(core: CoreModule, payment: Core.Payment, seq: number, now: number): Core.AttemptBinding {
  const channelId = CHANNELS[seq % CHANNELS.length] ?? 'alipay-main';
  return {
    seq,
    channelId,
    method: 'alipay',
    providerRef: core.providerRefOf(payment.id, seq),
    callbackToken: `token-${seq}`,
    account: `account-of-${channelId}`,
    amount: payment.amount,
    providerExpiresAt: payment.expiresAt,
    absence: channelId === 'wechatpay-main' ? 'final' : 'until_expiry',
    decision: {
      decidedAt: now,
      channelId,
      position: 'first',
      reason: 'best_score',
      candidates: [],
      draw: null,
      explanation: '',
    },
    openedAt: now,
  };
}

/** A success of this attempt, as it should be; what is set differs. */
export function anObservation(attempt: Core.AttemptBinding, set: Partial<Core.Observation> = {}): Core.Observation {
  return {
    state: 'succeeded',
    account: attempt.account,
    amount: attempt.amount,
    channelTradeNo: `trade-${attempt.seq}`,
    paidAt: NEW_YEAR + MINUTE,
    error: null,
    ...set,
  };
}

/** A success of this refund, as it should be; what is set differs. */
export function aRefundObservation(
  refund: Core.Refund,
  set: Partial<Core.RefundObservation> = {},
): Core.RefundObservation {
  return {
    state: 'succeeded',
    account: null,
    amount: { minor: refund.amountMinor, currency: 'CNY' },
    channelRefundNo: `refund-${refund.seq}`,
    refundedAt: NEW_YEAR + 2 * MINUTE,
    error: null,
    ...set,
  };
}
