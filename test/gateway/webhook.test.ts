import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test } from 'vitest';
import type { WebhookAnswer } from '../../src/gateway/index.ts';
import type { Payment } from '../../src/payment/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { type Fate, faultyStore } from './faulty-store.ts';
import { anObservation } from './scripted-channel.ts';
import {
  attemptOf,
  HOUR,
  MINUTE,
  NEW_YEAR,
  openStage,
  SECOND,
  SECRETS,
  type Stage,
  type StageOptions,
} from './stage.ts';

let stage: Stage<'a'>;
afterEach(() => stage.stop());

const refused: WebhookAnswer = { outcome: 'answered', status: 500, body: '' };
const taken: WebhookAnswer = { outcome: 'answered', status: 200, body: '' };

/** A payment that is paid, and whose shop answers so when it is told. */
async function paid(
  answer: Stage<'a'>['shop']['answer'] = () => taken,
  options: Partial<StageOptions<'a'>> = {},
): Promise<Payment> {
  stage = await openStage({ channels: { a: {} }, running: true, ...options });
  stage.shop.answer = answer;
  const payment = await stage.open();
  stage.channels.a.pays(attemptOf(payment, 1).providerRef);
  await stage.callback(attemptOf(payment, 1), stage.channels.a);
  return stage.read(payment.id);
}

const deliveryOf = async (payment: Payment, index = 0) => (await stage.read(payment.id)).events[index]?.delivery;

describe('an event', () => {
  test('carries the headers of Standard Webhooks and one signature for each secret of the shop', async () => {
    const payment = await paid();
    await stage.elapse();
    const [request] = stage.shop.requests;
    if (!request) throw new Error('nothing was sent');
    expect(request).toMatchObject({ url: 'https://shop.example/notify', timeoutMs: 10_000 });
    expect(request.headers['webhook-id']).toBe(`evt_${payment.id.slice(4)}_succeeded`);
    expect(request.headers['webhook-timestamp']).toBe(String(NEW_YEAR / 1_000));
    const signatures = request.headers['webhook-signature']?.split(' ') ?? [];
    const right = SECRETS.map((secret) =>
      new Webhook(secret).sign(request.headers['webhook-id'] ?? '', new Date(NEW_YEAR), request.body),
    );
    expect(signatures).toEqual(right);
    expect(await deliveryOf(payment)).toMatchObject({ state: 'delivered', tries: 1 });
  });

  test('that the shop does not take is sent after 5 s, 30 s, 2 min, 10 min, 1 h, then every 3 h, until three days', async () => {
    const payment = await paid(() => refused);
    const sentAt: number[] = [];
    for (;;) {
      await stage.elapse();
      sentAt.push(stage.clock.now());
      expect(stage.shop.requests).toHaveLength(sentAt.length);
      const due = (await stage.read(payment.id)).nextDueAt;
      if (due === null) break;
      await stage.elapse(due - stage.clock.now() - 1);
      expect(stage.shop.requests).toHaveLength(sentAt.length);
      stage.clock.advance(1);
    }
    const gaps = sentAt.slice(1).map((at, i) => at - (sentAt[i] ?? 0));
    const planned = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR];
    for (const [i, gap] of gaps.entries()) {
      const delay = planned[i] ?? 3 * HOUR;
      expect(gap).toBeGreaterThanOrEqual(delay);
      expect(gap).toBeLessThan(delay * 1.1);
    }
    const lastedMs = (sentAt.at(-1) ?? 0) - (sentAt[0] ?? 0);
    expect(lastedMs).toBeLessThanOrEqual(72 * HOUR);
    expect(lastedMs).toBeGreaterThan(68 * HOUR);
    expect(await deliveryOf(payment)).toMatchObject({ state: 'dead', tries: sentAt.length });
    expect(stage.reports.filter(([name, outcome]) => name === 'webhookDelivery' && outcome === 'dead')).toHaveLength(1);
    expect(new Set(stage.shop.requests.map(({ body }) => body)).size).toBe(1);
    expect(new Set(stage.shop.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const stamps = new Set(stage.shop.requests.map(({ headers }) => headers['webhook-timestamp']));
    expect(stamps.size).toBe(sentAt.length);
  });

  test.each<[string, WebhookAnswer, string]>([
    ['a redirect', { outcome: 'answered', status: 302, body: '' }, 'failed'],
    ['a refused address', { outcome: 'refused', reason: 'private_address' }, 'refused'],
    ['a time-out', { outcome: 'failed', reason: 'TimeoutError' }, 'failed'],
  ])('is not delivered by %s', async (_what, answer, outcome) => {
    const payment = await paid(() => answer);
    await stage.elapse();
    expect(await deliveryOf(payment)).toMatchObject({ state: 'pending', tries: 1 });
    expect(stage.reports).toContainEqual(['webhookDelivery', outcome]);
  });

  test('that cannot be delivered because its address is refused ends as dead in the metrics, too', async () => {
    const payment = await paid(() => ({ outcome: 'refused', reason: 'private_address' }));
    await stage.elapse();
    await stage.elapse(72 * HOUR);
    expect(await deliveryOf(payment)).toMatchObject({ state: 'dead' });
    expect(stage.reports).toContainEqual(['webhookDelivery', 'dead']);
  });

  test('comes to its end also when the sender throws, which it never should', async () => {
    const payment = await paid(() => {
      throw new Error('a bug of the sender');
    });
    await stage.elapse();
    expect(await deliveryOf(payment)).toMatchObject({ state: 'pending', tries: 1 });
  });

  test('waits for the earlier event of its payment', async () => {
    stage = await openStage({ channels: { a: {} }, running: true, policies: { lateSuccess: 'accept' } });
    const payment = await stage.open();
    stage.shop.answer = ({ body }) => (JSON.parse(body).type === 'payment.closed' ? refused : taken);
    stage.channels.a.next('close', anObservation({ state: 'closed' }));
    await stage.drive(stage.gateway.closePayment(stage.merchant, payment.id));
    stage.channels.a.pays(attemptOf(payment, 1).providerRef);
    await stage.callback(attemptOf(payment, 1), stage.channels.a);
    await stage.elapse();
    const types = () => stage.shop.requests.map(({ body }) => JSON.parse(body).type);
    expect(types()).toEqual(['payment.closed']);
    stage.shop.answer = () => taken;
    await stage.elapse(6 * SECOND);
    expect(types()).toEqual(['payment.closed', 'payment.closed', 'payment.succeeded']);
  });

  test('of one payment is not held up by a shop that does not answer about another', async () => {
    const answered = Promise.withResolvers<WebhookAnswer>();
    const slow = await paid(() => answered.promise);
    stage.shop.answer = () => taken;
    const other = await stage.open();
    stage.channels.a.pays(attemptOf(other, 1).providerRef);
    await stage.callback(attemptOf(other, 1), stage.channels.a);
    await stage.until(async () => (await deliveryOf(other))?.state === 'delivered');
    expect(await deliveryOf(slow)).toMatchObject({ state: 'pending', tries: 0 });
    answered.resolve(taken);
    await stage.elapse();
    expect(await deliveryOf(slow)).toMatchObject({ state: 'delivered' });
  });
});

describe('a redelivery', () => {
  test('sends a dead event again at once: same id, same body', async () => {
    const payment = await paid(() => refused);
    await stage.elapse();
    await stage.elapse(72 * HOUR);
    expect(await deliveryOf(payment)).toMatchObject({ state: 'dead' });
    stage.shop.answer = () => taken;
    const eventId = payment.events[0]?.id ?? '';
    const asked = await stage.drive(stage.gateway.redeliverEvent(stage.merchant, eventId));
    expect(asked).toMatchObject({ ok: true, value: { event: { delivery: { state: 'pending', tries: 0 } } } });
    await stage.elapse();
    expect(await deliveryOf(payment)).toMatchObject({ state: 'delivered', tries: 1 });
    expect(new Set(stage.shop.requests.map(({ body }) => body)).size).toBe(1);
  });

  test('of an event of another merchant, of no event, or without an address is refused', async () => {
    const payment = await paid();
    const eventId = payment.events[0]?.id ?? '';
    const other = { ...stage.merchant, id: 'm_other' };
    const redeliver = (merchant: typeof other, id: string) => stage.drive(stage.gateway.redeliverEvent(merchant, id));
    expect(await redeliver(other, eventId)).toMatchObject({ ok: false, error: { code: 'not_found' } });
    expect(await redeliver(stage.merchant, `${eventId}x`)).toMatchObject({ ok: false, error: { code: 'not_found' } });
    expect(await redeliver(stage.merchant, 'nonsense')).toMatchObject({ ok: false, error: { code: 'not_found' } });
    const silent = await stage.open({ notifyUrl: null });
    stage.channels.a.pays(attemptOf(silent, 1).providerRef);
    await stage.callback(attemptOf(silent, 1), stage.channels.a);
    const id = (await stage.read(silent.id)).events[0]?.id ?? '';
    expect(await redeliver(stage.merchant, id)).toMatchObject({ ok: false, error: { code: 'invalid_state' } });
  });
});

describe('the answer of the shop', () => {
  const delivered: WebhookAnswer = { outcome: 'answered', status: 200, body: '{"fulfilment":"delivered"}' };

  test.each<[string, WebhookAnswer, Payment['fulfilment']]>([
    ['says that the goods are delivered', delivered, 'delivered'],
    ['says something else', { ...delivered, body: '{"fulfilment":"soon"}' }, 'none'],
    ['is a page', { ...delivered, body: '<html>delivered</html>' }, 'none'],
    ['is not 2xx', { ...delivered, status: 500 }, 'none'],
  ])('that %s', async (_what, answer, fulfilment) => {
    const payment = await paid(() => answer);
    await stage.elapse();
    expect((await stage.read(payment.id)).fulfilment).toBe(fulfilment);
  });

  test('about a payment that is not paid means nothing', async () => {
    stage = await openStage({ channels: { a: {} }, running: true });
    stage.shop.answer = () => delivered;
    const payment = await stage.open();
    await stage.drive(stage.gateway.closePayment(stage.merchant, payment.id));
    await stage.elapse();
    expect(await stage.read(payment.id)).toMatchObject({ fulfilment: 'none', status: 'closed' });
    expect(await deliveryOf(payment)).toMatchObject({ state: 'delivered' });
  });

  test('is not lost with a process that dies right after it: the event is sent again', async () => {
    for (const failing of [1, 2]) {
      let answered = 0;
      const dying = (store: PaymentStore) =>
        faultyStore(store, (method): Fate => {
          if (method !== 'update' || stage.shop.requests.length === 0) return 'works';
          answered += 1;
          return answered === failing ? 'fails' : 'works';
        });
      const payment = await paid(() => delivered, { wrapStore: dying });
      await stage.until(() => answered > 0);
      stage = await stage.crash();
      await stage.elapse(61 * SECOND);
      const after = await stage.read(payment.id);
      expect(after).toMatchObject({ fulfilment: 'delivered', events: [{ delivery: { state: 'delivered' } }] });
      if (failing === 1) await stage.stop();
    }
  });
});

test('an event whose delivery could not be recorded is sent again under the same id', async () => {
  let outage = true;
  const failing = (store: PaymentStore) =>
    faultyStore(store, (method): Fate => {
      return method === 'update' && outage && stage.shop.requests.length > 0 ? 'fails' : 'works';
    });
  const answer = (): WebhookAnswer => {
    outage = stage.shop.requests.length < 2;
    return taken;
  };
  const payment = await paid(answer, { wrapStore: failing });
  await stage.elapse();
  const ids = stage.shop.requests.map(({ headers }) => headers['webhook-id']);
  expect(ids.length).toBeGreaterThanOrEqual(2);
  expect(new Set(ids).size).toBe(1);
  expect(await deliveryOf(payment)).toMatchObject({ state: 'delivered' });
});
