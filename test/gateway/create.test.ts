import { afterEach, describe, expect, test } from 'vitest';
import type { PaymentStore } from '../../src/store/port.ts';
import { type Fate, faultyStore } from './faulty-store.ts';
import { held, type Reply, refuses } from './scripted-channel.ts';
import { anOrder, attemptsOf, MINUTE, openStage, type Stage, type StageOptions } from './stage.ts';

let stage: Stage<'a' | 'b'>;
afterEach(() => stage.stop());

async function open(options: Partial<StageOptions<'a' | 'b'>> = {}): Promise<void> {
  stage = await openStage({ channels: { a: {}, b: {} }, ...options });
}

type Created = Awaited<ReturnType<Stage<'a'>['create']>>;

function paymentOf(created: Created) {
  if (!created.ok) throw new Error(created.error.detail);
  return created.value.payment;
}

describe('the same request', () => {
  test('fifty times at once is one payment and one question to the channel, and everybody gets the way to pay', async () => {
    await open();
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.create({ merchantOrderNo: 'R50' })));
    expect(new Set(answers.map((answer) => paymentOf(answer).id)).size).toBe(1);
    expect(answers.filter((answer) => answer.ok && !answer.value.repeat)).toHaveLength(1);
    for (const answer of answers) expect(attemptsOf(paymentOf(answer))).toEqual(['a open']);
    expect(stage.channels.a.count('create')).toBe(1);
  });

  test('to two processes at once is one payment, and no attempt is made twice', async () => {
    await open();
    const other = await stage.replica();
    for (const channel of Object.values(stage.channels)) channel.next('create', refuses('INSUFFICIENT_BALANCE'));
    expect(await stage.create({ merchantOrderNo: 'R2' })).toMatchObject({ ok: false });
    const asked = stage.channels.a.count('create');
    const answers = await Promise.all([
      stage.create({ merchantOrderNo: 'R2' }),
      other.create({ merchantOrderNo: 'R2' }),
      stage.create({ merchantOrderNo: 'R2' }),
      other.create({ merchantOrderNo: 'R2' }),
    ]);
    const stored = await stage.read(paymentOf(answers[0]).id);
    expect(attemptsOf(stored)).toEqual(['a failed', 'b failed', 'a open']);
    expect(stage.channels.a.count('create')).toBe(asked + 1);
  });

  test('many times a second while nobody takes orders does not use up the attempts of the payment', async () => {
    await open();
    let isAway = true;
    const reply: Reply = (honest, signal) => (isAway ? refuses('CHANNEL_UNAVAILABLE')(honest, signal) : honest());
    for (const channel of Object.values(stage.channels)) for (let i = 0; i < 50; i += 1) channel.next('create', reply);
    const ask = () => stage.create({ merchantOrderNo: 'R21' });
    for (let passed = 0; passed < MINUTE; passed += 200) {
      expect(await ask()).toMatchObject({ ok: false, error: { code: 'no_channel_available' } });
      stage.clock.advance(200);
    }
    isAway = false;
    stage.clock.advance(MINUTE / 2);
    expect(paymentOf(await ask()).attempts.at(-1)?.status).toBe('open');
  });

  test('with other content is a conflict, whatever has become of the first', async () => {
    await open();
    await stage.open({ merchantOrderNo: 'R3' });
    const other = await stage.create({ merchantOrderNo: 'R3', requestHash: 'another hash' });
    expect(other).toMatchObject({ ok: false, error: { code: 'idempotency_conflict' } });
  });

  test('under its Idempotency-Key is a repeat; another request under that key is a conflict', async () => {
    await open();
    const first = await stage.create({ merchantOrderNo: 'K1' }, 'key-1');
    const again = await stage.create({ merchantOrderNo: 'K1' }, 'key-1');
    expect(again).toMatchObject({ ok: true, value: { repeat: true, payment: { id: paymentOf(first).id } } });
    const other = await stage.create({ merchantOrderNo: 'K2' }, 'key-1');
    expect(other).toMatchObject({ ok: false, error: { code: 'idempotency_conflict' } });
    expect(await stage.store.findByOrderNo('m_demo', 'K2')).toBeNull();
  });

  test('after every provider closed its order finds a new way to pay', async () => {
    await open();
    const payment = await stage.open({ merchantOrderNo: 'R4' });
    const [attempt] = payment.attempts;
    if (attempt) await stage.callback(attempt, stage.channels.a, { state: 'closed' });
    expect(attemptsOf(await stage.open({ merchantOrderNo: 'R4' }))).toEqual(['a closed', 'a open']);
  });

  test('after the expiry answers what is there, and asks nobody', async () => {
    await open();
    stage.channels.a.next('create', refuses('CHANNEL_UNAVAILABLE'));
    stage.channels.b.next('create', refuses('CHANNEL_UNAVAILABLE'));
    await stage.create({ merchantOrderNo: 'R5' });
    stage.clock.advance(15 * MINUTE);
    const late = await stage.create({ merchantOrderNo: 'R5' });
    expect(attemptsOf(paymentOf(late))).toEqual(['a failed', 'b failed']);
  });
});

describe('an answer that comes after its attempt was given up', () => {
  test('is never shown; the payment goes on over the next channel', async () => {
    await open({ channels: { a: { timeoutMs: 30_000 }, b: {} }, failover: { budgetMs: 10 * MINUTE }, running: true });
    const answer = held();
    stage.channels.a.next('create', answer.reply);
    const creating = stage.create({ merchantOrderNo: 'late' });
    await stage.drive(answer.begun);
    await stage.elapse(MINUTE);
    const found = await stage.store.findByOrderNo('m_demo', 'late');
    expect(found && attemptsOf(found.payment)).not.toEqual(['a creating']);
    answer.release();
    const payment = paymentOf(await creating);
    expect(payment.attempts.map((a) => a.channelId)).toEqual(['a', 'b']);
    expect(payment.attempts.filter((a) => a.status === 'open').map((a) => a.channelId)).toEqual(['b']);
    await stage.elapse(MINUTE);
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['a closed', 'b open']);
  });
});

describe('a store that fails', () => {
  test.each<[string, keyof PaymentStore, Fate]>([
    ['before anything is kept', 'insert', 'fails'],
    ['and keeps the payment without saying so', 'insert', 'loses_its_answer'],
    ['after the channel has taken the order', 'update', 'fails'],
    ['and keeps the way to pay without saying so', 'update', 'loses_its_answer'],
  ])('%s never makes a second order for the same request', async (_when, method, fate) => {
    let failing = true;
    const failOnce = (store: PaymentStore) =>
      faultyStore(store, (called): Fate => {
        if (called !== method || !failing) return 'works';
        failing = false;
        return fate;
      });
    await open({ wrapStore: failOnce, running: true });
    await expect(stage.create({ merchantOrderNo: 'S1' })).rejects.toThrow(method);
    stage.clock.advance(MINUTE);
    await stage.elapse();
    const payment = await stage.open({ merchantOrderNo: 'S1' });
    expect(payment.attempts.filter((a) => a.status === 'open')).toHaveLength(1);
    const payable = [...stage.channels.a.orders.values()].filter((order) => order.state === 'open');
    expect(payable).toHaveLength(1);
  });
});

test('an amount above the limit of the merchant is refused before anything is made', async () => {
  await open();
  const merchant = { ...stage.merchant, limits: { maxAmountMinor: 999, perMinute: null } };
  const { drive, gateway } = stage;
  const order = { merchantOrderNo: 'M1', amount: { minor: 1_000, currency: 'CNY' } };
  const refused = await drive(gateway.createPayment(merchant, anOrder(order), null));
  expect(refused).toMatchObject({ ok: false, error: { code: 'validation_failed', errors: [{ path: 'amount' }] } });
  expect(await stage.store.findByOrderNo('m_demo', 'M1')).toBeNull();
});
