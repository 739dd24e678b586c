import fc from 'fast-check';
import type * as Core from '../../src/payment/index.ts';

type Payment = Core.Payment;
type Fact = Core.Fact;
type Observation = Core.Observation;

/** The module under test: the real core, or a copy of it with one rule taken out. */
export type CoreModule = Pick<typeof Core, 'apply' | 'createPayment' | 'providerRefOf'>;

export const NEW_YEAR = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const CHANNELS = ['alipay-main', 'alipay-backup', 'wechatpay-main'];

export const anId = (n: number): string => `pay_01j${String(n).padStart(23, '0')}`;

export function aNewPayment(core: CoreModule, set: Partial<Core.NewPayment> = {}): Payment {
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
      policies: { lateSuccess: 'refund' },
      expiresInMs: 15 * MINUTE,
      ...set,
    },
    NEW_YEAR,
  );
}

export function anAttempt(core: CoreModule, payment: Payment, seq: number, now: number): Core.AttemptBinding {
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

export function anObservation(attempt: Core.AttemptBinding, set: Partial<Observation> = {}): Observation {
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

/** One thing that may happen next; `pick` chooses among what exists at that moment. */
export interface Move {
  readonly kind: (typeof KINDS)[number];
  readonly pick: number;
  readonly advanceMs: number;
}

const KINDS = [
  'start',
  'open',
  'refuse',
  'refuse_for_good',
  'lose',
  'paid',
  'paid',
  'paid_other_amount',
  'paid_other_currency',
  'paid_other_account',
  'paid_other_trade_no',
  'paid_without_trade_no',
  'still_open',
  'closed',
  'failed',
  'absent',
  'unclear',
  'in_vain',
  'want_query',
  'merchant_closes',
  'expires',
  'event_delivered',
  'event_failed',
  'redeliver',
  'fulfilled',
  'replay',
  'replay',
] as const;

/** What makes a history worth playing comes often: attempts that start, open, get lost and get paid. */
const anyKind: fc.Arbitrary<Move['kind']> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Move['kind'][]>('start', 'open', 'lose', 'refuse') },
  { weight: 2, arbitrary: fc.constantFrom<Move['kind'][]>('paid', 'closed', 'replay', 'expires') },
  { weight: 4, arbitrary: fc.constantFrom(...KINDS) },
);

const anyMove: fc.Arbitrary<Move> = fc.record({
  kind: anyKind,
  pick: fc.nat({ max: 1000 }),
  advanceMs: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(0, 1, 500, 5_000) },
    { weight: 1, arbitrary: fc.constantFrom(30_000, 20 * MINUTE, 26 * 60 * MINUTE) },
  ),
});

export const anyMoves: fc.Arbitrary<readonly Move[]> = fc
  .array(anyMove, { minLength: 5, maxLength: 40, size: 'max' })
  .map((moves) => [{ kind: 'start', pick: 0, advanceMs: 0 }, ...moves]);

export interface StepTaken {
  readonly before: Payment;
  readonly fact: Fact;
  readonly applied: Core.Applied;
  readonly after: Payment;
  readonly now: number;
}

/** Plays moves as facts, with duplicates and reorderings: `replay` repeats any earlier fact, however old. */
export function play(
  core: CoreModule,
  moves: readonly Move[],
  set: Partial<Core.NewPayment> = {},
): readonly StepTaken[] {
  let payment = aNewPayment(core, set);
  let now = NEW_YEAR;
  const past: Fact[] = [];
  const steps: StepTaken[] = [];
  for (const move of moves) {
    now += move.advanceMs;
    const fact = factFor(core, payment, move, past, now);
    if (!fact) continue;
    past.push(fact);
    const before = payment;
    const applied = core.apply(before, fact, now);
    if (applied.outcome === 'applied') payment = { ...applied.payment, version: before.version + 1 };
    steps.push({ before, fact, applied, after: payment, now });
  }
  return steps;
}

function factFor(core: CoreModule, payment: Payment, move: Move, past: readonly Fact[], now: number): Fact | null {
  const attempt = payment.attempts[move.pick % Math.max(1, payment.attempts.length)];
  const event = payment.events[move.pick % Math.max(1, payment.events.length)];
  const error = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', providerCode: null };
  const by = (['callback', 'query', 'close'] as const)[move.pick % 3] ?? 'callback';
  const seen = (set: Partial<Observation>): Fact | null =>
    attempt ? { type: 'observed', seq: attempt.seq, by, observation: anObservation(attempt, set) } : null;
  const bare = { account: null, amount: null, channelTradeNo: null, paidAt: null };
  switch (move.kind) {
    case 'start':
      return { type: 'attempt_started', attempt: anAttempt(core, payment, payment.attempts.length + 1, now) };
    case 'open': {
      const action = { type: 'qr_code', qrCode: 'https://qr.example/1' } as const;
      return attempt ? { type: 'attempt_opened', seq: attempt.seq, action, channelTradeNo: null, latencyMs: 5 } : null;
    }
    case 'refuse':
    case 'refuse_for_good': {
      const endsPayment = move.kind === 'refuse_for_good';
      return attempt ? { type: 'attempt_refused', seq: attempt.seq, error, latencyMs: 5, endsPayment } : null;
    }
    case 'lose':
      return attempt ? { type: 'attempt_lost', seq: attempt.seq, error, latencyMs: 3000 } : null;
    case 'paid':
      return seen({});
    case 'paid_other_amount':
      return seen({ amount: { minor: payment.amount.minor + (move.pick % 2 === 0 ? 1 : -1), currency: 'CNY' } });
    case 'paid_other_currency':
      return seen({ amount: { minor: payment.amount.minor, currency: 'USD' } });
    case 'paid_other_account':
      return seen({ account: 'somebody-else' });
    case 'paid_other_trade_no':
      return seen({ channelTradeNo: `other-${move.pick}` });
    case 'paid_without_trade_no':
      return seen({ channelTradeNo: null });
    case 'still_open':
      return seen({ ...bare, state: 'open' });
    case 'closed':
    case 'failed':
    case 'absent':
    case 'unclear':
      return seen({ ...bare, state: move.kind });
    case 'in_vain':
      return attempt ? { type: 'asked_in_vain', seq: attempt.seq, by: by === 'close' ? 'close' : 'query' } : null;
    case 'want_query':
      return attempt ? { type: 'query_wanted', seq: attempt.seq } : null;
    case 'merchant_closes':
      return { type: 'close_requested', by: 'merchant' };
    case 'expires':
      return now >= payment.expiresAt ? { type: 'close_requested', by: 'expiry' } : null;
    case 'event_delivered':
    case 'event_failed': {
      if (!event) return null;
      const tryNo = 'tries' in event.delivery ? event.delivery.tries + 1 : 1;
      return { type: 'event_sent', eventId: event.id, tryNo, delivered: move.kind === 'event_delivered' };
    }
    case 'redeliver':
      return event ? { type: 'redelivery_requested', eventId: event.id } : null;
    case 'fulfilled':
      return { type: 'fulfilled' };
    default:
      return past[move.pick % Math.max(1, past.length)] ?? null;
  }
}
