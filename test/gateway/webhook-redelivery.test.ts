import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WebhookAnswer } from '../../src/gateway/index.ts';
import { apply, type Payment } from '../../src/payment/index.ts';
import { owe } from './owed-events.ts';
import { HOUR, NEW_YEAR, openStage, SECOND, type Stage } from './stage.ts';

const taken: WebhookAnswer = { outcome: 'answered', status: 200, body: '' };
const broken: WebhookAnswer = { outcome: 'answered', status: 500, body: '' };
const DAY = 24 * HOUR;

let stage: Stage<'a'>;
beforeEach(async () => {
  stage = await openStage({ channels: { a: {} }, running: true });
});
afterEach(() => stage.stop());

const deliveryOf = async ({ id }: Payment) => (await stage.read(id)).events[0]?.delivery;
const eventIdOf = (payment: Payment) => payment.events[0]?.id ?? '';
const redeliver = (set: Partial<Parameters<typeof stage.gateway.webhooks.redeliverDead>[0]> = {}) =>
  stage.drive(stage.gateway.webhooks.redeliverDead({ merchantId: null, limit: 1_000, ...set }));

/** A payment whose event came to be then and has been given up three days later. */
async function dead(at: number, merchantId = 'm_demo'): Promise<Payment> {
  const notifyUrl = 'https://shop.example/notify';
  const owed = await owe(stage.store, { notifyUrl, at, merchantId });
  const sent = { type: 'event_sent', eventId: eventIdOf(owed), tryNo: 1, delivered: false } as const;
  const given = apply(owed, sent, at + 3 * DAY);
  if (given.outcome !== 'applied') throw new Error(`not given up: ${given.reason}`);
  await stage.store.update({ ...given.payment, version: owed.version + 1 });
  return given.payment;
}

async function deadFor(count: number, merchantId = 'm_demo', from = NEW_YEAR - 30 * DAY): Promise<Payment[]> {
  const payments: Payment[] = [];
  for (let i = 0; i < count; i += 1) payments.push(await dead(from + i * HOUR, merchantId));
  return payments;
}

test('sends all that were given up again: same id, same body', async () => {
  const payments = await deadFor(40);
  expect(await redeliver()).toEqual({ redelivered: 40, next: null });
  for (const payment of payments) await stage.until(async () => (await deliveryOf(payment))?.state === 'delivered');
  const sent = new Map(stage.shop.requests.map(({ headers, body }) => [headers['webhook-id'], body]));
  expect(sent).toEqual(new Map(payments.map((payment) => [eventIdOf(payment), payment.events[0]?.body])));
  expect(await redeliver()).toEqual({ redelivered: 0, next: null });
});

test('of one merchant leaves the others alone, and a merchant reaches its own alone', async () => {
  const [mine] = await deadFor(1);
  const [theirs] = await deadFor(1, 'm_other');
  if (!mine || !theirs) throw new Error('there is one of each');
  expect(await redeliver({ merchantId: 'm_nobody' })).toEqual({ redelivered: 0, next: null });
  const own = stage.gateway.redeliverDead(stage.merchant, { limit: 10 });
  expect(await stage.drive(own)).toEqual({ redelivered: 1, next: null });
  expect(await deliveryOf(theirs)).toMatchObject({ state: 'dead' });
  expect(await redeliver({ merchantId: 'm_other' })).toEqual({ redelivered: 1, next: null });
});

test('takes those of a period alone, its start included and its end excluded', async () => {
  const from = NEW_YEAR - 30 * DAY;
  const payments = await deadFor(5);
  expect(await redeliver({ createdAfter: from + HOUR, createdBefore: from + 3 * HOUR })).toEqual({
    ...{ redelivered: 2, next: null },
  });
  const states = await Promise.all(payments.map(async (payment) => (await deliveryOf(payment))?.state));
  expect(states.map((state) => state === 'dead')).toEqual([true, false, false, true, true]);
});

test('is bounded, and `next` leads on until all are done', async () => {
  const payments = await deadFor(25);
  let after: string | undefined;
  const parts: number[] = [];
  do {
    const part = await redeliver({ limit: 10, ...(after === undefined ? {} : { after }) });
    parts.push(part.redelivered);
    after = part.next ?? undefined;
  } while (after !== undefined);
  expect(parts).toEqual([10, 10, 5]);
  for (const payment of payments) expect(await deliveryOf(payment)).not.toMatchObject({ state: 'dead' });
});

test('starts three days of retries anew, however old the event', async () => {
  const [payment] = await deadFor(1);
  if (!payment) throw new Error('there is one');
  stage.shop.answer = () => broken;
  await redeliver();
  await stage.elapse();
  expect(await deliveryOf(payment)).toMatchObject({ state: 'pending', tries: 1 });
  await stage.elapse(6 * SECOND);
  expect(await deliveryOf(payment)).toMatchObject({ state: 'pending', tries: 2 });
  while (stage.clock.now() < NEW_YEAR + 66 * HOUR) await stage.elapse(HOUR);
  expect(await deliveryOf(payment)).toMatchObject({ state: 'pending' });
  for (let i = 0; i < 8; i += 1) await stage.elapse(HOUR);
  expect(await deliveryOf(payment)).toMatchObject({ state: 'dead' });
});

test("by an operator's hand reaches one event of any merchant, in whatever state, and says when there is none", async () => {
  const [payment] = await deadFor(1);
  if (!payment) throw new Error('there is one');
  stage.shop.answer = () => taken;
  for (let i = 1; i <= 2; i += 1) {
    const asked = await stage.drive(stage.gateway.webhooks.redeliver(eventIdOf(payment)));
    expect(asked).toMatchObject({ ok: true, value: { merchantId: 'm_demo', paymentId: payment.id } });
    await stage.elapse();
    expect(stage.shop.requests).toHaveLength(i);
  }
  for (const id of ['nonsense', `${eventIdOf(payment)}x`]) {
    expect(await stage.drive(stage.gateway.webhooks.redeliver(id))).toMatchObject({ error: { code: 'not_found' } });
  }
});

test('what was given up is listed for its merchant and for an operator', async () => {
  const [mine] = await deadFor(1);
  await deadFor(1, 'm_other');
  const own = await stage.gateway.listEvents(stage.merchant, { state: 'dead', limit: 10 });
  expect(own.map(({ event }) => event.id)).toEqual([mine && eventIdOf(mine)]);
  expect(own[0]?.event.delivery).toMatchObject({ state: 'dead', tries: 1 });
  const all = await stage.gateway.webhooks.listDead({ merchantId: null, limit: 10 });
  expect(all.map(({ merchantId }) => merchantId)).toEqual(['m_demo', 'm_other']);
});
