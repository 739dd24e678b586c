import { createHash } from 'node:crypto';
import {
  type AttemptBinding,
  apply,
  createPayment,
  type Fact,
  newId,
  type Payment,
  providerRefOf,
} from '../../src/payment/index.ts';
import type { Ranking } from '../../src/routing/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { createUpcoming } from '../../src/what-if/heap.ts';
import type { Order, Scenario, Setup } from '../../src/what-if/index.ts';
import { openRouter } from '../../src/what-if/router-under-test.ts';
import { scenarioTraffic, scenarioWorld } from '../../src/what-if/scenario.ts';
import { seeded } from '../gateway/stage.ts';

/** What a gateway would have written into its store on a day like the scenario, and what the books of the day say. */
export interface RecordedDay {
  readonly payments: readonly Payment[];
  /** Share of first choices per channel. */
  readonly shares: ReadonlyMap<string, number>;
  readonly paid: number;
}

const SECOND = 1_000;

/** Lives through a scenario: every outcome is thrown with a die of its own, and is unknown to whoever reads the documents later. */
export function liveThrough(scenario: Scenario, setup: Setup, seed: number): RecordedDay {
  const truth = scenarioWorld(scenario);
  const die = seeded(seed);
  const upcoming = createUpcoming<() => void>();
  const router = openRouter(
    setup,
    {
      probe: (channelId, at) => {
        const { failure, latencyMs } = truth.behaviour(channelId, '', at);
        return { ok: die() >= failure, latencyMs };
      },
      needsBuyerIp: () => false,
      countsFor: 1,
      paidBefore: () => 0,
      onRuleError: () => {},
    },
    scenario.startsAt,
  );
  const finished: Payment[] = [];
  const first = new Map<string, number>();
  let paid = 0;
  let no = 0;

  const pass = (now: number): void => {
    for (let due = upcoming.popDue(now); due; due = upcoming.popDue(now)) {
      router.advance(due.at);
      due.item();
    }
    router.advance(now);
  };

  const choose = (order: Order, tried: readonly string[], now: number): Ranking =>
    router.decide(order, { merchantChannels: 'all', triedChannelIds: tried, random: die }, now);

  const attempt = (order: Order, document: Payment, tried: readonly string[], now: number): void => {
    const { choice } = choose(order, tried, now);
    if (!choice) {
      if (tried.length > 0) finished.push(ended(document, now));
      return;
    }
    if (tried.length === 0) first.set(choice.channelId, (first.get(choice.channelId) ?? 0) + 1);
    const does = truth.behaviour(choice.channelId, choice.method, now);
    const fails = die() < does.failure;
    const latencyMs = Math.round((fails ? does.failureLatencyMs : does.latencyMs) * (0.7 + 0.6 * die()));
    const started = after(document, { type: 'attempt_started', attempt: bindingOf(document, choice, now) }, now);
    const seq = started.attempts.length;
    const asked = router.start(order, choice, now);
    upcoming.push(now + latencyMs, () => {
      const at = now + latencyMs;
      router.answered(asked, fails ? 'failed' : 'opened', latencyMs, at);
      if (fails) {
        const error = { kind: 'CHANNEL_UNAVAILABLE', providerCode: null };
        const failed = after(started, { type: 'attempt_refused', seq, error, latencyMs, endsPayment: false }, at);
        const soFar = [...tried, choice.channelId];
        if (soFar.length < setup.failover.maxAttempts) attempt(order, failed, soFar, at);
        else finished.push(ended(failed, at));
        return;
      }
      const action = { type: 'redirect', url: 'https://pay.example/1' } as const;
      const open = after(started, { type: 'attempt_opened', seq, action, channelTradeNo: null, latencyMs }, at);
      const isPaid = die() < does.paid;
      const endsAt = isPaid ? at + Math.round(does.paidAfterMs * (0.3 + 1.4 * die())) : document.expiresAt + SECOND;
      upcoming.push(endsAt, () => {
        router.ended(asked, isPaid, endsAt);
        if (isPaid) paid += 1;
        finished.push(isPaid ? paidUp(open, endsAt) : ended(open, endsAt));
      });
    });
  };

  for (const order of scenarioTraffic(scenario, seed)) {
    pass(order.at);
    no += 1;
    attempt(order, documentOf(order, no), [], order.at);
  }
  pass(scenario.startsAt + scenario.durationMs + 2 * 24 * 3_600 * SECOND);
  const total = [...first.values()].reduce((sum, count) => sum + count, 0);
  return { payments: finished, shares: new Map([...first].map(([id, count]) => [id, count / total])), paid };
}

/** Writes documents as they are. */
export async function record(store: PaymentStore, payments: readonly Payment[]): Promise<void> {
  for (let from = 0; from < payments.length; from += 1_000) {
    await Promise.all(payments.slice(from, from + 1_000).map((payment) => store.insert(payment)));
  }
}

function documentOf(order: Order, no: number): Payment {
  const bytes = (size: number): Uint8Array => createHash('sha256').update(`day ${no}`).digest().subarray(0, size);
  return createPayment(
    {
      id: newId('pay', order.at, bytes),
      merchantId: 'm_demo',
      merchantOrderNo: `D${no}`,
      requestHash: 'hash',
      ...{ amount: order.amount, methods: order.methods, scene: order.scene, subject: 'A game key' },
      ...{ customer: { country: null, sealed: null }, metadata: {}, pinnedChannelId: null },
      ...{ notifyUrl: null, returnUrl: null, expiresInMs: order.expiresInMs },
      policies: { lateSuccess: 'refund', surplus: 'refund', amountMismatch: 'hold', paidKnownWithinMs: 60_000 },
    },
    order.at,
  );
}

function bindingOf(payment: Payment, choice: NonNullable<Ranking['choice']>, now: number): AttemptBinding {
  const seq = payment.attempts.length + 1;
  return {
    ...{ seq, channelId: choice.channelId, method: choice.method, decision: choice.decision, openedAt: now },
    ...{ providerRef: providerRefOf(payment.id, seq), callbackToken: `token-${seq}`, account: 'acct' },
    ...{ amount: payment.amount, providerExpiresAt: payment.expiresAt, absence: 'final' as const },
  };
}

function after(payment: Payment, fact: Fact, now: number): Payment {
  const applied = apply(payment, fact, now);
  if (applied.outcome !== 'applied') throw new Error(`${fact.type} is ${applied.outcome}: ${applied.reason}`);
  const events = applied.payment.events.map((event) => (event.body === '' ? { ...event, body: '{}' } : event));
  return { ...applied.payment, events };
}

function paidUp(payment: Payment, now: number): Payment {
  const attempt = payment.attempts.at(-1);
  if (!attempt) throw new Error('nothing to pay');
  const { seq, account, amount, providerRef } = attempt;
  const observation = {
    state: 'succeeded' as const,
    account,
    amount,
    channelTradeNo: providerRef,
    paidAt: now,
    error: null,
  };
  return after(payment, { type: 'observed', seq, by: 'callback', observation }, now);
}

/** Expired, or given up without a channel. */
function ended(payment: Payment, now: number): Payment {
  const closing = after(payment, { type: 'close_requested', by: 'expiry' }, now);
  const attempt = closing.attempts.at(-1);
  if (attempt?.status !== 'open') return closing;
  const { seq } = attempt;
  const observation = {
    state: 'closed' as const,
    account: null,
    amount: null,
    channelTradeNo: null,
    paidAt: null,
    error: null,
  };
  return after(closing, { type: 'observed', seq, by: 'close', observation }, now);
}
