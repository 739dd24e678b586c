import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliver } from './forger.ts';
import { openStage, patient, type Stage } from './stage.ts';
import {
  ALIPAY,
  anomalies,
  aTarget,
  expectPaid,
  expectRefused,
  expectUntouched,
  keysFor,
  LINES,
  STRIPE,
  success,
  WECHAT,
} from './targets.ts';

/*
 * What happened to others, as callbacks: each test is named by its row in the list of such failures. A forger holds the
 * providers' own keys here, so what is refused is refused for the reason that the test names and for no broken signature.
 */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
});
afterAll(() => stage.stop());

describe.each(LINES)('at $channel', (line) => {
  test('what its provider signs is believed, so that the refusals below show something', async () => {
    const target = await aTarget(stage, line);
    await expectPaid(stage, target, success(stage, target));
  });

  test('row 1: a message that is signed with an empty or a guessable key is refused', async () => {
    const target = await aTarget(stage, line);
    for (const key of line === STRIPE ? ['', ' ', '0', 'null', 'undefined', 'whsec_'] : []) {
      await expectRefused(stage, target, success(stage, target, {}, { key }));
    }
    const stranger = String(keysFor(stage, 'alipay-backup').alipayPrivateKey);
    await expectRefused(stage, target, success(stage, target, {}, { key: stranger }));
  });

  test('row 2: a valid callback under any other channel or token is refused, and reported', async () => {
    const target = await aTarget(stage, line);
    const other = await aTarget(stage, line);
    const message = success(stage, target);
    const token = new URL(target.url).pathname.split('/')[3] ?? '';
    const base = `${stage.gateway().publicUrl}/callbacks`;
    const before = await anomalies(stage, 'foreign_callback');
    const elsewhere = [
      'alipay-main',
      'alipay-backup',
      'wechatpay-main',
      'stripe-main',
      'paypal-main',
      'epay-upstream',
      'usdt-main',
    ].filter((c) => c !== line.channel);
    for (const channel of elsewhere) {
      await expectRefused(stage, target, message, `${base}/${channel}`);
      await expectRefused(stage, target, message, `${base}/${channel}/${token}`);
    }
    await expectRefused(stage, target, message, `${base}/${line.channel}/`.concat('A'.repeat(22)));
    await expectRefused(stage, target, message, `${base}/${line.channel}/x`);
    if (line !== STRIPE) {
      await expectRefused(stage, target, message, `${base}/${line.channel}`);
      await expectRefused(stage, target, message, other.url);
      await expectUntouched(stage, other);
    }
    expect((await anomalies(stage, 'foreign_callback')) - before).toBeGreaterThan(0);
    await expectPaid(stage, target, message);
  });

  test('row 4: a valid callback does not confirm another order of equal amount', async () => {
    const paid = await aTarget(stage, line);
    const victim = await aTarget(stage, line);
    const message = success(stage, paid);
    await expectPaid(stage, paid, message);
    if (line === STRIPE) expect((await deliver(victim.url, message)).status).toBe(200);
    else await expectRefused(stage, victim, message);
    await expectUntouched(stage, victim);
  });

  test('row 4: a trade number that another order was paid with is refused, and reported', async () => {
    const paid = await aTarget(stage, line);
    const victim = await aTarget(stage, line);
    const tradeNo = line.tradeNo();
    await expectPaid(stage, paid, success(stage, paid, { tradeNo }));
    const before = await anomalies(stage, 'trade_number_reused');
    await expectRefused(stage, victim, success(stage, victim, { tradeNo }));
    expect((await anomalies(stage, 'trade_number_reused')) - before).toBe(1);
  });

  test('row 4: a second trade number for a paid order is refused, and reported', async () => {
    const paid = await aTarget(stage, line);
    await expectPaid(stage, paid, success(stage, paid));
    const before = await anomalies(stage, 'second_trade_number');
    expect((await deliver(paid.url, success(stage, paid))).status).toBe(400);
    expect((await anomalies(stage, 'second_trade_number')) - before).toBe(1);
  });

  test('row 5: amount one minor unit off, or another currency, validly signed, is refused and reported', async () => {
    const target = await aTarget(stage, line);
    const amounts = await anomalies(stage, 'amount_mismatch');
    for (const amountMinor of [999, 1001, 1, 100_000]) {
      await expectRefused(stage, target, success(stage, target, { amountMinor }));
    }
    expect((await anomalies(stage, 'amount_mismatch')) - amounts).toBe(4);
    const currencies = await anomalies(stage, 'currency_mismatch');
    await expectRefused(stage, target, success(stage, target, { currency: 'USD' }));
    // Ten yen are written as 10.00 where the wire has decimals; such an amount is unreadable, which is refused as well.
    await expectRefused(stage, target, success(stage, target, { currency: 'HKD' }));
    expect((await anomalies(stage, 'currency_mismatch')) - currencies).toBe(2);
  });

  test('row 7: a validly signed status that is no success pays nothing', async () => {
    for (const set of NO_SUCCESS[line.channel] ?? []) {
      const target = await aTarget(stage, line);
      await deliver(target.url, success(stage, target, { set }));
      const { body } = await stage.api('GET', `/v1/payments/${target.id}`);
      expect(body.paid_at, JSON.stringify(set)).toBeNull();
      expect(body.status, JSON.stringify(set)).not.toBe('succeeded');
      expect(stage.shop.eventsOf(target.id).map((e) => e.type)).not.toContain('payment.succeeded');
    }
  });

  test('row 20: success, failure, success is one success; what comes later takes nothing back', async () => {
    const target = await aTarget(stage, line);
    const message = success(stage, target);
    await expectPaid(stage, target, message);
    for (const set of ENDED[line.channel] ?? []) {
      await deliver(target.url, success(stage, target, { set }));
      expect((await stage.api('GET', `/v1/payments/${target.id}`)).body.status).toBe('succeeded');
    }
    expect((await deliver(target.url, message)).status).toBeLessThan(300);
    const { body } = await stage.api('GET', '/v1/events?limit=100');
    const mine = body.data.filter((e: { payment_id: string }) => e.payment_id === target.id);
    expect(mine.map((e: { type: string }) => e.type)).toEqual(['payment.succeeded']);
  });

  test('row 20: money that comes after the merchant has closed the payment does not reopen it, and is reported', async () => {
    const target = await aTarget(stage, line);
    const message = success(stage, target);
    const closed = await stage.api('POST', `/v1/payments/${target.id}/close`, {});
    expect(closed.body.status).toBe('closed');
    const before = await anomalies(stage, 'late_success');
    expect((await deliver(target.url, message)).status).toBeLessThan(300);
    const { body } = await stage.api('GET', `/v1/payments/${target.id}`);
    expect(body).toMatchObject({ status: 'closed', status_reason: 'paid_after_end' });
    expect(body.attempts[0].effect).toBe('late');
    expect((await anomalies(stage, 'late_success')) - before).toBe(1);
    const { body: events } = await stage.api('GET', '/v1/events?limit=100');
    const mine = events.data.filter((e: { payment_id: string }) => e.payment_id === target.id);
    expect(mine.map((e: { type: string }) => e.type)).not.toContain('payment.succeeded');
  });

  test('row 21: a message that was no success does not use up the one that is', async () => {
    const target = await aTarget(stage, line);
    const tradeNo = line.tradeNo();
    const [set] = NO_SUCCESS[line.channel] ?? [];
    const shared = line === STRIPE ? { envelope: { id: 'evt_sharedbybothmessages' } } : {};
    for (let i = 0; i < 3; i += 1) {
      await deliver(target.url, success(stage, target, { tradeNo, ...(set ? { set } : {}) }, shared));
    }
    await expectPaid(stage, target, success(stage, target, { tradeNo }, shared));
  });
});

const NO_SUCCESS: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  'alipay-main': [
    'WAIT_BUYER_PAY',
    'TRADE_CLOSED',
    'TRADE_PENDING',
    'trade_success',
    'TRADE_SUCCESS ',
    '0',
    'true',
  ].map((trade_status) => ({ trade_status })),
  'wechatpay-main': ['NOTPAY', 'USERPAYING', 'CLOSED', 'PAYERROR', 'REVOKED', 'success', 'SUCCESSFUL', '1'].map(
    (trade_state) => ({ trade_state }),
  ),
  'stripe-main': [
    { payment_status: 'unpaid' },
    { status: 'open', payment_status: 'unpaid' },
    { status: 'open' },
    { status: 'expired', payment_status: 'unpaid' },
    { payment_status: 'PAID' },
    { payment_status: 'paid_later' },
    { status: null },
  ],
};
const ENDED: typeof NO_SUCCESS = {
  'alipay-main': [{ trade_status: 'TRADE_CLOSED' }, { trade_status: 'WAIT_BUYER_PAY' }],
  'wechatpay-main': ['CLOSED', 'PAYERROR', 'NOTPAY'].map((trade_state) => ({ trade_state })),
  'stripe-main': [
    { status: 'expired', payment_status: 'unpaid' },
    { status: 'open', payment_status: 'unpaid' },
  ],
};

describe("row 3: the provider's own signature under a message for another of its accounts is refused", () => {
  test.each([
    ['another application at Alipay', ALIPAY, { set: { app_id: '2021000000000001' } }, {}],
    ['another seller at Alipay', ALIPAY, { set: { seller_id: '2088000000000001' } }, {}],
    ['another merchant number at WeChat', WECHAT, { set: { mchid: '1900000001' } }, {}],
    ['another app of our merchant number at WeChat', WECHAT, { set: { appid: 'wx0000000000000001' } }, {}],
    ['a connected account at Stripe', STRIPE, {}, { envelope: { account: 'acct_1Another' } }],
    ["Stripe's other mode", STRIPE, {}, { envelope: { livemode: true } }],
  ])('%s', async (_, line, claim, craft) => {
    const target = await aTarget(stage, line);
    const before = await anomalies(stage, 'foreign_callback');
    await expectRefused(stage, target, success(stage, target, claim, craft));
    expect((await anomalies(stage, 'foreign_callback')) - before).toBe(1);
  });
});

test('row 2: two channels on one account: what is said of an order of one is refused at the address of the other', async () => {
  const sandboxDir = join(stage.dataDir, 'sandbox');
  const twins = await openStage({
    editConfig: patient,
    prepare: (dataDir) => {
      mkdirSync(join(dataDir, 'sandbox'), { recursive: true });
      for (const twin of ['alipay-main', 'alipay-backup']) {
        copyFileSync(join(sandboxDir, 'alipay-main.keys.json'), join(dataDir, 'sandbox', `${twin}.keys.json`));
      }
    },
  });
  try {
    expect(keysFor(twins, 'alipay-backup')).toEqual(keysFor(twins, 'alipay-main'));
    const target = await aTarget(twins, ALIPAY);
    const message = success(twins, target);
    await expectRefused(twins, target, message, target.url.replace('alipay-main', 'alipay-backup'));
    expect(await anomalies(twins, 'foreign_callback')).toBe(1);
    await expectPaid(twins, target, message);
  } finally {
    await twins.stop();
  }
});
