import { afterEach, describe, expect, test } from 'vitest';
import type { WebhookAnswer } from '../../src/gateway/index.ts';
import type { Payment } from '../../src/payment/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { type Fate, faultyStore } from './faulty-store.ts';
import { owe } from './owed-events.ts';
import { anObservation } from './scripted-channel.ts';
import { HOUR, MINUTE, NEW_YEAR, openStage, SECOND, type Stage, type StageOptions } from './stage.ts';

let stage: Stage<'a'>;
afterEach(() => stage.stop());

const ORIGIN = 'https://down.example';
const ENDPOINT = `${ORIGIN}/hook-of-shop`;
const taken: WebhookAnswer = { outcome: 'answered', status: 200, body: '' };
const broken: WebhookAnswer = { outcome: 'answered', status: 500, body: '' };

async function open(options: Partial<StageOptions<'a'>> = {}): Promise<void> {
  stage = await openStage({ channels: { a: {} }, running: true, ...options });
  stage.shop.answer = () => broken;
}

const oweOne = (notifyUrl = `${ENDPOINT}?order=1`): Promise<Payment> =>
  owe(stage.store, { notifyUrl, at: stage.clock.now() });
const deliveryOf = async ({ id }: Payment, index = 0) => (await stage.read(id)).events[index]?.delivery;
const stateOf = async (payment: Payment) => (await deliveryOf(payment))?.state;
const sent = () => stage.shop.requests.length;
const reported = (name: string, ...words: unknown[]) =>
  stage.reports.filter((report) => report[0] === name && words.every((word) => report.includes(word)));
const endpoints = () => stage.gateway.webhooks.endpoints();

/** Lets time pass in small steps, so that whatever comes due is done about when it is due. */
async function pass(ms: number, stepMs = MINUTE): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) await stage.elapse(Math.min(stepMs, ms - passed));
}

/** A shop that has failed for a day with one event, and has just been paused for it. */
async function paused(options: Partial<StageOptions<'a'>> = {}): Promise<Payment> {
  await open(options);
  const payment = await oweOne();
  await stage.elapse();
  while (endpoints()[0]?.pausedAt === null) await stage.elapse(MINUTE);
  return payment;
}

describe('an address that works again', () => {
  test('gets what it has failed to take right away, and not at the hours of their next tries', async () => {
    await open();
    const missed = [await oweOne(), await oweOne(), await oweOne(`${ENDPOINT}?order=3`)];
    await stage.elapse();
    await pass(20 * MINUTE);
    const inAnHour = stage.clock.now() + 30 * MINUTE;
    for (const payment of missed) expect(await deliveryOf(payment)).toMatchObject({ state: 'pending', tries: 5 });
    stage.shop.answer = () => taken;
    const fresh = await oweOne();
    await pass(5 * SECOND, SECOND);
    for (const payment of [fresh, ...missed]) expect(await stateOf(payment)).toBe('delivered');
    expect(stage.clock.now()).toBeLessThan(inAnHour);
    expect(sent()).toBe(3 * 5 + 1 + 3);
  });

  test('is not asked again and again about the one event that it does not take', async () => {
    await open();
    const poison = await oweOne(`${ENDPOINT}?order=poison`);
    stage.shop.answer = ({ url }) => (url.includes('poison') ? broken : taken);
    for (let i = 0; i < 60; i += 1) {
      await oweOne();
      await pass(20 * SECOND, 10 * SECOND);
    }
    expect(await deliveryOf(poison)).toMatchObject({ state: 'pending', tries: 5 });
  });

  test('gets what it has failed to take also after a pause, and not an hour later', async () => {
    await open();
    const missed: Payment[] = [];
    for (let i = 0; i < 12; i += 1) missed.push(await oweOne());
    await stage.elapse();
    while (endpoints()[0]?.pausedAt === null) await stage.elapse(MINUTE);
    // Each has its own next try while the address is paused: some are put off then, some are trials that fail.
    await pass(4 * HOUR, 5 * MINUTE);
    stage.shop.answer = () => taken;
    const fresh = await oweOne();
    await stage.elapse();
    await stage.elapse((endpoints()[0]?.nextTrialAt ?? 0) - stage.clock.now());
    await pass(2 * MINUTE, SECOND);
    for (const payment of [fresh, ...missed]) expect(await stateOf(payment)).toBe('delivered');
  });

  test('gets it right away as well when an operator has ended the pause', async () => {
    const failed = await paused();
    stage.shop.answer = () => taken;
    // Its own next try is hours away.
    stage.gateway.webhooks.resume('m_demo', null);
    await pass(MINUTE, SECOND);
    expect(await stateOf(failed)).toBe('delivered');
  });

  test('keeps its hands off another address of the same shop', async () => {
    await open();
    const elsewhere = await oweOne(`${ORIGIN}/other`);
    const here = await oweOne();
    await stage.elapse();
    await pass(20 * MINUTE);
    stage.shop.answer = ({ url }) => (url.includes('/other') ? broken : taken);
    await oweOne();
    await pass(5 * SECOND, SECOND);
    expect([await stateOf(here), await stateOf(elsewhere)]).toEqual(['delivered', 'pending']);
    expect(await deliveryOf(elsewhere)).toMatchObject({ tries: 5 });
  });
});

describe('an address that fails', () => {
  test('is written down once, with the time of its first failure, and forgotten with its first success', async () => {
    const writes: string[] = [];
    const watching = (store: PaymentStore) =>
      faultyStore(store, (method): Fate => {
        if (method === 'saveFailingEndpoint' || method === 'forgetFailingEndpoint') writes.push(method);
        return 'works';
      });
    await open({ wrapStore: watching });
    for (let i = 0; i < 5; i += 1) await oweOne();
    await stage.elapse();
    await pass(10 * MINUTE);
    const entry = {
      merchantId: 'm_demo',
      endpoint: ENDPOINT,
      failingSince: NEW_YEAR,
      pausedAt: null,
      reason: 'status 500',
    };
    expect(await stage.store.listFailingEndpoints()).toEqual([entry]);
    expect(endpoints()).toEqual([{ ...entry, nextTrialAt: null }]);
    expect(writes).toEqual(['saveFailingEndpoint']);
    stage.shop.answer = () => taken;
    await pass(30 * MINUTE);
    expect(await stage.store.listFailingEndpoints()).toEqual([]);
    expect(writes).toEqual(['saveFailingEndpoint', 'forgetFailingEndpoint']);
  });

  test('is not paused by failures between which it works', async () => {
    await open();
    for (let hour = 0; hour < 40; hour += 1) {
      stage.shop.answer = () => (hour % 4 === 3 ? taken : broken);
      await oweOne();
      await pass(HOUR, 10 * MINUTE);
    }
    expect(reported('anomaly', 'webhook_endpoint_paused')).toEqual([]);
  });

  test('has its address refused, or hangs up, and counts as failing just as well', async () => {
    await open();
    stage.shop.answer = () => ({ outcome: 'refused', reason: 'private_address' });
    await oweOne();
    await stage.elapse();
    expect(endpoints()).toMatchObject([{ reason: 'private_address' }]);
  });

  test('is not blamed for a fault of our own', async () => {
    await open();
    stage.shop.answer = () => {
      throw new Error('a bug of the sender');
    };
    const payment = await oweOne();
    await stage.elapse();
    expect(await deliveryOf(payment)).toMatchObject({ tries: 1 });
    expect(endpoints()).toEqual([]);
  });

  test('costs nothing but its memory when the store does not take it', async () => {
    const failing = (store: PaymentStore) =>
      faultyStore(store, (method): Fate => (method === 'saveFailingEndpoint' ? 'fails' : 'works'));
    await open({ wrapStore: failing });
    const payment = await oweOne();
    await stage.elapse();
    expect(await deliveryOf(payment)).toMatchObject({ tries: 1 });
    expect(endpoints()).toHaveLength(1);
  });
});

describe('an address that has failed for a day', () => {
  test('is paused: reported once, written down, and named without its path in the log', async () => {
    await paused();
    const [entry] = await stage.store.listFailingEndpoints();
    expect(entry).toMatchObject({ failingSince: NEW_YEAR, reason: 'status 500' });
    expect((entry?.pausedAt ?? 0) - NEW_YEAR).toBeGreaterThanOrEqual(24 * HOUR);
    expect(reported('anomaly', 'webhook_endpoint_paused')).toHaveLength(1);
    const lines = reported('error', 'webhook endpoint paused');
    expect(lines).toMatchObject([
      ['error', { merchantId: 'm_demo', origin: ORIGIN, reason: 'status 500' }, expect.anything()],
    ]);
    expect(JSON.stringify(stage.reports)).not.toContain('hook-of-shop');
  });

  test('gets one delivery an hour, however many events wait', async () => {
    await paused();
    for (let i = 0; i < 30; i += 1) await oweOne();
    const before = sent();
    await pass(5 * HOUR + 2 * MINUTE);
    expect(sent() - before).toBe(5);
    expect(reported('anomaly', 'webhook_endpoint_paused')).toHaveLength(1);
  });

  test('puts an event off once an hour, and once more if it comes during the trial', async () => {
    await paused();
    for (let i = 0; i < 30; i += 1) await oweOne();
    await stage.elapse();
    const before = reported('webhookDelivery', 'postponed').length;
    await pass(5 * HOUR);
    expect(reported('webhookDelivery', 'postponed').length - before).toBeLessThanOrEqual(31 * 5 * 2);
  });

  test('gets everything that waits within about a minute of a trial that succeeds', async () => {
    await paused();
    const payments: Payment[] = [];
    for (let i = 0; i < 30; i += 1) payments.push(await oweOne());
    await stage.elapse();
    stage.shop.answer = () => taken;
    const trialAt = endpoints()[0]?.nextTrialAt ?? 0;
    expect(trialAt - stage.clock.now()).toBeLessThanOrEqual(HOUR);
    const before = sent();
    await stage.elapse(trialAt - stage.clock.now() - 1);
    expect(sent()).toBe(before);
    await pass(2 * MINUTE, SECOND);
    for (const payment of payments) expect(await stateOf(payment)).toBe('delivered');
    expect(await stage.store.listFailingEndpoints()).toEqual([]);
    expect(reported('info', 'webhook endpoint resumed')).toHaveLength(1);
  });

  test('the same after a restart, when only the documents know what waits', async () => {
    await paused();
    const payments: Payment[] = [];
    for (let i = 0; i < 30; i += 1) payments.push(await oweOne());
    await stage.elapse();
    stage = await stage.crash();
    await stage.elapse();
    expect(endpoints()).toMatchObject([{ endpoint: ENDPOINT, failingSince: NEW_YEAR, pausedAt: expect.any(Number) }]);
    stage.shop.answer = () => taken;
    await pass(64 * MINUTE);
    for (const payment of payments) expect(await stateOf(payment)).toBe('delivered');
  });

  test('does not hold up another address of the same merchant', async () => {
    await paused();
    stage.shop.answer = ({ url }) => (url.startsWith(ORIGIN) ? broken : taken);
    const other = await oweOne('https://up.example/notify');
    await stage.elapse();
    expect(await stateOf(other)).toBe('delivered');
  });

  test('still sees each event given up after its three days, by a last try', async () => {
    await paused();
    const payments: Payment[] = [];
    for (let i = 0; i < 20; i += 1) payments.push(await oweOne());
    // A try of the last three hours is the last one, and the hourly trial may be one.
    await pass(68 * HOUR, 10 * MINUTE);
    for (const payment of payments) expect(await stateOf(payment)).toBe('pending');
    await pass(6 * HOUR, 2 * MINUTE);
    for (const payment of payments) {
      const delivery = await deliveryOf(payment);
      expect(delivery).toMatchObject({ state: 'dead' });
      expect(delivery?.state === 'dead' ? delivery.tries : 0).toBeGreaterThan(0);
    }
    expect((await stage.store.listDeadEvents({ merchantId: null, limit: 100 })).length).toBe(21);
  });

  test('keeps the order of the events of a payment', async () => {
    await open({ policies: { lateSuccess: 'accept' } });
    const failing = await oweOne();
    await stage.elapse();
    while (endpoints()[0]?.pausedAt === null) await stage.elapse(MINUTE);
    const payment = await stage.open({ notifyUrl: ENDPOINT });
    const [attempt] = payment.attempts;
    if (!attempt) throw new Error('there is one attempt');
    stage.channels.a.next('close', anObservation({ state: 'closed' }));
    await stage.drive(stage.gateway.closePayment(stage.merchant, payment.id));
    stage.channels.a.pays(attempt.providerRef);
    await stage.callback(attempt, stage.channels.a);
    expect((await stage.read(payment.id)).events).toHaveLength(2);
    stage.shop.answer = () => taken;
    await pass(64 * MINUTE);
    const types = stage.shop.requests
      .filter(({ body }) => body.includes(payment.id))
      .map(({ body }) => (JSON.parse(body) as { type: string }).type);
    expect(types).toEqual(['payment.closed', 'payment.succeeded']);
    expect(await stateOf(failing)).not.toBe('dead');
  });
});

describe('a paused address is resumed', () => {
  test('by hand, and gets what waits at once', async () => {
    await paused();
    const payments: Payment[] = [];
    for (let i = 0; i < 30; i += 1) payments.push(await oweOne());
    await stage.elapse();
    stage.shop.answer = () => taken;
    expect(stage.gateway.webhooks.resume('m_other', null)).toBe(0);
    expect(stage.gateway.webhooks.resume('m_demo', `${ORIGIN}/another`)).toBe(0);
    expect(stage.gateway.webhooks.resume('m_demo', ENDPOINT)).toBe(1);
    for (const payment of payments) await stage.until(async () => (await stateOf(payment)) === 'delivered');
    expect(endpoints()).toEqual([]);
    await stage.until(async () => (await stage.store.listFailingEndpoints()).length === 0);
  });

  test('by hand with all others of its merchant', async () => {
    await paused();
    expect(stage.gateway.webhooks.resume('m_demo', null)).toBe(1);
    expect(stage.gateway.webhooks.resume('m_demo', null)).toBe(0);
  });

  test('by an event that a person has sent again, which is a trial of its own, once a minute', async () => {
    const payment = await paused();
    const eventId = payment.events[0]?.id ?? '';
    const before = sent();
    for (let i = 0; i < 3; i += 1) {
      await stage.drive(stage.gateway.redeliverEvent(stage.merchant, eventId));
      await stage.elapse();
    }
    expect(sent() - before).toBe(1);
    stage.shop.answer = () => taken;
    await pass(MINUTE);
    await stage.drive(stage.gateway.redeliverEvent(stage.merchant, eventId));
    await stage.elapse();
    expect(await stateOf(payment)).toBe('delivered');
    expect(endpoints()).toEqual([]);
  });
});

describe('a start', () => {
  test('goes on without the list of failing addresses when the store cannot be read', async () => {
    await open({ running: false });
    const unreadable = (store: PaymentStore) =>
      faultyStore(store, (method): Fate => (method === 'listFailingEndpoints' ? 'fails' : 'works'));
    await stage.stop();
    await open({ wrapStore: unreadable });
    stage.shop.answer = () => taken;
    const payment = await oweOne();
    await stage.elapse();
    expect(await stateOf(payment)).toBe('delivered');
  });

  test('takes the first event that comes as the trial of a paused address', async () => {
    const payment = await paused();
    await pass(10 * MINUTE);
    stage = await stage.crash();
    const before = sent();
    await oweOne();
    await oweOne();
    await stage.elapse();
    expect(sent() - before).toBe(1);
    expect(await stateOf(payment)).toBe('pending');
  });
});
