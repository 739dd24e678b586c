import { afterEach, describe, expect, test } from 'vitest';
import type { BuyerChoice } from '../../src/gateway/index.ts';
import { assertPayment, type Payment, payableAttempt } from '../../src/payment/index.ts';
import { type ChannelSetup, held, isLost, losesItsAnswer, refuses } from './scripted-channel.ts';
import { attemptOf, attemptsOf, eventsOf, MINUTE, openStage, type Stage, type StageOptions } from './stage.ts';

type Id = 'ali' | 'ali2' | 'wx';
const WECHAT: ChannelSetup = { profile: { methods: ['wechatpay'], scenes: ['qr', 'inapp'] } };

let stage: Stage<Id>;
afterEach(() => stage.stop());

async function open(options: Partial<StageOptions<Id>> = {}): Promise<void> {
  stage = await openStage({ channels: { ali: {}, ali2: {}, wx: WECHAT }, ...options });
}

const choose = (payment: Payment, method: string, set: Partial<BuyerChoice> = {}) =>
  stage.drive(stage.gateway.choose(payment.id, { method, scenes: ['qr'], seen: null, ...set }));

async function chosen(payment: Payment, method: string, set: Partial<BuyerChoice> = {}): Promise<Payment> {
  const answer = await choose(payment, method, set);
  if (!answer.ok) throw new Error(answer.error.detail);
  return answer.value;
}

const asked = () => Object.values(stage.channels).flatMap((channel) => channel.asked.map((call) => call.operation));

describe('a payment whose method is still to be chosen', () => {
  test('asks no channel, sends the buyer to the cashier, and expires by itself', async () => {
    await open();
    const payment = await stage.open({ deferred: true, methods: [], merchantOrderNo: 'D1' });
    expect(payment).toMatchObject({ status: 'created', attempts: [] });
    expect(payment.agenda).toEqual([{ kind: 'expire', at: payment.expiresAt }]);
    expect(await stage.create({ deferred: true, methods: [], merchantOrderNo: 'D1' })).toMatchObject({
      ok: true,
      value: { repeat: true, payment: { id: payment.id, attempts: [] } },
    });
    expect(asked()).toEqual([]);
    expect(payment.nextDueAt).toBe(payment.expiresAt);
  });

  test('is refused at once when no channel would ever take it', async () => {
    await open();
    const amount = { minor: 1_000, currency: 'USD' };
    expect(await stage.create({ deferred: true, methods: [], amount })).toMatchObject({
      ok: false,
      error: { code: 'no_channel_available' },
    });
  });

  test('is paid by what the buyer chooses, in the scene of the device', async () => {
    await open();
    const payment = await stage.open({ deferred: true, methods: [], scene: 'redirect' });
    const picked = await chosen(payment, 'wechatpay', { scenes: ['wap', 'qr'], seen: 0 });
    expect(attemptsOf(picked)).toEqual(['wx open']);
    expect(attemptOf(picked, 1)).toMatchObject({ method: 'wechatpay', scene: 'qr', buyerLed: true });
    stage.channels.wx.pays(attemptOf(picked, 1).providerRef);
    await stage.callback(attemptOf(picked, 1), stage.channels.wx);
    expect(eventsOf(await stage.read(payment.id))).toEqual(['payment.succeeded']);
  });

  test('goes on after a refusal: the buyer chooses again, and expiry alone ends it', async () => {
    await open();
    const payment = await stage.open({ deferred: true, methods: [] });
    stage.channels.wx.next('create', refuses('DECLINED', { providerCode: 'NOTENOUGH' }));
    expect(await choose(payment, 'wechatpay')).toMatchObject({ ok: false, error: { code: 'channel_rejected' } });
    const declined = await stage.read(payment.id);
    expect(declined).toMatchObject({ status: 'created', statusReason: null, events: [] });
    // A repeated request of the shop chooses nothing in the buyer's place.
    expect(await stage.create({ ...declined, deferred: true, expiresInMs: 15 * MINUTE, customer: {} })).toMatchObject({
      value: { repeat: true, payment: { attempts: [{ status: 'failed' }] } },
    });
    expect(attemptsOf(await chosen(payment, 'alipay', { seen: 1 }))).toEqual(['wx failed', 'ali open']);
  });

  test('fails over within the method, and leaves it to the buyer when all channels of it are out', async () => {
    await open();
    const payment = await stage.open({ deferred: true, methods: [] });
    for (const id of ['ali', 'ali2'] as const) stage.channels[id].next('create', refuses('CHANNEL_UNAVAILABLE'));
    expect(await choose(payment, 'alipay')).toMatchObject({ ok: false, error: { code: 'no_channel_available' } });
    expect(attemptsOf(await chosen(payment, 'wechatpay'))).toEqual(['ali failed', 'ali2 failed', 'wx open']);
    expect(attemptsOf(await chosen(payment, 'alipay'))).toEqual(['ali failed', 'ali2 failed', 'wx closed', 'ali open']);
  });
});

describe('I7: another way to pay than the one that is open', () => {
  test('the first is closed at its provider before the second is asked for', async () => {
    await open();
    const payment = await stage.open({ methods: [] });
    const picked = await chosen(payment, 'wechatpay');
    expect(attemptsOf(picked)).toEqual(['ali closed', 'wx open']);
    expect(payableAttempt(picked)?.seq).toBe(2);
    expect(asked()).toEqual(['create', 'close', 'create']);
  });

  test('the first is hidden before its provider is asked, and stays unknown when that is not answered', async () => {
    await open();
    const payment = await stage.open({ methods: [] });
    const closing = held();
    stage.channels.ali.next('close', closing.reply);
    const choosing = choose(payment, 'wechatpay');
    await stage.drive(closing.begun);
    const hidden = await stage.read(payment.id);
    expect({ shown: payableAttempt(hidden), now: attemptsOf(hidden) }).toEqual({
      shown: undefined,
      now: ['ali unknown'],
    });
    closing.release(isLost);
    expect(await choosing).toMatchObject({ ok: true });
    const after = await stage.read(payment.id);
    expect(attemptsOf(after)).toEqual(['ali unknown', 'wx open']);
    expect(after.agenda.filter((item) => 'seq' in item && item.seq === 1).map((item) => item.kind)).toEqual([
      'query',
      'close',
    ]);
    // Paid both ways after all: the second is the surplus, and goes back.
    stage.channels.wx.pays(attemptOf(after, 2).providerRef);
    await stage.callback(attemptOf(after, 2), stage.channels.wx);
    stage.channels.ali.pays(attemptOf(after, 1).providerRef);
    await stage.callback(attemptOf(after, 1), stage.channels.ali);
    expect(await stage.read(payment.id)).toMatchObject({
      status: 'succeeded',
      attempts: [{ effect: 'surplus', disposition: 'refund' }, { effect: 'effective' }],
    });
  });

  test('no second is opened when the first turns out to be paid', async () => {
    await open();
    const payment = await stage.open({ methods: [] });
    stage.channels.ali.pays(attemptOf(payment, 1).providerRef);
    expect(await chosen(payment, 'wechatpay')).toMatchObject({
      status: 'succeeded',
      attempts: [{ status: 'succeeded' }],
    });
    expect(stage.channels.wx.count('create')).toBe(0);
  });

  test('a provider that cannot close is asked whether it is paid', async () => {
    await open({ channels: { ali: { capabilities: ['refund'] }, ali2: {}, wx: WECHAT } });
    const payment = await stage.open({ methods: [] });
    stage.channels.ali.pays(attemptOf(payment, 1).providerRef);
    expect(await chosen(payment, 'wechatpay')).toMatchObject({ status: 'succeeded' });
  });

  test('the first stays open when the second cannot be had', async () => {
    await open({ channels: { ali: {}, ali2: {}, wx: { ...WECHAT, enabled: false } } });
    const payment = await stage.open({ methods: [] });
    expect(await choose(payment, 'wechatpay')).toMatchObject({ error: { code: 'no_channel_available' } });
    expect(attemptsOf(await stage.read(payment.id))).toEqual(['ali open']);
  });

  test.each(['close', 'create'] as const)('a crash during the %s leaves a payment to choose for', async (moment) => {
    await open({ alone: true });
    const payment = await stage.open({ methods: [] });
    const interrupted = held();
    stage.channels[moment === 'close' ? 'ali' : 'wx'].next(moment, interrupted.reply);
    const choosing = choose(payment, 'wechatpay').catch(() => null);
    await stage.drive(interrupted.begun);
    const crashing = stage.crash();
    interrupted.release(losesItsAnswer);
    await choosing;
    stage = await crashing;
    stage.clock.advance(1);
    const again = await chosen(payment, 'alipay');
    assertPayment(again);
    expect(payableAttempt(again)).toMatchObject({ channelId: 'ali', seq: again.attempts.length });
    expect(again.attempts.filter((a) => a.status === 'open')).toHaveLength(1);
  });
});

describe('clicks and windows', () => {
  test('a double click opens one order, and both see it', async () => {
    await open();
    const payment = await stage.open({ deferred: true, methods: [] });
    const [one, two] = await Promise.all([
      choose(payment, 'wechatpay', { seen: 0 }),
      choose(payment, 'wechatpay', { seen: 0 }),
    ]);
    expect(one).toEqual(two);
    expect(attemptsOf(await chosen(payment, 'wechatpay', { seen: 0 }))).toEqual(['wx open']);
    expect(stage.channels.wx.count('create')).toBe(1);
  });

  test.each([null, 1])(
    'of two windows on two replicas one wins (seen: %s), and there is one way to pay',
    async (seen) => {
      await open();
      const payment = await stage.open({ methods: [] });
      const other = await stage.replica();
      const set = { scenes: ['qr'] as const, seen };
      const both = await stage.drive(
        Promise.all([
          stage.gateway.choose(payment.id, { method: 'wechatpay', ...set }),
          other.gateway.choose(payment.id, { method: 'wechatpay', ...set }),
        ]),
      );
      expect(both.map((answer) => answer.ok && attemptsOf(answer.value))).toEqual(
        Array(2).fill(['ali closed', 'wx open']),
      );
      expect(stage.channels.wx.count('create')).toBe(1);
    },
  );

  test('a page that shows an earlier state changes nothing', async () => {
    await open();
    const payment = await stage.open({ methods: [] });
    await chosen(payment, 'wechatpay', { seen: 1 });
    expect(attemptsOf(await chosen(payment, 'alipay', { seen: 1 }))).toEqual(['ali closed', 'wx open']);
  });

  test('neither does a choice after the end, or after the time for paying', async () => {
    await open();
    const payment = await stage.open({ methods: [] });
    stage.clock.advance(15 * MINUTE);
    expect(attemptsOf(await chosen(payment, 'wechatpay'))).toEqual(['ali open']);
    expect(await stage.gateway.closePayment(stage.merchant, payment.id)).toMatchObject({ ok: true });
    expect(await chosen(payment, 'wechatpay')).toMatchObject({ status: 'closed' });
  });

  test('a method that the shop did not name is refused', async () => {
    await open();
    const payment = await stage.open({ methods: ['alipay'] });
    expect(await choose(payment, 'wechatpay')).toMatchObject({ error: { code: 'validation_failed' } });
    expect(
      await stage.gateway.choose('pay_01hxxxxxxxxxxxxxxxxxxxxxxx', { method: 'x', scenes: [], seen: null }),
    ).toMatchObject({
      error: { code: 'not_found' },
    });
  });

  test('choosing is bounded: within a minute, and over the life of the payment', async () => {
    await open();
    const payment = await stage.open({ deferred: true, methods: [] });
    const answers: string[] = [];
    for (let i = 0; i < 16; i += 1) {
      if (i === 8) stage.clock.advance(MINUTE);
      const answer = await choose(payment, i % 2 === 0 ? 'wechatpay' : 'alipay');
      answers.push(answer.ok ? 'ok' : answer.error.code);
    }
    expect(answers.slice(0, 8)).toEqual([...Array(6).fill('ok'), 'rate_limited', 'rate_limited']);
    expect(answers.slice(8)).toEqual([...Array(4).fill('ok'), ...Array(4).fill('rate_limited')]);
    expect((await stage.read(payment.id)).attempts).toHaveLength(10);
  });
});

describe('the ways to pay that are offered', () => {
  const ways = (payment: Payment, scenes: BuyerChoice['scenes'] = ['qr']) =>
    stage.drive(stage.gateway.waysToPay(payment, () => scenes));

  test('are those that routing would find a channel for', async () => {
    await open({ channels: { ali: {}, ali2: {}, wx: { ...WECHAT, limits: { maxMinor: 500 } } } });
    const dear = await stage.open({ methods: [] });
    expect(await ways(dear)).toEqual([{ method: 'alipay', available: true }]);
    const cheap = await stage.open({ methods: ['wechatpay', 'alipay'], amount: { minor: 500, currency: 'CNY' } });
    expect((await ways(cheap)).map(({ method }) => method)).toEqual(['wechatpay', 'alipay']);
    expect((await ways(cheap, ['wap'])).map(({ method }) => method)).toEqual(['alipay']);
  });

  test('one whose channels are down is unavailable; when all are, what is left may be tried', async () => {
    await open({ channels: { ali: {}, ali2: { enabled: false }, wx: { ...WECHAT, limits: { dailyMinor: 1_500 } } } });
    const first = await stage.open({ methods: ['wechatpay'] });
    expect(await ways({ ...first, methods: [] })).toEqual([
      { method: 'alipay', available: true },
      { method: 'wechatpay', available: false },
    ]);
  });
});
