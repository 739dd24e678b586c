import { afterEach, describe, expect, test } from 'vitest';
import type { EpayOrder } from '../../src/gateway/index.ts';
import type { Attempt, EpayTerms, Payment } from '../../src/payment/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { type Fate, faultyStore } from './faulty-store.ts';
import { hangs, refuses } from './scripted-channel.ts';
import { HOUR, MINUTE, openStage, SECOND, type Stage, type StageOptions } from './stage.ts';

let stage: Stage<'a' | 'b'>;
afterEach(() => stage.stop());

async function open(options: Partial<StageOptions<'a' | 'b'>> = {}): Promise<void> {
  stage = await openStage({
    channels: { a: {}, b: { profile: { methods: ['wechatpay'] } } },
    running: true,
    ...options,
  });
  stage.shop.answer = () => ({ outcome: 'answered', status: 200, body: 'success' });
}

const anEpayOrder = (set: Partial<Omit<EpayOrder, 'terms'>> & { terms?: Partial<EpayTerms> } = {}): EpayOrder => ({
  ...{ amount: { minor: 1_000, currency: 'CNY' }, notifyUrl: 'http://shop.example/notify', returnUrl: null },
  ...{ buyerIp: null, scenes: ['qr'] },
  ...set,
  terms: {
    ...{ pid: 1000, outTradeNo: 'A1', version: 1, sign: 'md5', type: 'alipay', name: '月卡', param: null },
    ...set.terms,
  },
});

const placing = (on: Stage<'a' | 'b'>, set?: Parameters<typeof anEpayOrder>[0]) =>
  on.gateway.epay.placeOrder(on.merchant, anEpayOrder(set));

async function placed(set?: Parameters<typeof anEpayOrder>[0], on = stage): Promise<Payment> {
  const result = await on.drive(placing(on, set));
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

async function refusal(set?: Parameters<typeof anEpayOrder>[0]): Promise<string> {
  const result = await stage.drive(placing(stage, set));
  return result.ok ? 'taken' : result.error;
}

test('a name of nothing that can be read is no subject', async () => {
  await open();
  expect(await placed({ terms: { name: '\u202e\u2066 ' } })).toMatchObject({ subject: 'A1' });
});

const find = (outTradeNo = 'A1') =>
  stage.drive(stage.gateway.epay.findOrder(stage.merchant, { tradeNo: null, outTradeNo }));

/** The buyer pays the last way that was shown, and the provider says so. */
async function pay(payment: Payment, channel: 'a' | 'b' = 'a', on = stage, set = {}): Promise<string> {
  const attempt = lastAttempt(await on.read(payment.id));
  const { orders, pays } = on.channels[channel];
  const order = orders.get(attempt.providerRef);
  // Some providers take money for what they have called closed.
  if (order?.state === 'closed') order.state = 'open';
  if (order?.state !== 'succeeded') pays(attempt.providerRef);
  return on.callback(attempt, on.channels[channel], set);
}

function lastAttempt({ attempts }: Payment): Attempt {
  const attempt = attempts.at(-1);
  if (!attempt) throw new Error('nothing can be paid');
  return attempt;
}

/** The trade numbers that the shop was told of. */
const told = (): string[] => [
  ...new Set(stage.shop.requests.map(({ url }) => new URL(url).searchParams.get('trade_no') ?? '')),
];

/** An order whose provider cannot be reached when it expires: nobody pays by its page, but the buyer's app still can. */
async function expiredButAlive(set?: Parameters<typeof anEpayOrder>[0]): Promise<Payment> {
  const payment = await placed(set);
  for (const what of ['close', 'query'] as const) stage.channels.a.always(what, refuses('CHANNEL_UNAVAILABLE'));
  await stage.elapse(15 * MINUTE);
  return payment;
}

describe('F4 an order number', () => {
  test('is one payment, however often and at whatever the same time it is asked for', async () => {
    await open();
    const other = await stage.replica();
    const results = await stage.drive(
      Promise.all([placing(stage), placing(other), placing(stage), placing(other, { terms: { type: null } })]),
    );
    const ids = new Set(results.map((result) => (result.ok ? result.value.id : result.error)));
    expect(ids.size).toBe(1);
    const page = await stage.gateway.listPayments(stage.merchant, { limit: 100 });
    expect(page.items).toHaveLength(1);
  });

  test('resumes with another type as another way to pay, and the earlier one is closed', async () => {
    await open();
    const first = await placed();
    const again = await placed({ terms: { type: 'wxpay' } });
    expect(again.id).toBe(first.id);
    const payment = await stage.read(first.id);
    expect(payment.attempts.map(({ method, status }) => [method, status])).toEqual([
      ['alipay', 'closed'],
      ['wechatpay', 'open'],
    ]);
  });

  test('keeps the type that it was first asked for in, however it is paid', async () => {
    await open();
    await placed();
    await pay(await placed({ terms: { type: 'wxpay' } }), 'b');
    await stage.elapse(SECOND);
    expect(new URL(stage.shop.requests[0]?.url ?? '').searchParams.get('type')).toBe('alipay');
  });

  test.each([
    ['money', { amount: { minor: 1_001, currency: 'CNY' } }],
    ['name', { terms: { name: 'other' } }],
    ['notify_url', { notifyUrl: 'http://shop.example/other' }],
    ['return_url', { returnUrl: 'http://shop.example/back' }],
    ['param', { terms: { param: 'x' } }],
  ])('with another %s is refused', async (_, changed) => {
    await open();
    await placed();
    expect(await refusal(changed)).toBe('changed_order');
  });

  test('that is paid is refused for ever, with the same or other content', async () => {
    await open();
    const payment = await placed();
    await pay(payment);
    expect(await refusal()).toBe('paid_order');
    await stage.elapse(30 * 24 * HOUR);
    expect(await refusal({ terms: { name: 'other' } })).toBe('paid_order');
    expect(await find()).toMatchObject({ id: payment.id, status: 'succeeded' });
  });

  test('of a payment of the merchant API is that payment alone', async () => {
    await open();
    await stage.open({ merchantOrderNo: 'A1' });
    expect(await refusal()).toBe('changed_order');
    expect(await find()).toBeNull();
  });

  test('without a type, or with one that no channel serves, waits for the buyer to choose', async () => {
    await open();
    const free = await placed({ terms: { type: null } });
    expect(free).toMatchObject({ status: 'created', attempts: [], methods: [] });
    const unknown = await placed({ terms: { type: 'ecny', outTradeNo: 'A2' } });
    expect(unknown.attempts).toEqual([]);
  });

  test('is there although no channel answers: the buyer goes on at the cashier', async () => {
    await open();
    stage.channels.a.always('create', refuses('CHANNEL_UNAVAILABLE'));
    expect(await placed()).toMatchObject({ status: 'created' });
  });

  test('is answered within five seconds although all channels hang, also where an old payment has to be asked about first', async () => {
    await open({ channels: { a: { timeoutMs: 6_000 }, b: { timeoutMs: 6_000 } } });
    const first = await placed();
    for (const { always } of [stage.channels.a, stage.channels.b]) {
      for (const what of ['create', 'query', 'close'] as const) always(what, hangs);
    }
    stage.clock.advance(15 * MINUTE);
    let ms = 0;
    const watch = setInterval(() => {
      ms += 50;
    }, 50);
    expect((await placed()).id).not.toBe(first.id);
    clearInterval(watch);
    expect(ms).toBeGreaterThan(3_000);
    expect(ms).toBeLessThan(5_000);
  });

  test('that has expired can be paid again, as another payment, also with other content', async () => {
    await open();
    const first = await placed();
    await stage.elapse(15 * MINUTE);
    expect((await stage.read(first.id)).status).toBe('closed');
    const second = await placed();
    expect(second.id).not.toBe(first.id);
    expect((await placed()).id).toBe(second.id);
    await stage.elapse(15 * MINUTE);
    const third = await placed({ amount: { minor: 2_000, currency: 'CNY' } });
    expect([third.merchantOrderNo, third.amount.minor]).toEqual(['A1~3', 2_000]);
    await pay(third);
    await stage.elapse(SECOND);
    expect(told()).toEqual([third.id]);
    expect(await find()).toMatchObject({ id: third.id });
  });
});

describe('I2 of all payments under one number', () => {
  test.each([
    ['the old one first', [0, 1]],
    ['the new one first', [1, 0]],
  ])('one takes effect and is told, and the other goes back by itself: %s', async (_, order) => {
    await open();
    const payments = [await expiredButAlive(), await placed({ terms: { type: 'wxpay' } })];
    for (const i of order) {
      const payment = payments[i];
      if (payment) await pay(payment, i === 0 ? 'a' : 'b');
    }
    await stage.elapse(MINUTE);
    const [winner, loser] = order.map((i) => payments[i]?.id ?? '');
    expect(told()).toEqual([winner]);
    expect(await stage.read(winner ?? '')).toMatchObject({ status: 'succeeded', refunds: [] });
    expect(await stage.read(loser ?? '')).toMatchObject({
      status: 'closed',
      attempts: [{ status: 'succeeded', effect: 'surplus', disposition: 'refund' }],
      refunds: [{ cause: 'surplus', status: 'succeeded' }],
    });
    expect(stage.reports.filter(([name]) => name === 'surplusPayment')).toHaveLength(1);
  });

  test('also when both are paid at the same moment, before two processes', async () => {
    await open();
    const old = await expiredButAlive();
    const fresh = await placed({ terms: { type: 'wxpay' } });
    const other = await stage.replica();
    await stage.drive(Promise.all([pay(old), pay(fresh, 'b', other)]));
    await stage.elapse(MINUTE);
    const both = [await stage.read(old.id), await stage.read(fresh.id)];
    expect(both.map(({ status }) => status).toSorted()).toEqual(['closed', 'succeeded']);
    expect(told()).toEqual(both.filter(({ status }) => status === 'succeeded').map(({ id }) => id));
    expect(both.flatMap(({ refunds }) => refunds.map(({ status }) => status))).toEqual(['succeeded']);
  });

  test('one that the shop no longer asks for takes no effect, even where late money counts', async () => {
    await open({ policies: { lateSuccess: 'accept' } });
    const cheap = await placed();
    await stage.elapse(15 * MINUTE);
    const dear = await placed({ amount: { minor: 9_000, currency: 'CNY' } });
    await pay(cheap, 'a', stage, { amount: cheap.amount });
    await stage.elapse(MINUTE);
    expect(await stage.read(cheap.id)).toMatchObject({ status: 'closed', refunds: [{ cause: 'surplus' }] });
    expect(told()).toEqual([]);
    await pay(dear);
    await stage.elapse(MINUTE);
    expect(told()).toEqual([dear.id]);
  });

  test('late money counts where it may, and the payment that came after it is ended', async () => {
    await open({ policies: { lateSuccess: 'accept' } });
    const first = await placed();
    await stage.elapse(15 * MINUTE);
    const second = await placed({ terms: { type: 'wxpay' } });
    await pay(first);
    await stage.elapse(MINUTE);
    expect(await stage.read(second.id)).toMatchObject({ status: 'closed', statusReason: 'overtaken' });
    expect(told()).toEqual([first.id]);
  });

  test.each(['fails', 'loses_its_answer'] as const)(
    'a process that dies between taking the number and writing the success loses nothing (%s)',
    async (fate) => {
      let isArmed = false;
      const wrapStore = (store: PaymentStore) =>
        faultyStore(store, (method): Fate => {
          if (!isArmed || method !== 'update') return 'works';
          isArmed = false;
          return fate;
        });
      await open({ wrapStore });
      const payment = await placed();
      isArmed = true;
      const answer = await pay(payment).catch(() => 'crashed');
      expect(answer).not.toBe('SUCCESS');
      const next = await stage.crash();
      await pay(payment, 'a', next);
      await next.elapse(SECOND);
      expect(await next.read(payment.id)).toMatchObject({ status: 'succeeded', refunds: [] });
      expect(told()).toEqual([payment.id]);
    },
  );

  test('one whose success is refused after it has taken the number can still be paid, and nothing else under that number', async () => {
    await open();
    const other = await placed({ terms: { outTradeNo: 'B1' } });
    await pay(other);
    const payment = await placed();
    const channelTradeNo = (await stage.read(other.id)).attempts[0]?.channelTradeNo ?? '';
    stage.channels.a.always('query', refuses('CHANNEL_UNAVAILABLE'));
    await pay(payment, 'a', stage, { channelTradeNo });
    expect(stage.reports).toContainEqual(['anomaly', 'trade_number_reused']);
    expect(await placed()).toMatchObject({ id: payment.id, status: 'pending' });
    await pay(payment);
    await stage.elapse(SECOND);
    expect(told()).toEqual([other.id, payment.id]);
    expect(await refusal()).toBe('paid_order');
  });

  test('a number that was taken for a success that never came is left to a person', async () => {
    await open();
    await pay(await placed({ terms: { outTradeNo: 'B1' } }));
    const payment = await expiredButAlive();
    const channelTradeNo = (await find('B1'))?.attempts[0]?.channelTradeNo ?? '';
    await pay(payment, 'a', stage, { channelTradeNo });
    expect(await refusal()).toBe('held_order');
  });

  test.each(
    (['fails', 'loses_its_answer'] as const).flatMap((fate) => [1, 2, 3, 4].map((nth) => [nth, fate] as const)),
  )('when write %d of taking an order %s, the repeat is one payment that can be paid', async (nth, fate) => {
    let writes = 0;
    const wrapStore = (store: PaymentStore) =>
      faultyStore(store, (method): Fate => {
        if (!['insert', 'update', 'saveOrderNumber'].includes(method)) return 'works';
        writes += 1;
        return writes === nth ? fate : 'works';
      });
    await open({ wrapStore, running: false, alone: true });
    await stage.drive(placing(stage)).catch(() => {});
    expect(writes).toBeGreaterThanOrEqual(nth);
    const next = await stage.crash();
    next.clock.advance(1);
    const payment = await placed({}, next);
    expect((await next.gateway.listPayments(next.merchant, { limit: 9 })).items).toHaveLength(1);
    expect(payment.attempts.filter(({ status }) => status === 'open')).toHaveLength(1);
  });
});

describe('F8 a notification', () => {
  const query = (i: number) => new URL(stage.shop.requests[i]?.url ?? 'http://none').searchParams;
  const paidOrder = async (set?: Parameters<typeof anEpayOrder>[0]) => {
    const payment = await placed(set);
    await pay(payment);
    await stage.elapse(SECOND);
    return payment;
  };

  test('F9 goes out when the order can already be read as paid, once, by GET', async () => {
    await open();
    const seen: (string | undefined)[] = [];
    stage.shop.answer = async () => {
      seen.push((await stage.gateway.epay.findOrder(stage.merchant, { tradeNo: null, outTradeNo: 'A1' }))?.status);
      return { outcome: 'answered', status: 200, body: 'success' };
    };
    await paidOrder();
    expect(seen).toEqual(['succeeded']);
    expect(stage.shop.requests[0]).toMatchObject({ method: 'GET', allowHttp: true, followsToHttps: true, body: '' });
  });

  test('says nothing of expiry and refunds', async () => {
    await open();
    await placed();
    await stage.elapse(15 * MINUTE);
    const payment = await paidOrder({ terms: { outTradeNo: 'A2' } });
    const order = { merchantRefundNo: 'R1', amountMinor: null, reason: null, requestHash: 'h' };
    await stage.drive(stage.gateway.refundPayment(stage.merchant, payment.id, order, null));
    await stage.elapse(MINUTE);
    expect(told()).toEqual([payment.id]);
    const closed = (await stage.store.listEvents({ merchantId: 'm_demo', limit: 9 })).find(
      ({ event }) => event.type === 'payment.closed',
    );
    const again = await stage.drive(stage.gateway.redeliverEvent(stage.merchant, closed?.event.id ?? ''));
    expect(again).toMatchObject({ ok: false, error: { code: 'invalid_state' } });
  });

  test('that is answered without the word is repeated, and every second repeat covers the query of the address', async () => {
    await open();
    stage.shop.answer = () => ({ outcome: 'answered', status: 200, body: 'got it' });
    await paidOrder({ notifyUrl: 'http://shop.example/notify?inst=7#top' });
    for (const ms of [6 * SECOND, 34 * SECOND]) await stage.elapse(ms);
    expect(stage.shop.requests).toHaveLength(3);
    expect(query(0).get('sign')).toBe(query(2).get('sign'));
    expect(query(1).get('sign')).not.toBe(query(0).get('sign'));
    expect([0, 1, 2].map((i) => query(i).getAll('inst'))).toEqual([['7'], ['7'], ['7']]);
    expect(stage.reports).toContainEqual(['webhookDelivery', 'unacknowledged']);
    expect(stage.gateway.webhooks.endpoints()).toEqual([]);
  });

  test('is signed anew at every try where the moment is signed', async () => {
    await open();
    stage.shop.answer = () => ({ outcome: 'answered', status: 500, body: '' });
    await paidOrder({ terms: { version: 2, sign: 'rsa' } });
    await stage.elapse(6 * SECOND);
    const [first, second] = [query(0), query(1)];
    expect([first.get('sign_type'), second.get('sign_type')]).toEqual(['RSA', 'RSA']);
    expect(Number(second.get('timestamp')) - Number(first.get('timestamp'))).toBeGreaterThanOrEqual(6);
    expect(first.get('sign')).not.toBe(second.get('sign'));
  });

  test('can be sent again by a person', async () => {
    await open();
    await paidOrder();
    const [listed] = await stage.store.listEvents({ merchantId: 'm_demo', limit: 1 });
    await stage.drive(stage.gateway.webhooks.redeliver(listed?.event.id ?? ''));
    await stage.elapse(SECOND);
    expect(stage.shop.requests).toHaveLength(2);
    expect(query(1).toString()).toBe(query(0).toString());
  });
});
