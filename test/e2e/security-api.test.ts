import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliver } from './forger.ts';
import { anOrder, openStage, patient, type Stage } from './stage.ts';
import { ALIPAY, aTarget, bookOf, expectPaid, expectUntouched, LINES, STRIPE, success } from './targets.ts';

const OTHER = 'sk_another_shop_0123456789';

/** A second shop beside the demo one. */
const withOtherShop = (yaml: string): string => `${yaml}
  m_other:
    name: Other shop
    secret_keys: ["${OTHER}"]
    webhook: { url: null, secret: "whsec_b3RoZXItc2hvcC13ZWJob29rLXNlY3JldA==" }
`;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient, editMerchants: withOtherShop });
});
afterAll(() => stage.stop());

const asOther = (method: 'GET' | 'POST', path: string, body?: unknown) =>
  stage.api(method, path, body, { authorization: `Bearer ${OTHER}` });
const url = (path: string): string => `${stage.gateway().publicUrl}${path}`;

/** What a success looks like to a browser: each provider's way to bring a buyer back. */
const RETURN_QUERIES = [
  'trade_status=TRADE_SUCCESS&total_amount=10.00&trade_no=2026013122001000000000000000&sign=AAAA&sign_type=RSA2',
  'method=alipay.trade.page.pay.return&out_trade_no=x&total_amount=10.00&seller_id=2088000000000000&sign=AAAA',
  'status=succeeded&redirect_status=succeeded&payment_intent=pi_1&session_id=cs_test_1',
  'result_code=SUCCESS&return_code=SUCCESS&total_fee=1000&trade_state=SUCCESS',
  'checked&status=succeeded&paid=true&amount=1',
];

describe.each(LINES)('row 8: at $channel', (line) => {
  test('nothing that a browser brings back decides anything', async () => {
    const target = await aTarget(stage, line);
    for (const query of RETURN_QUERIES) {
      for (const path of [`/pay/${target.id}`, `/pay/${target.id}/go`, `/pay/${target.id}/state`]) {
        const answer = await fetch(url(`${path}?${query}`), { redirect: 'manual' });
        expect(answer.status).toBeLessThan(400);
      }
      const pressed = await fetch(url(`/pay/${target.id}/paid?${query}`), {
        method: 'POST',
        body: new URLSearchParams(query),
        redirect: 'manual',
      });
      expect(pressed.status).toBe(303);
      await expectUntouched(stage, target);
    }
  });

  test('a genuine signed message that arrives as a GET, as a browser would bring it, is refused', async () => {
    const target = await aTarget(stage, line);
    const message = success(stage, target);
    const query = line === ALIPAY ? `?${message.body}` : '';
    const answer = await deliver(`${target.url}${query}`, { ...message, method: 'GET', body: '' });
    expect(answer.status).toBe(400);
    await expectUntouched(stage, target);
    await expectPaid(stage, target, message);
  });
});

test("row 8: Stripe's success_url and cancel_url are our cashier, and visiting them decides nothing", async () => {
  const target = await aTarget(stage, STRIPE);
  const { successUrl, cancelUrl } = bookOf(stage, STRIPE.channel, target.providerRef).detail.session;
  for (const visited of [successUrl, cancelUrl, successUrl.replace('{CHECKOUT_SESSION_ID}', 'cs_test_1')]) {
    expect(visited).toContain(url(`/pay/${target.id}`));
    expect((await fetch(visited)).status).toBe(200);
    await expectUntouched(stage, target);
  }
});

test('row 9: the way back to the shop carries no status that a shop could trust', async () => {
  const return_url = 'https://shop.example/thanks?order=1';
  const target = await aTarget(stage, ALIPAY, { return_url });
  await expectPaid(stage, target, success(stage, target));
  const page = await (await fetch(url(`/pay/${target.id}`))).text();
  const links = [...page.matchAll(/https:\/\/shop\.example[^"'\s<]*/g)].map(([link]) => link.replaceAll('&amp;', '&'));
  expect(links.length).toBeGreaterThan(0);
  expect(new Set(links)).toEqual(new Set([return_url]));
});

describe('row 19: with no more than its id', () => {
  test('an order can be looked at and paid, and nothing of it can be changed', async () => {
    const target = await aTarget(stage, ALIPAY);
    const paths = ['', '/go', '/state', '/paid', '/update-order', '/method', '/close', '/amount'];
    for (const path of paths) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await fetch(url(`/pay/${target.id}${path}`), {
          method,
          body: '{"amount":1,"channel":"stripe-main","method":"card","status":"succeeded"}',
          headers: { 'content-type': 'application/json' },
          redirect: 'manual',
        });
        expect(answer.status, `${method} ${path}`).toBe(path === '/paid' && method === 'POST' ? 303 : answer.status);
        if (path !== '/paid' || method !== 'POST') expect([404, 405]).toContain(answer.status);
      }
    }
    for (const path of ['', '/close', '/sync', '/fulfilment', '/routing']) {
      const answer = await fetch(url(`/v1/payments/${target.id}${path}`), { method: path === '' ? 'GET' : 'POST' });
      expect([401, 405]).toContain(answer.status);
    }
    await expectUntouched(stage, target);
  });
});

describe("row 19: one merchant's payments and events do not exist for another", () => {
  test('it reads, closes, asks, delivers, explains and redelivers nothing of them', async () => {
    const target = await aTarget(stage, ALIPAY);
    const unknown = `pay_01j${'0'.repeat(23)}`;
    const attempts: readonly ['GET' | 'POST', string, unknown?][] = [
      ['GET', ''],
      ['GET', '/routing'],
      ['POST', '/close', {}],
      ['POST', '/sync', {}],
      ['POST', '/fulfilment', { status: 'delivered' }],
    ];
    for (const [method, path, body] of attempts) {
      const theirs = await asOther(method, `/v1/payments/${target.id}${path}`, body);
      const none = await asOther(method, `/v1/payments/${unknown}${path}`, body);
      expect(theirs.status, path).toBe(404);
      // The same words as for an id that nobody has: no oracle.
      expect({ ...theirs.body, request_id: '' }).toEqual({ ...none.body, request_id: '' });
    }
    await expectUntouched(stage, target);

    await expectPaid(stage, target, success(stage, target));
    const event = `evt_${target.id.slice(4)}_succeeded`;
    expect((await asOther('POST', `/v1/events/${event}/redeliver`, {})).status).toBe(404);
    expect((await asOther('GET', '/v1/events?limit=100')).body.data).toEqual([]);
    expect((await asOther('GET', `/v1/events?limit=100&after=${event}`)).body.data ?? []).toEqual([]);
    const { merchant_order_no } = target.before;
    expect((await asOther('GET', `/v1/payments?merchant_order_no=${merchant_order_no}`)).body.data).toEqual([]);
    expect((await asOther('GET', '/v1/payments?limit=100')).body.data).toEqual([]);
  });

  test('the same order number, Idempotency-Key and cursor of two merchants are strangers', async () => {
    const order = anOrder(stage);
    const key = { 'idempotency-key': `shared-${order.merchant_order_no}` };
    const mine = await stage.api('POST', '/v1/payments', order, key);
    const theirs = await stage.api(
      'POST',
      '/v1/payments',
      { ...order, amount: 2000 },
      {
        ...key,
        authorization: `Bearer ${OTHER}`,
      },
    );
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body.id).not.toBe(mine.body.id);
    await stage.api('POST', '/v1/payments', anOrder(stage));
    const page = await stage.api('GET', '/v1/payments?limit=1');
    const stolen = await asOther('GET', `/v1/payments?limit=100&cursor=${page.body.next_cursor}`);
    const ids = (stolen.body.data ?? []).map((p: { id: string }) => p.id);
    expect(ids.filter((id: string) => id !== theirs.body.id)).toEqual([]);
  });

  test.each(['', 'Bearer', 'Bearer ', `Bearer ${OTHER}x`, `Bearer ${OTHER.slice(0, -1)}`, `Basic ${OTHER}`, OTHER])(
    'Authorization %j opens nothing',
    async (authorization) => {
      const answer = await stage.api('GET', '/v1/payments', undefined, { authorization });
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    },
  );
});

describe('row 25: nobody guesses an order', () => {
  test('ids and callback tokens share nothing but the time', async () => {
    const targets = [];
    for (let i = 0; i < 64; i += 1) targets.push(await aTarget(stage, ALIPAY));
    // A UUIDv7 in base 32: the first ten characters are the time, one tells version and variant, the rest is chance.
    const chance = targets.map(({ id }) => id.slice(-12));
    const tokens = targets.map((target) => new URL(target.url).pathname.split('/')[3] ?? '');
    // A token begins with the order's reference; what nobody can guess comes after it.
    const secrets = tokens.map((token) => token.slice(token.indexOf('-') + 1));
    for (const texts of [chance, secrets]) {
      expect(new Set(texts).size).toBe(64);
      for (let at = 0; at < 12; at += 1) expect(new Set(texts.map((t) => t[at])).size).toBeGreaterThan(8);
    }
    expect(secrets.every((secret) => Buffer.from(secret, 'base64url').length >= 16)).toBe(true);
  });

  test('a neighbour of a known id is nothing, and the id is not told by the order number', async () => {
    const { id } = await aTarget(stage, ALIPAY);
    const last = id.at(-1) === '0' ? '1' : '0';
    for (const guess of [`${id.slice(0, -1)}${last}`, id.toUpperCase(), `${id}0`, id.slice(4), `${id}%00`]) {
      expect((await fetch(url(`/pay/${guess}`))).status, guess).toBe(404);
      expect((await fetch(url(`/pay/${guess}/state`))).status, guess).toBe(404);
      expect((await stage.api('GET', `/v1/payments/${guess}`)).status, guess).toBe(404);
    }
  });

  test('whoever holds the id sees neither the buyer nor the token nor the keys', async () => {
    const customer = {
      id: 'cust-secret-1',
      ip: '203.0.113.77',
      email: 'buyer.secret@example.com',
      device_id: 'dev-77',
    };
    const metadata = { card: '4242424242424242' };
    const target = await aTarget(stage, ALIPAY, { customer, metadata, notify_url: `${stage.shop.url}?k=hidden-1` });
    const token = new URL(target.url).pathname.split('/')[3] ?? 'no token';
    const pages = await Promise.all(
      ['', '/state', '/go'].map(async (path) =>
        (await fetch(url(`/pay/${target.id}${path}`), { redirect: 'manual' })).text(),
      ),
    );
    const answers = [...pages, JSON.stringify(target.before)].join('\n');
    for (const hidden of [...Object.values(customer), token, 'hidden-1', 'sk_sandbox_demo', 'whsec_']) {
      expect(answers).not.toContain(hidden);
    }
    expect(pages.join('\n')).not.toContain(metadata.card);
  });
});
