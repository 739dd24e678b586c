import { afterEach, describe, expect, test } from 'vitest';
import type { Attempt, Payment } from '../../src/payment/index.ts';
import { anObservation, held, isLost, losesItsAnswer } from './scripted-channel.ts';
import { attemptOf, attemptsOf, eventsOf, MINUTE, openStage, SECOND, type Stage } from './stage.ts';

let stage: Stage<'a'>;
afterEach(() => stage.stop());

/** An order whose buyer has agreed; nobody has told us yet. */
async function anApprovedOrder(): Promise<{ payment: Payment; attempt: Attempt }> {
  stage = await openStage({ channels: { a: { captures: true } }, running: true });
  const payment = await stage.open();
  const attempt = attemptOf(payment, 1);
  stage.channels.a.approves(attempt.providerRef);
  return { payment, attempt };
}

const captures = () => stage.channels.a.count('capture');
const close = (payment: Payment) => stage.drive(stage.gateway.closePayment(stage.merchant, payment.id));

describe('an order that its buyer has approved', () => {
  test('is captured as soon as the callback says so, once, however often it says so', async () => {
    const { payment, attempt } = await anApprovedOrder();
    const answers = await Promise.all(Array.from({ length: 20 }, () => stage.callback(attempt, stage.channels.a)));
    expect(answers).toEqual(Array(20).fill('SUCCESS'));
    await stage.elapse();
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
    expect(captures()).toBe(1);
  });

  test('is captured by the next query when the callback is lost', async () => {
    const { payment } = await anApprovedOrder();
    await stage.elapse(10 * SECOND);
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
  });

  test.each([
    ['whose answer was lost is found done', losesItsAnswer, 1],
    ['that was lost on its way is sent again', isLost, 2],
  ])('a capture %s', async (_what, reply, times) => {
    const { payment, attempt } = await anApprovedOrder();
    stage.channels.a.next('capture', reply);
    await stage.callback(attempt, stage.channels.a);
    await stage.until(() => captures() === 1);
    await stage.elapse(MINUTE);
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
    expect(captures()).toBe(times);
  });

  test('is captured by the process that comes after one that was killed on the way', async () => {
    const { payment, attempt } = await anApprovedOrder();
    await stage.callback(attempt, stage.channels.a);
    stage = await stage.crash();
    await stage.elapse(2 * MINUTE);
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
    expect(stage.channels.a.orders.get(attempt.providerRef)?.state).toBe('succeeded');
  });

  test('is not captured when the payment was closed before', async () => {
    const { payment, attempt } = await anApprovedOrder();
    stage.channels.a.next('query', anObservation({ state: 'open' }));
    await close(payment);
    expect((await stage.read(payment.id)).status).toBe('closed');
    expect(await stage.callback(attempt, stage.channels.a)).toBe('SUCCESS');
    await stage.elapse(5 * MINUTE);
    expect(captures()).toBe(0);
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.closed']);
  });

  test('is not captured after its time', async () => {
    const { payment, attempt } = await anApprovedOrder();
    stage.channels.a.always('query', isLost);
    await stage.elapse(14 * MINUTE);
    stage.clock.advance(2 * MINUTE);
    stage.channels.a.always('query', null);
    await stage.callback(attempt, stage.channels.a);
    await stage.elapse(5 * MINUTE);
    expect(captures()).toBe(0);
    expect((await stage.read(payment.id)).status).toBe('closed');
  });

  test('is not given up while a capture of it is under way, whatever the provider says of a close', async () => {
    const { payment, attempt } = await anApprovedOrder();
    const slow = held();
    stage.channels.a.next('capture', slow.reply);
    await stage.callback(attempt, stage.channels.a);
    await stage.drive(slow.begun);
    await close(payment);
    expect(stage.channels.a.count('close')).toBeGreaterThan(0);
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['a open']);
    slow.release();
    await stage.elapse(10 * SECOND);
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
  });

  test('is given up a minute after a capture that never arrived, and not captured again', async () => {
    const { payment, attempt } = await anApprovedOrder();
    stage.channels.a.next('capture', isLost);
    await stage.callback(attempt, stage.channels.a);
    await stage.until(() => captures() === 1);
    await close(payment);
    await stage.elapse(30 * SECOND);
    expect((await stage.read(payment.id)).status).toBe('pending');
    await stage.elapse(2 * MINUTE);
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.closed']);
    expect(captures()).toBe(1);
  });

  test('is not captured when it is for another amount or account than was asked for', async () => {
    const { payment, attempt } = await anApprovedOrder();
    const amount = { minor: 1_001, currency: 'CNY' };
    const account = 'account-of-a';
    stage.channels.a.next('query', anObservation({ state: 'approved', amount, account }));
    stage.channels.a.next('query', anObservation({ state: 'approved', amount: attempt.amount, account: 'another' }));
    for (let asked = 1; stage.channels.a.count('query') < 2 && asked < 5; asked += 1) await stage.elapse(10 * SECOND);
    expect(captures()).toBe(0);
    expect(stage.reports).toContainEqual(['anomaly', 'amount_mismatch']);
    expect(stage.reports).toContainEqual(['anomaly', 'account_mismatch']);
    expect((await stage.read(payment.id)).status).toBe('pending');
  });

  test('whose way to pay is declined stays open with the reason, and is captured once the buyer has chosen another', async () => {
    const { payment, attempt } = await anApprovedOrder();
    const error = { kind: 'DECLINED', providerCode: 'INSTRUMENT_DECLINED' };
    stage.channels.a.next('capture', anObservation({ state: 'open', error }));
    await stage.callback(attempt, stage.channels.a);
    await stage.until(() => captures() === 1);
    await stage.elapse();
    expect((await stage.read(payment.id)).attempts[0]).toMatchObject({ status: 'open', error });
    await stage.callback(attempt, stage.channels.a);
    await stage.elapse();
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
  });
});
