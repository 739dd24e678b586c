import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { type Fate, faultyStore } from './faulty-store.ts';
import { aCallback, anObservation } from './scripted-channel.ts';
import { attemptOf, openStage, type Stage } from './stage.ts';

const SEED = 20_260_101;
const HISTORIES = 150;

/** One message of the provider, and what happens to the calls to the store while it is taken. */
interface Message {
  /** Which of the payments are named, in one message. */
  readonly about: readonly number[];
  readonly says: 'succeeded' | 'open' | 'closed';
  readonly fates: readonly Fate[];
}

const PAYMENTS = 3;
const anyFate = fc.constantFrom<Fate[]>('works', 'works', 'fails', 'loses_its_answer');
const anyMessages: fc.Arbitrary<readonly Message[]> = fc.array(
  fc.record({
    about: fc.array(fc.nat({ max: PAYMENTS - 1 }), { minLength: 1, maxLength: 3 }),
    says: fc.constantFrom<Message['says'][]>('succeeded', 'succeeded', 'open', 'closed'),
    fates: fc.array(anyFate, { maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 8 },
);

/** A store that says "it is durable" before it is: what I3 forbids. */
function lyingStore(store: PaymentStore, lies: () => boolean): PaymentStore {
  return {
    ...faultyStore(store, (): Fate => 'works'),
    update: async (next, options) => {
      const stored = lies() ? await store.findById(next.id) : null;
      return stored ? { outcome: 'updated', payment: next, receipt: stored.receipt } : store.update(next, options);
    },
  };
}

type Broken = 'a store that lies' | 'nothing';

/** Plays all messages, and throws when one was acknowledged whose effect a fresh read of the store does not show. */
async function play(messages: readonly Message[], broken: Broken): Promise<void> {
  let fates: Fate[] = [];
  const stage = await openStage({
    channels: { a: { callbackUrl: 'per_account' } },
    wrapStore: (store) => {
      const behind = faultyStore(store, () => fates.shift() ?? 'works');
      return broken === 'nothing' ? behind : lyingStore(behind, () => fates.shift() === 'fails');
    },
  });
  try {
    await playOn(stage, messages, (next) => {
      fates = [...next];
    });
  } finally {
    await stage.stop();
  }
}

async function playOn(
  stage: Stage<'a'>,
  messages: readonly Message[],
  setFates: (fates: readonly Fate[]) => void,
): Promise<void> {
  const payments: Payment[] = [];
  for (let i = 0; i < PAYMENTS; i += 1) payments.push(await stage.open());
  const send = async ({ about, says }: Message): Promise<boolean> => {
    const notices = about.map((i) => {
      const { providerRef, account, amount } = attemptOf(payments[i] ?? fail(), 1);
      const whole = { account, amount, channelTradeNo: `trade-${i}`, paidAt: stage.clock.now() };
      return {
        kind: 'order' as const,
        providerRef,
        observation: anObservation({ state: says, ...(says === 'succeeded' ? whole : {}) }),
      };
    });
    return (await stage.gateway.receiveCallback('a', null, aCallback(notices))).body === 'SUCCESS';
  };
  const shown = async (): Promise<Payment[]> => Promise.all(payments.map(({ id }) => stage.read(id)));

  for (const message of messages) {
    setFates(message.fates);
    const acknowledged = await send(message);
    setFates([]);
    if (acknowledged) for (const i of message.about) assertShows((await shown())[i], message.says);
    // The provider repeats what it got no answer to; also what it did, when the answer got lost.
    const before = await shown();
    if (!(await send(message))) throw new Error('refused although everything works');
    for (const i of message.about) assertShows((await shown())[i], message.says);
    if (acknowledged) expect(await shown()).toEqual(before);
  }
  for (const payment of await shown()) {
    if (new Set(payment.events.map((e) => e.id)).size < payment.events.length) throw new Error('an event twice');
    const succeeded = payment.events.filter((e) => e.type === 'payment.succeeded').length;
    if (succeeded !== (payment.status === 'succeeded' ? 1 : 0)) throw new Error(`${succeeded} events of a success`);
  }
}

function assertShows(payment: Payment | undefined, says: Message['says']): void {
  const attempt = attemptOf(payment ?? fail(), 1);
  // "open" is no news, and "closed" comes too late for an order that was paid.
  const holds = says === 'open' || attempt.status === 'succeeded' || (says === 'closed' && attempt.status === 'closed');
  if (!holds) throw new Error(`acknowledged "${says}", but the store says ${attempt.status}`);
}

function fail(): never {
  throw new Error('no such payment');
}

const property = (broken: Broken) => fc.asyncProperty(anyMessages, (messages) => play(messages, broken));

describe('I3: whatever the store does to a callback', { timeout: 60_000 }, () => {
  test('it is acknowledged only when a fresh read shows its effect, and a repeat changes nothing', async () => {
    await fc.assert(property('nothing'), { numRuns: HISTORIES, seed: SEED });
  });

  test('which would be noticed if a receipt came before the commit', async () => {
    const found = await fc.check(property('a store that lies'), { numRuns: HISTORIES, seed: SEED });
    expect(found.failed).toBe(true);
    expect(String(found.errorInstance)).toContain('acknowledged "succeeded"');
  });
});
