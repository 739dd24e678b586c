import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { apply, createPayment, type Fact, newId, type Payment, providerRefOf } from '../src/payment/index.ts';
import { openSqliteStore } from '../src/store/sqlite/index.ts';

/** So many writes are handed to the store at once; it makes transactions of them. */
const AT_ONCE = 2_048;
/** They were created evenly over this time, the last of them just now. */
const OVER_MS = 300 * 24 * 3_600_000;
/** Ids that are kept to be asked for. */
const ASKED_FOR = 5_000;

/**
 * Writes payments that came to their end, paid, delivered and reported, into a data directory that no gateway works on. Answers
 * the ids of some of them, spread evenly.
 */
export async function fillStore(dataDir: string, payments: number): Promise<readonly string[]> {
  const store = openSqliteStore({ path: join(dataDir, 'switchyard.db') });
  const every = Math.max(1, Math.floor(payments / ASKED_FOR));
  const ids: string[] = [];
  try {
    const until = Date.now();
    for (let from = 0; from < payments; from += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, payments - from) }, (_, i) => {
        const payment = finished(from + i, until - Math.floor(OVER_MS * (1 - (from + i) / payments)));
        if ((from + i) % every === 0) ids.push(payment.id);
        return store.insert(payment);
      });
      await Promise.all(batch);
    }
  } finally {
    await store.close();
  }
  return ids;
}

function finished(index: number, at: number): Payment {
  const digest = createHash('sha256').update(`stored payment ${index}`).digest();
  const blank = createPayment(
    {
      id: newId('pay', at, (size) => digest.subarray(0, size)),
      ...{ merchantId: 'm_demo', merchantOrderNo: `stored-${index}`, requestHash: digest.toString('hex') },
      ...{ amount: { minor: 1_000, currency: 'CNY' }, methods: ['alipay'], scene: 'qr', subject: 'Game key' },
      ...{ customer: { country: null, sealed: null }, metadata: {}, pinnedChannelId: null, returnUrl: null },
      notifyUrl: 'https://shop.example/notify',
      policies: { lateSuccess: 'refund', surplus: 'refund', amountMismatch: 'hold', paidKnownWithinMs: 60_000 },
      expiresInMs: 900_000,
    },
    at,
  );
  const account = '2021000118651';
  const { amount } = blank;
  const after = (payment: Payment, fact: Fact): Payment => {
    const applied = apply(payment, fact, at);
    if (applied.outcome !== 'applied') throw new Error(`a stored payment cannot be made: ${fact.type}`);
    const { events } = applied.payment;
    return { ...applied.payment, events: events.map((e) => ({ ...e, body: e.body || JSON.stringify(blank) })) };
  };
  const channelId = 'alipay-main';
  const started = after(blank, {
    type: 'attempt_started',
    attempt: {
      ...{ seq: 1, channelId, method: 'alipay', providerRef: providerRefOf(blank.id, 1), callbackToken: 'stored' },
      ...{ account, amount, providerExpiresAt: blank.expiresAt, absence: 'final', openedAt: at },
      decision: {
        ...{ decidedAt: at, channelId, position: 'first', reason: 'best_score', candidates: [] },
        ...{ draw: null, explanation: 'stored' },
      },
    },
  });
  const observation = {
    state: 'succeeded',
    account,
    amount,
    channelTradeNo: `S${index}`,
    paidAt: at,
    error: null,
  } as const;
  const paid = after(started, { type: 'observed', seq: 1, by: 'callback', observation });
  const told = after(paid, { type: 'event_sent', eventId: paid.events[0]?.id ?? '', tryNo: 1, delivered: true });
  const ended = after(told, { type: 'fulfilled' });
  if (ended.nextDueAt !== null) throw new Error('a stored payment still has something to do');
  return ended;
}
