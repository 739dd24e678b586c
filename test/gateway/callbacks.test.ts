import { afterEach, describe, expect, test } from 'vitest';
import { err, ok } from '../../src/payment/index.ts';
import { aCallback, anObservation, type ScriptedChannel } from './scripted-channel.ts';
import { attemptOf, eventsOf, openStage, type Stage, type StageOptions } from './stage.ts';

let stage: Stage<'a' | 'b'>;
afterEach(() => stage.stop());

async function open(options: Partial<StageOptions<'a' | 'b'>> = {}) {
  stage = await openStage({ channels: { a: {}, b: {} }, ...options });
  const payment = await stage.open();
  const attempt = attemptOf(payment, 1);
  stage.channels.a.pays(attempt.providerRef);
  return { payment, attempt };
}

const receive = async (
  channelId: string,
  token: string | null,
  raw: Parameters<Stage<'a'>['gateway']['receiveCallback']>[2],
) => (await stage.drive(stage.gateway.receiveCallback(channelId, token, raw))).body;

const outcomes = () => stage.reports.flatMap(([name, , outcome]) => (name === 'callback' ? [outcome] : []));

describe('a callback', () => {
  test('is applied once and acknowledged every time', async () => {
    const { payment, attempt } = await open();
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.callback(attempt, stage.channels.a)));
    expect(answers).toEqual(Array(50).fill('SUCCESS'));
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
    expect(outcomes().filter((outcome) => outcome === 'applied')).toHaveLength(1);
    expect(outcomes().filter((outcome) => outcome === 'duplicate')).toHaveLength(49);
  });

  test('tells how long after the payment it came', async () => {
    const { attempt } = await open();
    stage.clock.advance(1_500);
    await stage.callback(attempt, stage.channels.a);
    await stage.callback(attempt, stage.channels.a);
    expect(stage.reports.filter(([name]) => name === 'callbackDelay')).toEqual([['callbackDelay', 'a', 1_500]]);
  });

  test.each<[string, string, (token: string) => string | null]>([
    ['a wrong token', 'a', (token) => `${token}x`],
    ['no token where the provider takes one per order', 'a', () => null],
    ['the token of the order on another channel', 'b', (token) => token],
  ])('under %s changes nothing and is not acknowledged', async (_what, channelId, tokenOf) => {
    const { payment, attempt } = await open();
    const raw = stage.channels.a.notice(attempt.providerRef);
    expect(await receive(channelId, tokenOf(attempt.callbackToken), raw)).toBe('FAIL');
    expect((await stage.read(payment.id)).status).toBe('pending');
    expect(outcomes()).toEqual(['unknown_payment']);
    expect(stage.reports).toContainEqual(['anomaly', 'foreign_callback']);
  });

  test('needs no token where the provider keeps one URL for the account', async () => {
    const { attempt } = await open({ channels: { a: { callbackUrl: 'per_account' }, b: {} } });
    expect(await receive('a', null, stage.channels.a.notice(attempt.providerRef))).toBe('SUCCESS');
  });

  test.each<[string, Parameters<ScriptedChannel['notice']>[1], string]>([
    ['another amount', { amount: { minor: 1_001, currency: 'CNY' } }, 'amount_mismatch'],
    ['another currency', { amount: { minor: 1_000, currency: 'USD' } }, 'currency_mismatch'],
    ['another account', { account: 'account-of-b' }, 'account_mismatch'],
    ['no trade number', { channelTradeNo: null }, 'incomplete_success'],
  ])('of a success with %s changes nothing and raises an anomaly', async (_what, set, anomaly) => {
    const { payment, attempt } = await open();
    expect(await stage.callback(attempt, stage.channels.a, set)).toBe('FAIL');
    expect((await stage.read(payment.id)).status).toBe('pending');
    expect(stage.reports).toContainEqual(['anomaly', anomaly]);
  });

  test('about an order that we never made, or a channel that is not there, is refused', async () => {
    const { attempt } = await open();
    for (const ref of ['', 'nonsense', `${attempt.providerRef.slice(0, 26)}02`, '7'.repeat(28)]) {
      expect(await receive('a', 'token', stage.channels.a.notice(ref, { state: 'succeeded' }))).toBe('FAIL');
    }
    expect(await receive('nobody', 'token', stage.channels.a.notice(attempt.providerRef))).toBe('no such channel');
  });

  test('that concerns no order is acknowledged and counted as ignored', async () => {
    await open();
    expect(await receive('a', null, aCallback([]))).toBe('SUCCESS');
    expect(outcomes()).toEqual(['ignored']);
  });

  test('of several statements is acknowledged as a whole or not at all, and each counts', async () => {
    const { payment, attempt } = await open({ channels: { a: { callbackUrl: 'per_account' }, b: {} } });
    const { tradeNo, paidAt } = stage.channels.a.orders.get(attempt.providerRef) ?? {};
    const { account, amount, providerRef } = attempt;
    const good = anObservation({
      state: 'succeeded',
      account,
      amount,
      paidAt: paidAt ?? 0,
      channelTradeNo: tradeNo ?? '',
    });
    const bad = { kind: 'order' as const, providerRef: 'nonsense', observation: good };
    const right = { kind: 'order' as const, providerRef, observation: good };
    expect(await receive('a', null, aCallback([bad, right]))).toBe('FAIL');
    expect((await stage.read(payment.id)).status).toBe('succeeded');
    expect(outcomes()).toEqual(['unknown_payment', 'applied']);
    expect(await receive('a', null, aCallback([right]))).toBe('SUCCESS');
  });
});

describe('a callback that cannot be read', () => {
  test.each<[string, ScriptedChannel['reading'], string]>([
    ['is malformed', async () => err('malformed'), 'malformed'],
    [
      'makes the adapter throw',
      () => {
        throw new Error('a bug of the adapter');
      },
      'error',
    ],
    ['makes the adapter reject', async () => Promise.reject(new Error('a bug of the adapter')), 'error'],
    ['keeps the adapter busy whatever its signal says', () => new Promise(() => {}), 'error'],
  ])('because it %s is refused, counted, and never acknowledged', async (_what, reading, outcome) => {
    const { payment, attempt } = await open();
    stage.channels.a.reading = reading;
    expect(await stage.callback(attempt, stage.channels.a)).toBe('FAIL');
    expect(outcomes()).toEqual([outcome]);
    stage.channels.a.reading = null;
    expect(await stage.callback(attempt, stage.channels.a)).toBe('SUCCESS');
    expect((await stage.read(payment.id)).status).toBe('succeeded');
  });

  test('is read with a signal that ends in time for the answer', async () => {
    const { attempt } = await open();
    stage.channels.a.reading = (signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(ok([]))));
    expect(await stage.callback(attempt, stage.channels.a)).toBe('SUCCESS');
  });

  test('with a wrong signature is refused and counted', async () => {
    const { attempt } = await open();
    const forged = aCallback(
      [{ kind: 'order', providerRef: attempt.providerRef, observation: anObservation() }],
      false,
    );
    expect(await receive('a', attempt.callbackToken, forged)).toBe('FAIL');
    expect(outcomes()).toEqual(['bad_signature']);
  });
});
