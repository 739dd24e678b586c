import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gatewayError } from '../../src/gateway/index.ts';
import { type Action, type AttemptError, type Payment, REFUND_ABSENT } from '../../src/payment/index.ts';
import { type Edge, jsonOf, serveEdge } from './serve.ts';
import { aNewPayment, anAskingPayment, aPendingPayment, NOW, observed, withFact } from './stub-gateway.ts';

let edge: Edge;
let now = NOW;
beforeEach(async () => {
  now = NOW;
  edge = await serveEdge({ now: () => now });
});
afterEach(() => edge.close());

const QR: Action = { type: 'qr_code', qrCode: 'weixin://wxpay/bizpayurl?pr=abc' };
const PHONE = { 'user-agent': 'Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36' };
const ZH = { 'accept-language': 'zh-TW,zh;q=0.9,en;q=0.5' };

const keep = (payment: Payment): string => {
  edge.gateway.payments.set(payment.id, payment);
  return `/pay/${payment.id}`;
};
const visit = (path: string, headers: Record<string, string> = {}) =>
  fetch(edge.url + path, { headers, redirect: 'manual' });
const pageOf = async (payment: Payment, headers: Record<string, string> = {}) =>
  (await visit(keep(payment), headers)).text();

describe('a payment that waits for its buyer', () => {
  test('shows what is bought, for how much and from whom, and the way to pay', async () => {
    const text = await pageOf(aPendingPayment());
    expect(text).toContain('<html lang="en">');
    expect(text).toContain('Game credits');
    expect(text).toContain('¥1,234.56');
    expect(text).toContain('Shop &lt;One&gt;');
    expect(text).toMatch(/href="\/pay\/pay_\w+\/go">Pay with Alipay</);
    expect(text).toContain('15:00');
  });

  test('draws the QR code itself', async () => {
    const text = await pageOf(aPendingPayment(QR, { methods: ['wechatpay'] }));
    expect(text).toContain('<svg');
    expect(text).toContain('aria-label="QR code for paying with WeChat"');
    expect(text).not.toContain('weixin://');
  });

  test('offers the app where the code is a web address', async () => {
    const payment = aPendingPayment({ type: 'qr_code', qrCode: 'https://qr.alipay.com/bax1' });
    expect(await pageOf(payment, PHONE)).toContain('Open Alipay on this device');
    expect(await pageOf(payment)).not.toContain('on this device');
    expect((await visit(`/pay/${payment.id}/go`)).headers.get('location')).toBe('https://qr.alipay.com/bax1');
  });

  test('a code that is too long for a QR code is said to be broken', async () => {
    expect(await pageOf(aPendingPayment({ type: 'qr_code', qrCode: 'x'.repeat(5_000) }))).toContain('cannot be shown');
  });

  test('sends to the shop when only the shop can go on', async () => {
    const secret: Action = { type: 'client_secret', clientSecret: 'pi_secret', publishableKey: 'pk_1' };
    const text = await pageOf(aPendingPayment(secret, { methods: ['card'] }));
    expect(text).toContain('completed inside the shop');
    expect(text).not.toMatch(/pi_secret|pk_1/);
  });

  test('speaks Chinese to those who ask for it, English to everybody else', async () => {
    const payment = aPendingPayment();
    const chinese = await visit(keep(payment), ZH);
    expect(chinese.headers.get('content-language')).toBe('zh-CN');
    expect(chinese.headers.get('vary')).toContain('Accept-Language');
    expect(await chinese.text()).toContain('使用支付宝支付');
    for (const language of ['en-GB,zh;q=0.1', 'de', '', '*', ';;q=,']) {
      expect(await (await visit(`/pay/${payment.id}`, { 'accept-language': language })).text()).toContain('lang="en"');
    }
  });

  test('says why the last try failed when the order is still open', async () => {
    const open = aPendingPayment();
    const error = { kind: 'DECLINED', providerCode: 'card_declined/insufficient_funds' };
    const text = await pageOf(withFact(open, observed(open, 'open', error)));
    expect(text).toContain('Your last try did not work.');
    expect(text).toContain('not enough money');
  });

  test('shows no way to pay before there is one, withFact expiry, or while it is being closed', async () => {
    const pending = aPendingPayment();
    for (const [payment, at] of [
      [aNewPayment(), NOW],
      [anAskingPayment(), NOW],
      [pending, pending.expiresAt],
      [withFact(pending, { type: 'close_requested', by: 'merchant' }), NOW],
    ] as const) {
      now = at;
      expect(await pageOf(payment)).not.toContain('/go"');
      expect((await visit(`/pay/${payment.id}/go`)).headers.get('location')).toBe(`/pay/${payment.id}`);
    }
  });
});

describe('choosing how to pay', () => {
  const UNCHOSEN = { methods: ['alipay', 'wechatpay', 'card'] };
  const WECHAT = { 'user-agent': 'Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile MicroMessenger/8.0.49' };
  const choose = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${edge.url}${path}/choose`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    });

  test('is a form of buttons, with words for a method that does not work now', async () => {
    edge.gateway.away.add('card');
    const text = await pageOf(aNewPayment(UNCHOSEN));
    expect(text).toContain('Choose how to pay');
    expect(text).toMatch(/<form method="post" action="\/pay\/pay_\w+\/choose"/);
    expect(text).toContain('<input type="hidden" name="seen" value="0">');
    expect([...text.matchAll(/name="method" value="(\w+)"/g)].map(([, method]) => method)).toEqual([
      'alipay',
      'wechatpay',
    ]);
    expect(text).toMatch(/Bank card<\/span><span class="way-note">Not available at the moment/);
  });

  test('shows the way that is open as selected beside the others, and nothing when there is no other', async () => {
    const text = await pageOf(aPendingPayment(QR, UNCHOSEN));
    expect(text).toMatch(/<p class="way selected" aria-current="true">.*Alipay/);
    expect(text).toContain('name="method" value="wechatpay"');
    expect(await pageOf(aPendingPayment(QR))).not.toContain('/choose"');
  });

  test.each([
    ['a desktop', {}, 'wechatpay', ['qr', 'redirect']],
    ['a phone', PHONE, 'wechatpay', ['wap', 'redirect', 'qr']],
    ['its own wallet', WECHAT, 'wechatpay', ['inapp', 'redirect', 'qr']],
    ['another wallet', WECHAT, 'alipay', ['wap', 'redirect', 'qr']],
  ])('asks for what %s can do', async (_device, headers, method, scenes) => {
    const payment = aPendingPayment(QR, { methods: [method] });
    const answer = await choose(keep(payment), `method=${method}&seen=1`, headers);
    expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({
      status: 303,
      to: `/pay/${payment.id}?go`,
    });
    expect(edge.gateway.choices).toEqual([{ id: payment.id, choice: { method, scenes, seen: 1 } }]);
  });

  test('says in words why nothing came of it', async () => {
    const path = keep(aNewPayment(UNCHOSEN));
    for (const [code, notice, words] of [
      ['no_channel_available', 'away', 'cannot be opened at the moment'],
      ['rate_limited', 'often', 'changed too often'],
      ['validation_failed', 'refused', 'cannot be paid in that way'],
    ] as const) {
      edge.gateway.refusal = gatewayError(code, 'for developers');
      const to = (await choose(path, 'method=alipay&seen=0')).headers.get('location') ?? '';
      expect(to).toBe(`${path}?notice=${notice}`);
      const text = await (await visit(to)).text();
      expect(text).toContain(words);
      expect(text).not.toContain('for developers');
    }
  });

  test.each(['', 'method=alipay', 'seen=0', 'method=__proto__&seen=0', 'method=%00&seen=0', 'method=alipay&seen=-1'])(
    'is never asked for by nonsense (%s)',
    async (body) => {
      const path = keep(aNewPayment(UNCHOSEN));
      for (const sent of [body, `${body}&x=${'y'.repeat(5_000)}`]) {
        expect((await choose(path, sent)).headers.get('location')).toBe(`${path}?notice=refused`);
      }
      expect(edge.gateway.choices).toEqual([]);
      expect((await choose('/pay/pay_x', 'method=alipay&seen=0')).status).toBe(404);
      expect((await choose('/pay/pay_01hxxxxxxxxxxxxxxxxxxxxxxx', 'method=alipay&seen=0')).status).toBe(404);
      expect(await (await visit(`${path}?notice=<script>&lang=<script>&go=<script>`)).text()).not.toContain('<script>');
    },
  );

  test('a way given up that may have been paid is not forgotten', async () => {
    const open = aPendingPayment(QR, UNCHOSEN);
    const text = await pageOf(withFact(open, { type: 'attempt_given_up', seq: 1 }));
    expect(text).toContain('Have you paid with Alipay already?');
    expect(text).toContain('I have paid');
    expect(text).toContain('<input type="hidden" name="seen" value="1">');
  });

  test('the page keeps the language that the buyer has chosen', async () => {
    const payment = aNewPayment(UNCHOSEN);
    const text = await (await visit(`${keep(payment)}?lang=zh`)).text();
    expect(text).toContain('请选择支付方式');
    expect(text).toContain(`action="/pay/${payment.id}/choose?lang=zh"`);
    const answer = await choose(`/pay/${payment.id}`, 'nothing');
    expect(answer.headers.get('location')).toBe(`/pay/${payment.id}?notice=refused`);
  });

  test('a code that is text for people can be copied', async () => {
    const address: Action = { type: 'qr_code', qrCode: 'TXYZabc123' };
    expect(await pageOf(aPendingPayment(address, { methods: ['usdt'] }))).toContain('data-copy="TXYZabc123"');
    expect(await pageOf(aPendingPayment(QR))).not.toContain('data-copy');
  });
});

describe('what came of it', () => {
  const failedWith = (error: AttemptError) => {
    const asking = anAskingPayment();
    return withFact(asking, { type: 'attempt_refused', seq: 1, error, latencyMs: 5, endsPayment: true });
  };
  const closedBy = (by: 'merchant' | 'expiry') => {
    const pending = aPendingPayment();
    return withFact(withFact(pending, { type: 'close_requested', by }), observed(pending, 'closed'));
  };

  test('paid: a tick and a link to the shop, nothing more to pay', async () => {
    const pending = aPendingPayment();
    const text = await pageOf(withFact(pending, observed(pending, 'succeeded')));
    expect(text).toContain('<span class="mark good" aria-hidden="true">✓</span>Paid');
    expect(text).toContain('href="https://shop.example/thanks?a=1&amp;b=2"');
    expect(text).not.toContain('/go"');
    expect(text).not.toContain('http-equiv="refresh"');
  });

  test.each([
    ['DECLINED', 'anything', 'refused the payment'],
    ['DECLINED', 'insufficient_funds', 'not enough money'],
    ['DECLINED', 'expired_card', 'card has expired'],
    ['RISK_REJECTED', null, 'for safety'],
    ['INVALID_REQUEST', null, 'not your fault'],
    ['SOMETHING_NEW', null, 'could not be completed'],
  ])('failed with %s %s: the reason in words', async (kind, providerCode, words) => {
    expect(await pageOf(failedWith({ kind, providerCode }))).toContain(words);
  });

  test('closed: by time or by the shop', async () => {
    expect(await pageOf(closedBy('expiry'))).toContain('The time for paying has run out.');
    expect(await pageOf(closedBy('merchant'), ZH)).toContain('商家已取消此订单。');
  });

  test('paid too late: the buyer hears that the money goes back, and when it has', async () => {
    const closed = closedBy('expiry');
    const late = withFact(closed, observed(closed, 'succeeded'));
    expect(await pageOf(late)).toContain('It is being returned to you');
    const observation = { ...REFUND_ABSENT, state: 'succeeded' as const };
    const returned = withFact(late, { type: 'refund_observed', refundSeq: 1, by: 'refund', observation });
    expect(await pageOf(returned)).toContain('It has been returned to you');
  });

  test('paid too late and held: the buyer is sent to the shop', async () => {
    const closed = closedBy('expiry');
    const held = { ...closed, policies: { ...closed.policies, lateSuccess: 'hold' as const } };
    expect(await pageOf(withFact(held, observed(closed, 'succeeded')))).toContain('after this order had ended');
  });
});

describe('the state that the page asks for', () => {
  test('changes exactly when the page has to', async () => {
    const stateOf = async (payment: Payment) => {
      const answer = await visit(`${keep(payment)}/state`);
      return jsonOf<{ status: string; stage: string; poll_ms: number | null }>(answer);
    };
    const pending = aPendingPayment();
    const first = await stateOf(pending);
    expect(first).toEqual({ status: 'pending', stage: expect.any(String), poll_ms: 2_000, left_s: 900 });
    expect(await stateOf({ ...pending, updatedAt: NOW + 5, version: 9 })).toEqual(first);
    expect(await pageOf(pending)).toContain(`data-stage="${first.stage}"`);
    const paid = await stateOf(withFact(pending, observed(pending, 'succeeded')));
    expect(paid).toMatchObject({ status: 'succeeded', poll_ms: null });
    expect(paid.stage).not.toBe(first.stage);
  });

  test('of nobody is a 404', async () => {
    expect((await visit('/pay/pay_01hxxxxxxxxxxxxxxxxxxxxxxx/state')).status).toBe(404);
  });
});

describe('the pay button', () => {
  test('leads to the provider', async () => {
    const answer = await visit(`${keep(aPendingPayment({ type: 'redirect', url: 'https://pay.example/中?a=b' }))}/go`);
    expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({
      status: 302,
      to: 'https://pay.example/%E4%B8%AD?a=b',
    });
  });

  test.each(['javascript:alert(1)', 'data:text/html,x', 'not an address'])('never leads to %s', async (url) => {
    const path = keep(aPendingPayment({ type: 'redirect', url }));
    expect((await visit(`${path}/go`)).headers.get('location')).toBe(path);
  });

  test("posts a provider's form without letting its scripts run", async () => {
    const form =
      '<form method="post" action="https://pay.example/x"><input name="a" value="1"></form><script>steal()</script>';
    const answer = await visit(`${keep(aPendingPayment({ type: 'form', html: form }))}/go`);
    expect(await answer.text()).toContain(form);
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain('form-action https: http:');
  });
});

test('"I have paid" makes the gateway ask and comes back with a word', async () => {
  const path = keep(aPendingPayment());
  const answer = await fetch(`${edge.url}${path}/paid`, { method: 'POST', redirect: 'manual' });
  expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({
    status: 303,
    to: `${path}?notice=checked`,
  });
  expect(edge.gateway.syncs).toEqual([path.slice('/pay/'.length)]);
  expect(await (await visit(`${path}?notice=checked`)).text()).toContain('nothing has arrived yet');
  expect((await visit(`${path}/paid`)).status).toBe(405);
});

describe('the page is safe', () => {
  test('texts of the shop stay texts', async () => {
    const subject = `"><img src=x onerror=alert(1)>'&`;
    const text = await pageOf(aPendingPayment(QR, { subject, returnUrl: 'https://shop.example/?"><script>' }));
    expect(text).not.toMatch(/<img|<script>/);
    expect(text).toContain('&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&#39;&amp;');
  });

  test('texts of the shop steer the direction of nothing: overrides are left out, the marks of Hebrew and Arabic stay', async () => {
    const text = await pageOf(aPendingPayment(QR, { subject: 'Key \u202eyek\u2066\u2069 \u05d0\u200f!' }));
    expect(text).toContain('<bdi>Key yek \u05d0\u200f!</bdi>');
  });

  test('a return address that is no web address is not linked', async () => {
    const pending = aPendingPayment(QR, { returnUrl: 'javascript:alert(1)' });
    expect(await pageOf(withFact(pending, observed(pending, 'succeeded')))).not.toContain('javascript:');
  });

  test('it allows nothing but its own style and script, and no frame', async () => {
    const answer = await visit(keep(aPendingPayment(QR)));
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; style-src 'self'; script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    const text = await answer.text();
    expect(text).not.toMatch(/ style=| on\w+=|<style|<script>/);
    for (const [, address] of text.matchAll(/(?:href|src)="([^"]*)"/g))
      expect(address).toMatch(/^\/pay\/|^data:,$|^\?lang=|^https:\/\/shop/);
  });

  test('it works without JavaScript', async () => {
    const text = await pageOf(aPendingPayment(QR));
    expect(text).toContain('<noscript><meta http-equiv="refresh" content="5"></noscript>');
    expect(text).toMatch(/<form method="post" action="\/pay\/pay_\w+\/paid"/);
  });

  test('its addresses keep the path of the public URL', async () => {
    const own = await serveEdge({ settings: { publicUrl: 'https://shop.example/gw' } });
    const payment = aPendingPayment();
    own.gateway.payments.set(payment.id, payment);
    const text = await (await fetch(`${own.url}/pay/${payment.id}`)).text();
    expect(text).toContain(`href="/gw/pay/${payment.id}/go"`);
    expect(text).toContain('href="/gw/pay/assets/cashier.css?v=');
    await own.close();
  });
});

test('style and script are there and may be kept', async () => {
  const text = await pageOf(aPendingPayment());
  for (const [, address = ''] of text.matchAll(/"(\/pay\/assets\/[^"]*)"/g)) {
    const answer = await visit(address);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toContain('immutable');
    expect(answer.headers.get('content-type')).toMatch(/text\/(css|javascript)/);
  }
  for (const path of ['/pay/assets/other.js', '/pay/assets/..%2fcashier.css'])
    expect((await visit(path)).status).toBe(404);
});

test.each(['/pay/pay_01hxxxxxxxxxxxxxxxxxxxxxxx', '/pay/x', '/pay/%00', '/pay/pay_1/go', '/pay/a/b/c'])(
  '%s is a friendly page that says there is no such order',
  async (path) => {
    const answer = await visit(path, ZH);
    expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({
      status: 404,
      type: 'text/html; charset=utf-8',
    });
    expect(await answer.text()).toContain('订单不存在');
  },
);

test('a fault of ours is a friendly page too', async () => {
  edge.gateway.broken = new Error('secret detail');
  const answer = await visit('/pay/pay_01hxxxxxxxxxxxxxxxxxxxxxxx');
  expect(answer.status).toBe(500);
  const text = await answer.text();
  expect(text).toContain('Something went wrong on our side');
  expect(text).not.toContain('secret detail');
});
