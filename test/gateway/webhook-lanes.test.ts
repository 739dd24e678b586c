import { afterEach, expect, test } from 'vitest';
import type { WebhookAnswer, WebhookRequest } from '../../src/gateway/index.ts';
import type { Payment } from '../../src/payment/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { type Fate, faultyStore } from './faulty-store.ts';
import { owe } from './owed-events.ts';
import { HOUR, openStage, SECOND, type Stage, type StageOptions } from './stage.ts';

let stage: Stage<'a'>;
afterEach(() => stage.stop());

const SLOW = 'https://slow.example/notify';
const GOOD = 'https://good.example/notify';
const taken: WebhookAnswer = { outcome: 'answered', status: 200, body: '' };

/** Shops under `SLOW` answer when they are let go; all others at once. */
async function open(options: Partial<StageOptions<'a'>> = {}) {
  stage = await openStage({ channels: { a: {} }, running: true, ...options });
  const waiting: (() => void)[] = [];
  let atOnce = 0;
  let most = 0;
  let isSlow = true;
  stage.shop.answer = ({ url }: WebhookRequest, signal) => {
    if (!url.startsWith('https://slow.example/') || !isSlow) return taken;
    atOnce += 1;
    most = Math.max(most, atOnce);
    return new Promise((resolve) => {
      const end = (answer: WebhookAnswer) => () => {
        atOnce -= 1;
        resolve(answer);
      };
      waiting.push(end(taken));
      signal.addEventListener('abort', end({ outcome: 'failed', reason: 'AbortError' }));
    });
  };
  return {
    hanging: () => atOnce,
    most: () => most,
    letGo: () => {
      for (const go of waiting.splice(0)) go();
    },
    becomeFast: () => {
      isSlow = false;
      for (const go of waiting.splice(0)) go();
    },
  };
}

/** Payments whose shop has to be told now. */
async function oweAll(count: number, notifyUrl: string): Promise<Payment[]> {
  const payments = Array.from({ length: count }, () => owe(stage.store, { notifyUrl, at: stage.clock.now() }));
  return Promise.all(payments);
}

/** Lets the agenda work until no more than these are due: those that it is sending. */
const untilDue = (count: number) =>
  stage.until(async () => (await stage.store.dueBacklog(stage.clock.now())).count === count);

const deliveryOf = async ({ id }: Payment) => (await stage.read(id)).events[0]?.delivery;
const isDelivered = async (payment: Payment) => (await deliveryOf(payment))?.state === 'delivered';
const postponed = () =>
  stage.reports.filter(([name, word]) => name === 'webhookDelivery' && word === 'postponed').length;
const sent = (url: string) => stage.shop.requests.filter((request) => request.url.startsWith(url)).length;

/** Lets a shop that takes three at a time answer all of ten. */
async function answerInThrees(shop: Awaited<ReturnType<typeof open>>, payments: readonly Payment[]): Promise<void> {
  for (let served = 3; served <= 10; served += 3) {
    await stage.until(() => sent(SLOW) === served);
    shop.letGo();
  }
  await stage.until(() => sent(SLOW) === 10);
  shop.letGo();
  for (const payment of payments) await stage.until(() => isDelivered(payment));
  expect(shop.most()).toBe(3);
}

test('an address gets so many deliveries at a time; the others follow as soon as one is over', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 3 } });
  const payments = await oweAll(10, SLOW);
  await untilDue(3);
  expect(shop.hanging()).toBe(3);
  expect(postponed()).toBe(7);
  for (const payment of payments) expect(await deliveryOf(payment)).toMatchObject({ state: 'pending', tries: 0 });
  await answerInThrees(shop, payments);
  expect(postponed()).toBe(7);
  expect(new Set(stage.shop.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(10);
});

test('addresses are told apart by origin and path, not by their query', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 1 } });
  for (const order of ['1', '2']) await oweAll(1, `${SLOW}?order=${order}`);
  for (const path of ['a', 'b']) await oweAll(1, `https://slow.example/${path}`);
  await untilDue(3);
  await stage.until(() => shop.hanging() === 3);
  expect(shop.hanging()).toBe(3);
  expect(sent(SLOW)).toBe(1);
});

test('a shop that hangs with thousands of events delays no other shop, and costs one write for each', async () => {
  let updates = 0;
  const counting = (store: PaymentStore) =>
    faultyStore(store, (method): Fate => {
      if (method === 'update') updates += 1;
      return 'works';
    });
  const shop = await open({ wrapStore: counting });
  const slow = await oweAll(3_000, SLOW);
  const [good] = await oweAll(1, GOOD);
  if (!good) throw new Error('there is one');
  await stage.until(() => isDelivered(good));
  expect(shop.hanging()).toBe(8);
  await untilDue(8);
  expect(shop.hanging()).toBe(8);
  expect(updates).toBe(3_000 - 8 + 1);
  shop.becomeFast();
  for (const payment of slow) await stage.until(() => isDelivered(payment));
  expect(updates).toBe(3_000 - 8 + 1 + 3_000);
  expect(sent(SLOW)).toBe(3_000);
});

test('a burst to an address that answers is worked off without putting anything off', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 3 } });
  const payments = await oweAll(10, SLOW);
  await answerInThrees(shop, payments);
  expect(postponed()).toBe(0);
});

test('an event that stands in line at an address which has stopped answering is put off after some seconds', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 1 } });
  await oweAll(3, SLOW);
  await stage.until(() => shop.hanging() === 1);
  expect(postponed()).toBe(0);
  await untilDue(1);
  expect(postponed()).toBe(2);
  expect(shop.hanging()).toBe(1);
});

test('stopping leaves what stands in line due for the next process', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 1 } });
  await oweAll(3, SLOW);
  await stage.until(() => shop.hanging() === 1);
  await stage.drive(stage.gateway.stop());
  expect(postponed()).toBe(0);
  expect((await stage.store.dueBacklog(stage.clock.now())).count).toBe(3);
});

test('what waits for its turn goes out by itself after the process has died', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 1 } });
  const payments = await oweAll(5, SLOW);
  await untilDue(1);
  expect(postponed()).toBe(4);
  stage = await stage.crash();
  shop.becomeFast();
  await stage.elapse(5 * 60 * SECOND);
  for (const payment of payments) await stage.until(() => isDelivered(payment));
});

test('an event that comes due while it is being sent in its turn is not sent twice', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 2 } });
  const payments = await oweAll(3, SLOW);
  await untilDue(2);
  shop.letGo();
  await stage.until(() => sent(SLOW) === 3);
  await stage.elapse(5 * 60 * SECOND);
  expect(shop.hanging()).toBe(1);
  expect(sent(SLOW)).toBe(3);
  shop.letGo();
  for (const payment of payments) await stage.until(() => isDelivered(payment));
  await stage.elapse(HOUR);
  expect(sent(SLOW)).toBe(3);
});

test('an event that another process has taken up meanwhile is left to it', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 1 } });
  const payments = await oweAll(2, SLOW);
  await untilDue(1);
  await stage.until(() => sent(SLOW) === 1);
  const held = stage.shop.requests[0]?.headers['webhook-id'];
  const other = payments.find((payment) => payment.events[0]?.id !== held);
  const replica = await stage.replica();
  const answer = stage.shop.answer;
  stage.shop.answer = () => ({ outcome: 'answered', status: 500, body: '' });
  await stage.drive(replica.gateway.redeliverEvent(stage.merchant, other?.events[0]?.id ?? ''));
  await stage.until(() => sent(SLOW) === 2);
  stage.shop.answer = answer;
  shop.letGo();
  await stage.elapse(SECOND);
  expect(sent(SLOW)).toBe(2);
});

test('an event whose putting off could not be written is not lost', async () => {
  let outage = true;
  const failing = (store: PaymentStore) =>
    faultyStore(store, (method): Fate => (method === 'update' && outage ? 'fails' : 'works'));
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 1 }, wrapStore: failing });
  const payments = await oweAll(3, SLOW);
  await stage.until(() => postponed() >= 2);
  outage = false;
  shop.becomeFast();
  for (const payment of payments) await stage.until(() => isDelivered(payment));
});

test('stopping cuts short what is sent in its turn, too, and counts it as no try', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 1 } });
  const payments = await oweAll(2, SLOW);
  await untilDue(1);
  shop.letGo();
  await stage.until(() => sent(SLOW) === 2);
  await stage.drive(stage.gateway.stop());
  const states = await Promise.all(payments.map(deliveryOf));
  expect(states).toContainEqual(expect.objectContaining({ state: 'delivered' }));
  expect(states).toContainEqual(expect.objectContaining({ state: 'pending', tries: 0 }));
});

test('stopping keeps what a shop still answers', async () => {
  const shop = await open({ webhooks: { concurrencyPerEndpoint: 1 } });
  const payments = await oweAll(2, SLOW);
  await untilDue(1);
  stage.shop.answer = (_request, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => setTimeout(() => resolve(taken), SECOND));
    });
  shop.letGo();
  await stage.until(() => sent(SLOW) === 2);
  await stage.drive(stage.gateway.stop());
  for (const payment of payments) expect(await isDelivered(payment)).toBe(true);
});

test('each delivery is kept as evidence, with the address and the answer for those who hold the key', async () => {
  await open();
  stage.shop.answer = () => ({ outcome: 'answered', status: 500, body: 'x'.repeat(4_000) });
  const [payment] = await oweAll(1, `${GOOD}?token=secret`);
  await stage.elapse();
  stage.shop.answer = () => taken;
  await stage.elapse(6 * SECOND);
  const eventId = payment?.events[0]?.id;
  const kept = stage.evidence.filter(({ kind }) => kind === 'webhook');
  expect(kept).toMatchObject([
    {
      ...{ what: 'payment.closed', outcome: 'status 500', paymentId: payment?.id, channelId: null },
      details: { eventId, tryNo: 1, status: 500, durationMs: 0 },
      messages: { url: `${GOOD}?token=secret`, answer: 'x'.repeat(1_000) },
    },
    { outcome: 'delivered', details: { eventId, tryNo: 2, status: 200 } },
  ]);
  expect(JSON.stringify(kept.map(({ details }) => details))).not.toContain('secret');
});

test('an event whose turn comes shortly before its own time goes out in its turn, and loses its place to nobody', async () => {
  const slow = await open({ webhooks: { concurrencyPerEndpoint: 1 } });
  const [first, second] = await oweAll(2, SLOW);
  await untilDue(1);
  // The second has been put off to half a minute from now.
  stage.clock.advance(25 * SECOND);
  slow.becomeFast();
  await stage.until(async () =>
    Promise.all([first, second].map((p) => p && isDelivered(p))).then((d) => d.every(Boolean)),
  );
  expect(stage.shop.requests).toHaveLength(2);
});
