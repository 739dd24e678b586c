import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import { type Fate, faultyStore, StoreOutage } from './faulty-store.ts';
import { hangs, isLost, losesItsAnswer, type Reply, refuses, type ScriptedChannel } from './scripted-channel.ts';
import { anOrder, HOUR, MINUTE, openStage, SECOND, type Stage } from './stage.ts';

const SEED = 20_260_101;
const HISTORIES = 300;
const ORDERS = 2;
type Id = 'final' | 'unseen';

/** One thing that happens next; `pick` chooses among what there is at that moment. */
interface Move {
  readonly kind:
    | 'create'
    | 'pay'
    | 'callback'
    | 'close'
    | 'sync'
    | 'channel fails'
    | 'channel heals'
    | 'store fails'
    | 'shop fails'
    | 'shop heals'
    | 'crash'
    | 'time passes';
  readonly pick: number;
  readonly fates: readonly Fate[];
}

const anyMoves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom<Move['kind'][]>('create', 'pay', 'pay', 'time passes') },
      {
        weight: 4,
        arbitrary: fc.constantFrom<Move['kind'][]>('callback', 'close', 'sync', 'channel fails', 'channel heals'),
      },
      { weight: 2, arbitrary: fc.constantFrom<Move['kind'][]>('store fails', 'shop fails', 'shop heals', 'crash') },
    ),
    pick: fc.nat({ max: 1_000 }),
    fates: fc.array(fc.constantFrom<Fate[]>('works', 'works', 'fails', 'loses_its_answer'), { maxLength: 6 }),
  }),
  { minLength: 5, maxLength: 30, size: 'max' },
);

const FAILURES: readonly Reply[] = [losesItsAnswer, isLost, losesItsAnswer, hangs, refuses('CHANNEL_UNAVAILABLE')];
/** Long enough for the agenda to look, and to look again after a fault. */
const AGENDA_TURN_MS = 2_000;
const OPERATIONS = ['create', 'query', 'close'] as const;
const STEPS_MS = [0, 0, SECOND, SECOND, 5 * SECOND, MINUTE, 5 * MINUTE, 16 * MINUTE];

/** A world in which everything fails now and then: the channels, the store, the shop, the process, the callbacks. */
async function live(moves: readonly Move[], lateSuccess: 'accept' | 'refund'): Promise<readonly Payment[]> {
  let fates: Fate[] = [];
  let shopStatus = 200;
  const told: string[] = [];
  let stage: Stage<Id> = await openStage({
    channels: { unseen: { absence: 'until_expiry' }, final: {} },
    running: true,
    policies: { lateSuccess },
    wrapStore: (store) => faultyStore(store, () => fates.shift() ?? 'works'),
  });
  const channels: readonly ScriptedChannel[] = Object.values(stage.channels);
  const orders = Array.from({ length: ORDERS }, (_, i) => anOrder({ merchantOrderNo: `S${i}` }));
  const stored = async (): Promise<Payment[]> =>
    (await stage.store.list({ merchantId: 'm_demo', limit: 100 })).items.slice();
  const attemptsNow = async () => (await stored()).flatMap((payment) => payment.attempts);

  stage.shop.answer = ({ body }) => {
    const { type, data } = JSON.parse(body);
    const ways = type === 'payment.closed' ? data.attempts.map((a: { provider_ref: string }) => a.provider_ref) : [];
    for (const ref of ways)
      told.push(`${type} while the provider holds it ${stage.channels.final.orders.get(ref)?.state}`);
    return { outcome: 'answered', status: shopStatus, body: '' };
  };

  async function move({ kind, pick, fates: next }: Move): Promise<void> {
    const channel = channels[pick % channels.length] ?? fail();
    switch (kind) {
      case 'create': {
        // Shops send twice at the same time, too.
        const order = orders[pick % ORDERS] ?? fail();
        const creating = [1, 2].map(() => stage.drive(stage.gateway.createPayment(stage.merchant, order, null)));
        for (const each of creating) each.catch(() => {});
        // A repeat waits for an answer that died with its process, by the clock.
        await stage.until(() => true);
        stage.clock.advance(9 * SECOND);
        await Promise.all(creating);
        return;
      }
      case 'pay': {
        const payable = (await attemptsNow()).filter((attempt) => {
          const { orders: known, issued } = stage.channels[attempt.channelId as Id];
          return issued.has(attempt.providerRef) && (known.get(attempt.providerRef)?.state ?? 'open') === 'open';
        });
        const attempt = payable[pick % Math.max(1, payable.length)];
        // The provider takes no money after its own expiry.
        if (!attempt || stage.clock.now() >= attempt.providerExpiresAt) return;
        stage.channels[attempt.channelId as Id].pays(attempt.providerRef);
        if (pick % 2 === 0) await stage.callback(attempt, stage.channels[attempt.channelId as Id]);
        return;
      }
      case 'callback': {
        const attempts = await attemptsNow();
        const attempt = attempts[pick % Math.max(1, attempts.length)];
        if (attempt) await stage.callback(attempt, stage.channels[attempt.channelId as Id]);
        return;
      }
      case 'close':
      case 'sync': {
        const payments = await stored();
        const id = payments[pick % Math.max(1, payments.length)]?.id ?? '';
        const use = kind === 'close' ? stage.gateway.closePayment : stage.gateway.syncPayment;
        await stage.drive(use(stage.merchant, id));
        return;
      }
      case 'channel fails':
        for (const [i, operation] of OPERATIONS.entries()) {
          const mood = Math.floor(pick / (FAILURES.length + 1) ** i) % (FAILURES.length + 1);
          channel.always(operation, FAILURES[mood] ?? null);
        }
        return;
      case 'channel heals':
        for (const operation of OPERATIONS) channel.always(operation, null);
        return;
      case 'store fails':
        fates = [...next];
        return;
      case 'shop fails':
      case 'shop heals':
        shopStatus = kind === 'shop fails' ? 500 : 200;
        return;
      case 'crash':
        stage = await stage.crash();
        return;
      default:
        // Not until nothing is due: a lease whose release got lost has to run out first.
        stage.clock.advance(STEPS_MS[pick % STEPS_MS.length] ?? 0);
        await stage.drive(new Promise((resolve) => setTimeout(resolve, AGENDA_TURN_MS)));
    }
  }

  try {
    for (const each of moves) {
      await move(each).catch((thrown: unknown) => {
        if (!(thrown instanceof StoreOutage)) throw thrown;
      });
    }
    fates = [];
    shopStatus = 200;
    for (const channel of channels) {
      for (const operation of OPERATIONS) channel.always(operation, null);
    }
    for (const ms of [16 * MINUTE, 2 * MINUTE, 11 * MINUTE, 31 * MINUTE, 4 * HOUR, 7 * HOUR]) {
      await stage.elapse(ms);
      // Breakers that are still open let their trial through.
      await stage.drive(new Promise((resolve) => setTimeout(resolve, AGENDA_TURN_MS)));
    }
    const payments = await stored();
    judge(payments, stage, lateSuccess);
    expect(told).not.toContain('payment.closed while the provider holds it open');
    return payments;
  } finally {
    await stage.stop();
  }
}

/** What must hold once everything works again and enough time has passed. */
function judge(payments: readonly Payment[], stage: Stage<Id>, lateSuccess: 'accept' | 'refund'): void {
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(what);
  };
  must(new Set(payments.map((p) => p.merchantOrderNo)).size === payments.length, 'I1 one order, two payments');
  const attempts = new Map(payments.flatMap((p) => p.attempts).map((attempt) => [attempt.providerRef, attempt]));
  for (const { orders } of Object.values<ScriptedChannel>(stage.channels)) {
    for (const [ref, order] of orders) {
      must(order.state !== 'open', 'a way to pay is left open at the provider');
      const known = attempts.get(ref)?.status;
      must(order.state !== 'succeeded' || known === 'succeeded', `money was lost: its attempt is ${known}`);
    }
  }
  for (const payment of payments) {
    must(payment.nextDueAt === null, `I8 ${payment.status} and still something to do`);
    const paid = payment.attempts.filter((a) => a.status === 'succeeded');
    const effective = paid.filter((a) => a.effect === 'effective');
    must(
      (payment.status === 'succeeded') === (effective.length === 1),
      `I2 ${payment.status} with ${effective.length}`,
    );
    must(lateSuccess === 'refund' || paid.length === 0 || effective.length === 1, 'money came and counts for nothing');
    const heard = stage.shop.requests.filter(({ body }) => JSON.parse(body).data.id === payment.id);
    const told = [...new Set(heard.map(({ headers }) => headers['webhook-id']))];
    must(
      told.join() === payment.events.map((e) => e.id).join(),
      'I4 the shop was told something else, or out of order',
    );
    must(new Set(heard.map(({ body }) => body)).size === told.length, 'I4 one event, two bodies');
    must(payment.events.filter((e) => e.type === 'payment.succeeded').length === effective.length, 'I4 no event');
  }
}

function fail(): never {
  throw new Error('there is always one');
}

test.each([
  ['accept', ['succeeded', 'closed', 'effective', 'surplus', 'accepted late']],
  ['refund', ['succeeded', 'closed', 'effective', 'surplus', 'late']],
] as const)(
  'nothing is lost, counted twice or left open, whatever fails in between (late success: %s)',
  async (lateSuccess, ends) => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(anyMoves, async (moves) => {
      for (const payment of await live(moves, lateSuccess)) {
        seen.add(payment.status);
        if (payment.events.length > 1) seen.add('accepted late');
        for (const attempt of payment.attempts)
          seen.add(attempt.status === 'succeeded' ? attempt.effect : attempt.status);
      }
    });
    await fc.assert(property, { numRuns: HISTORIES, seed: SEED });
    for (const end of ends) expect(seen).toContain(end);
  },
  60_000,
);
