import { describe, expect, test } from 'vitest';
import { nothingKnown, soon, startStage } from './stage.ts';

describe('create', () => {
  test.each(['qr', 'redirect'] as const)('scene %s gives a code to scan', async (scene) => {
    const { adapter, anOrder } = await startStage();
    const created = await adapter.create(anOrder({ scene }), soon());
    expect(created).toMatchObject({ ok: true, value: { action: { type: 'qr_code' }, channelTradeNo: null } });
    expect(created.ok && created.value.action).toMatchObject({ qrCode: expect.stringMatching(/^weixin:\/\/wxpay\//) });
  });

  test('scene wap gives a page that leads back to the shop, and the order can be paid there', async () => {
    const { adapter, anOrder, refOf, base } = await startStage();
    const order = anOrder({ scene: 'wap' });
    const created = await adapter.create(order, soon());
    if (!created.ok || created.value.action.type !== 'redirect') throw new Error('no page');
    const { url } = created.value.action;
    expect(url.startsWith(`${base}/`)).toBe(true);
    expect(new URL(url).searchParams.get('redirect_url')).toBe(order.returnUrl);

    const page = await (await fetch(url)).text();
    expect(page).toContain('10.50');
    expect(page).toContain('&quot;quotes&quot;');
    const press = (choice: string) =>
      fetch(url, { method: 'POST', body: new URLSearchParams({ choice }), redirect: 'manual' });
    const declined = await press('decline');
    expect([declined.status, declined.headers.get('location')]).toEqual([302, order.returnUrl]);
    expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'open' } });
    const paid = await press('pay');
    expect([paid.status, paid.headers.get('location')]).toEqual([302, order.returnUrl]);
    expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'succeeded' } });
    expect((await press('pay')).status).toBe(409);
  });

  test('the page of an H5 order lives five minutes; the same create gives a new one', async () => {
    const { adapter, anOrder, advance } = await startStage();
    const order = anOrder({ scene: 'wap' });
    const urlOf = async () => {
      const created = await adapter.create(order, soon());
      if (!created.ok || created.value.action.type !== 'redirect') throw new Error('no page');
      return created.value.action.url;
    };
    const first = await urlOf();
    advance(300_001);
    expect((await fetch(first)).status).toBe(410);
    expect((await fetch(await urlOf())).status).toBe(200);
  });

  test('wap without the address of the buyer is refused before anything is sent', async () => {
    const { adapter, anOrder, host } = await startStage();
    const created = await adapter.create(anOrder({ scene: 'wap', buyer: { ip: null } }), soon());
    expect(created).toMatchObject({ ok: false, error: { kind: 'INVALID_REQUEST', created: 'no' } });
    expect(host.control.orders('wechatpay-main')).toEqual({ ok: true, value: [] });
  });

  test.each([
    ['a scene that it cannot serve', { scene: 'inapp' as const }, 'AUTH_MISCONFIGURED'],
    ['another currency', { amount: { minor: 100, currency: 'USD' } }, 'INVALID_REQUEST'],
  ])('%s is refused before anything is sent', async (_what, set, kind) => {
    const { adapter, anOrder, host } = await startStage();
    expect(await adapter.create(anOrder(set), soon())).toMatchObject({ ok: false, error: { kind, created: 'no' } });
    expect(host.control.orders('wechatpay-main')).toEqual({ ok: true, value: [] });
  });

  test('the provider is told the amount in fen, the expiry to the second and the callback URL', async () => {
    const { adapter, anOrder, host } = await startStage();
    const order = anOrder({ amount: { minor: 1, currency: 'CNY' } });
    await adapter.create(order, soon());
    const books = host.control.orders('wechatpay-main', order.providerRef);
    expect(books).toMatchObject({
      ok: true,
      value: [
        {
          amountMinor: 1,
          currency: 'CNY',
          status: 'open',
          expiresAt: Math.floor(order.expiresAt / 1000) * 1000,
          detail: { tradeType: 'NATIVE', notifyUrl: order.callbackUrl, description: order.subject },
        },
      ],
    });
  });

  test('a subject of 128 characters, each of two UTF-16 units, is cut to what WeChat takes', async () => {
    const { adapter, anOrder, host } = await startStage();
    const order = anOrder({ subject: '𝄞'.repeat(128) });
    expect(await adapter.create(order, soon())).toMatchObject({ ok: true });
    expect(host.control.orders('wechatpay-main', order.providerRef)).toMatchObject({
      ok: true,
      value: [{ detail: { description: '𝄞'.repeat(127) } }],
    });
  });

  test('an identical repeat gives a fresh code for the same order; other parameters are a duplicate', async () => {
    const { adapter, anOrder, host } = await startStage();
    const order = anOrder();
    const first = await adapter.create(order, soon());
    const again = await adapter.create(order, soon());
    expect(first.ok && again.ok && first.value.action).not.toEqual(again.ok && again.value.action);
    expect(host.control.orders('wechatpay-main')).toMatchObject({
      ok: true,
      value: [{ providerRef: order.providerRef }],
    });
    const other = await adapter.create({ ...order, amount: { minor: 1051, currency: 'CNY' } }, soon());
    expect(other).toMatchObject({
      ok: false,
      error: { kind: 'DUPLICATE', created: 'maybe', providerCode: 'OUT_TRADE_NO_USED' },
    });
  });

  test('after payment or close the same create says so', async () => {
    const { adapter, anOrder, refOf, pay } = await startStage();
    const paid = anOrder();
    await adapter.create(paid, soon());
    await pay(paid);
    expect(await adapter.create(paid, soon())).toMatchObject({
      ok: false,
      error: { kind: 'ALREADY_PAID', created: 'maybe' },
    });
    const closed = anOrder();
    await adapter.create(closed, soon());
    await adapter.close(refOf(closed), soon());
    expect(await adapter.create(closed, soon())).toMatchObject({
      ok: false,
      error: { kind: 'ALREADY_CLOSED', created: 'no' },
    });
  });

  test('creates online, so that a success says something of the channel; the expiry has a minimum of a minute', async () => {
    const { adapter } = await startStage();
    expect(adapter.createsOffline('qr')).toBe(false);
    expect(adapter.absence).toBe('final');
    expect(adapter.providerExpiresAt(1_000_000, 990_000)).toBe(1_050_000);
    expect(adapter.providerExpiresAt(2_000_000, 990_000)).toBe(2_000_000);
  });
});

describe('query', () => {
  test('an open order is open, and names no trade yet', async () => {
    const { adapter, anOrder, refOf } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    const seen = await adapter.query(refOf(order), soon());
    expect(seen).toEqual({
      ok: true,
      value: { ...nothingKnown, state: 'open', account: adapter.account, amount: order.amount },
    });
  });

  test('a paid order names account, amount, trade number and time', async () => {
    const { adapter, anOrder, refOf, pay, host } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    await pay(order);
    const books = host.control.orders('wechatpay-main', order.providerRef);
    const [kept] = books.ok ? books.value : [];
    expect(await adapter.query(refOf(order), soon())).toEqual({
      ok: true,
      value: {
        ...nothingKnown,
        state: 'succeeded',
        account: adapter.account,
        amount: order.amount,
        channelTradeNo: kept?.tradeNo,
        paidAt: Math.floor((kept?.paidAt ?? 0) / 1000) * 1000,
      },
    });
  });

  test('an order that was never made is absent', async () => {
    const { adapter, anOrder, refOf } = await startStage();
    expect(await adapter.query(refOf(anOrder()), soon())).toEqual({
      ok: true,
      value: { ...nothingKnown, state: 'absent' },
    });
  });

  test('past its expiry an order is still open, until it is closed', async () => {
    const { adapter, anOrder, refOf, advance, pay } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    advance(901_000);
    expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'open' } });
    await expect(pay(order)).rejects.toThrow(/expired/);
    expect(await adapter.close(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'closed' } });
    expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'closed' } });
  });

  test('a declined try leaves the order open', async () => {
    const { adapter, anOrder, refOf, host } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    await host.control.fail('wechatpay-main', order);
    expect(await adapter.query(refOf(order), soon())).toMatchObject({
      ok: true,
      value: { state: 'open', error: null },
    });
  });
});

describe('close', () => {
  test('closes an open order, and says so again', async () => {
    const { adapter, anOrder, refOf } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    for (let i = 0; i < 2; i += 1) {
      expect(await adapter.close(refOf(order), soon())).toEqual({
        ok: true,
        value: { ...nothingKnown, state: 'closed' },
      });
    }
  });

  test('of a paid order tells of the payment', async () => {
    const { adapter, anOrder, refOf, pay } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    await pay(order);
    expect(await adapter.close(refOf(order), soon())).toMatchObject({
      ok: true,
      value: { state: 'succeeded', amount: order.amount, account: adapter.account },
    });
  });

  test('of an order that was never made finds none', async () => {
    const { adapter, anOrder, refOf } = await startStage();
    expect(await adapter.close(refOf(anOrder()), soon())).toEqual({
      ok: true,
      value: { ...nothingKnown, state: 'absent' },
    });
  });

  test('while the buyer is paying leaves the order open', async () => {
    const { adapter, anOrder, refOf, settings, advance } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    await settings({ paying: { provider_ref: order.providerRef, for_ms: 30_000 } });
    expect(await adapter.close(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'open' } });
    advance(30_001);
    expect(await adapter.close(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'closed' } });
  });
});

describe('probe', () => {
  test('passes on a healthy channel and leaves no order behind', async () => {
    const { adapter, host } = await startStage();
    expect(await adapter.probe(soon())).toEqual({ ok: true, value: undefined });
    expect(host.control.orders('wechatpay-main')).toEqual({ ok: true, value: [] });
  });

  test('fails with the reason on a sick one', async () => {
    const { adapter, settings, faults } = await startStage();
    await settings({ refuse_with: { status: 403, code: 'NO_AUTH', message: '商户号该产品权限未开通' } });
    expect(await adapter.probe(soon())).toMatchObject({ ok: false, error: { kind: 'AUTH_MISCONFIGURED' } });
    faults({ error_rate: 1 });
    expect(await adapter.probe(soon())).toMatchObject({ ok: false, error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN' } });
  });
});
