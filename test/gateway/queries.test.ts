import { afterEach, describe, expect, test } from 'vitest';
import { aCallback, anObservation } from './scripted-channel.ts';
import { attemptOf, MINUTE, openStage, SECOND, type Stage } from './stage.ts';

let stage: Stage<'a'>;
afterEach(() => stage.stop());

describe('a payment whose callback is lost', () => {
  test.each([
    [0, MINUTE],
    [7, MINUTE],
    [61, MINUTE],
    [400, MINUTE],
    [800, MINUTE],
    [400, 20 * SECOND],
  ])('%i s after its creation is known within the configured time of being paid', async (paidAfterS, within) => {
    stage = await openStage({ channels: { a: {} }, running: true, policies: { paidKnownWithinMs: within } });
    const payment = await stage.open();
    for (let s = 0; s < paidAfterS; s += 1) await stage.elapse(SECOND);
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    for (let s = 0; s < within / SECOND; s += 1) await stage.elapse(SECOND);
    expect((await stage.read(payment.id)).status).toBe('succeeded');
    const known = stage.reports.find(([name]) => name === 'paymentKnown');
    expect(known?.slice(1, 3)).toEqual(['a', 'query']);
  });
});

describe('a message that cannot be believed', () => {
  const forged = (providerRef: string) =>
    aCallback([{ kind: 'order', providerRef, observation: anObservation({ state: 'succeeded' }) }], false);

  test('changes nothing, and brings the question forward when it came to the right address', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    const payment = await stage.open();
    const attempt = attemptOf(payment, 1);
    stage.channels.a.pays(attempt.providerRef);
    await stage.drive(stage.gateway.receiveCallback('a', attempt.callbackToken, forged(attempt.providerRef)));
    await stage.elapse();
    expect((await stage.read(payment.id)).status).toBe('succeeded');
    expect(stage.channels.a.count('query')).toBe(1);
  });

  test('to a guessed address asks nobody', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    const payment = await stage.open();
    const attempt = attemptOf(payment, 1);
    const guessed = `${attempt.providerRef}-${'A'.repeat(22)}`;
    await stage.drive(stage.gateway.receiveCallback('a', guessed, forged(attempt.providerRef)));
    await stage.elapse();
    expect(stage.channels.a.count('query')).toBe(0);
  });

  test('makes us ask only so often, however many come', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    const payment = await stage.open();
    const attempt = attemptOf(payment, 1);
    for (let i = 0; i < 200; i += 1) {
      await stage.drive(stage.gateway.receiveCallback('a', attempt.callbackToken, forged(attempt.providerRef)));
    }
    expect(stage.channels.a.count('query')).toBeLessThanOrEqual(30);
  });
});

describe('the request budget of a channel', () => {
  test('spreads the questions, keeps each its place, and forgets nobody', async () => {
    stage = await openStage({ channels: { a: { queriesPerSecond: 2 } }, running: true });
    const payments = [];
    for (let i = 0; i < 20; i += 1) payments.push(await stage.open());
    for (const payment of payments) stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    for (let s = 0; s < 5; s += 1) await stage.elapse(SECOND);
    const early = stage.channels.a.count('query');
    expect(early).toBeLessThanOrEqual(4);
    for (let s = 0; s < 12; s += 1) await stage.elapse(SECOND);
    const known = await Promise.all(payments.map(({ id }) => stage.read(id)));
    expect(known.filter(({ status }) => status === 'succeeded')).toHaveLength(20);
    // One question each: who waited did not ask in vain.
    expect(stage.channels.a.count('query')).toBe(20);
    expect(stage.reports.some(([name]) => name === 'queryPostponed')).toBe(true);
  });
});

describe('a buyer at the cashier', () => {
  test('makes us ask more often than the agenda would, and never more than every few seconds', async () => {
    stage = await openStage({ channels: { a: {} } });
    const payment = await stage.open();
    for (let s = 0; s < 60; s += 1) {
      stage.clock.advance(SECOND);
      await stage.drive(stage.gateway.findForBuyer(payment.id));
    }
    expect(stage.channels.a.count('query')).toBeGreaterThanOrEqual(9);
    expect(stage.channels.a.count('query')).toBeLessThanOrEqual(13);
  });
});
