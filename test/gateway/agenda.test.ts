import { afterEach, describe, expect, test, vi } from 'vitest';
import type { PaymentStore } from '../../src/store/port.ts';
import { type Fate, faultyStore } from './faulty-store.ts';
import { held } from './scripted-channel.ts';
import { attemptOf, openStage, SECOND, type Stage, type StageOptions } from './stage.ts';

let stage: Stage<'a'>;
afterEach(() => stage.stop());

async function open(options: Partial<StageOptions<'a'>> = {}): Promise<void> {
  stage = await openStage({ channels: { a: {} }, running: true, ...options });
}

const faults = () => stage.reports.filter(([name, , message]) => name === 'error' && message === 'agenda item failed');

describe('the agenda', () => {
  test('does not spin on a payment that it cannot serve, and serves the others', async () => {
    let poisoned = '';
    await open({
      wrapStore: (store: PaymentStore) => ({
        ...faultyStore(store, (): Fate => 'works'),
        update: async (next, options) => {
          if (next.id === poisoned) throw new Error('a fault that stays');
          return store.update(next, options);
        },
      }),
    });
    const [bad, good] = [await stage.open(), await stage.open()];
    poisoned = bad.id;
    stage.clock.advance(5 * SECOND);
    await stage.drive(new Promise((resolve) => setTimeout(resolve, 900)));
    expect(faults().length).toBeLessThanOrEqual(2);
    expect((await stage.read(good.id)).agenda.find((item) => item.kind === 'query')).toMatchObject({ tries: 1 });
    poisoned = '';
    await stage.elapse();
    expect((await stage.read(bad.id)).agenda.find((item) => item.kind === 'query')).toMatchObject({ tries: 1 });
  });

  test('does what else is due for a payment when one thing fails', async () => {
    let failing = true;
    await open({
      wrapStore: (store: PaymentStore) => ({
        ...faultyStore(store, (): Fate => 'works'),
        update: async (next, options) => {
          const queries = next.agenda.some((item) => item.kind === 'query' && item.tries > 0);
          if (failing && queries) throw new Error('a fault of the query alone');
          return store.update(next, options);
        },
      }),
    });
    const payment = await stage.open();
    stage.clock.advance(15 * 60 * SECOND);
    await stage.until(async () => (await stage.read(payment.id)).closeRequested !== null);
    expect(faults().length).toBeGreaterThan(0);
    failing = false;
  });

  test('survives an outage of the store and goes on', async () => {
    let outage = false;
    await open({ wrapStore: (store) => faultyStore(store, (): Fate => (outage ? 'fails' : 'works')) });
    const payment = await stage.open();
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    outage = true;
    stage.clock.advance(5 * SECOND);
    await stage.drive(new Promise((resolve) => setTimeout(resolve, 2_000)));
    outage = false;
    await stage.elapse();
    expect((await stage.read(payment.id)).status).toBe('succeeded');
  });

  test('gives its leases back when it stops, so that the next process begins at once', async () => {
    await open({ channels: { a: { timeoutMs: 30_000 } } });
    const payment = await stage.open();
    const answer = held();
    stage.channels.a.next('query', answer.reply);
    stage.clock.advance(5 * SECOND);
    await stage.drive(answer.begun);
    const claim = { now: stage.clock.now(), owner: 'the next process', leaseMs: 1_000, limit: 10 };
    expect(await stage.store.claimDue(claim)).toEqual([]);
    await stage.drive(stage.gateway.stop());
    expect((await stage.store.claimDue(claim)).map(({ id }) => id)).toEqual([payment.id]);
    expect((await stage.read(payment.id)).agenda.find((item) => item.kind === 'query')).toMatchObject({ tries: 0 });
    answer.release();
  });

  test('keeps what a channel said while it was stopping', async () => {
    await open({ channels: { a: { timeoutMs: 30_000 } } });
    const payment = await stage.open();
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    stage.channels.a.next(
      'query',
      (honest, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(honest()))),
    );
    stage.clock.advance(5 * SECOND);
    await stage.until(() => stage.channels.a.count('query') === 1);
    await stage.drive(stage.gateway.stop());
    expect((await stage.read(payment.id)).status).toBe('succeeded');
  });
});

describe('stopping', () => {
  test('ends probes and questions by their signal, and leaves no timer behind', async () => {
    await open({ channels: { a: { timeoutMs: 30_000 } }, running: false });
    await stage.open();
    const before = vi.getTimerCount();
    const probe = held();
    stage.channels.a.always('probe', probe.reply);
    stage.gateway.start();
    stage.clock.advance(3 * SECOND);
    await stage.drive(probe.begun);
    let stopped = false;
    const stopping = stage.gateway.stop().then(() => {
      stopped = true;
    });
    await stage.drive(new Promise((resolve) => setTimeout(resolve, 500)));
    expect(stopped).toBe(true);
    await stopping;
    probe.release();
    expect(vi.getTimerCount()).toBe(before);
  });
});

test('a question that a request and the agenda have at the same time is asked once', async () => {
  await open();
  const payment = await stage.open();
  const answer = held();
  stage.channels.a.next('query', answer.reply);
  stage.clock.advance(5 * SECOND);
  await stage.drive(answer.begun);
  const syncing = stage.drive(stage.gateway.syncPayment(stage.merchant, payment.id));
  await stage.drive(new Promise((resolve) => setTimeout(resolve, 100)));
  answer.release();
  expect(await syncing).toMatchObject({ ok: true, value: { status: 'pending' } });
  expect(stage.channels.a.count('query')).toBe(1);
});
