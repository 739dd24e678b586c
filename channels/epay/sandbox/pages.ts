import type { Order, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { type Desk, wishOf, yuanOf } from './desk.ts';
import { returnUrl } from './notices.ts';
import { makeOrder } from './orders.ts';
import type { Params } from './proof.ts';

const PAY_PAGE = /^\/pay\/submit\/(\d{15,30})\/$/;
const SUBMIT = ['/submit.php', '/api/pay/submit'];

export function isPage({ path }: WireRequest): boolean {
  return PAY_PAGE.test(path) || SUBMIT.includes(path);
}

/** submit.php makes the order and leads to its pay page; both are for browsers, and errors are pages too. */
export function servePage(desk: Desk, request: WireRequest, pay: (order: Order) => void): WireAnswer {
  if (SUBMIT.includes(request.path)) return submit(desk, paramsOf(request));
  const tradeNo = PAY_PAGE.exec(request.path)?.[1];
  const order = desk.options.books.findBy((candidate) => candidate.tradeNo === tradeNo);
  if (order === undefined) return page('该订单号不存在，请返回来源地重新发起请求！');
  if (request.method === 'POST' && isPayable(desk, order)) {
    pay(order);
    const back = returnUrl(desk, desk.options.books.find(order.providerRef) ?? order);
    if (back !== '') return { status: 302, headers: { location: back }, body: '' };
  }
  const state = order.status === 'paid' ? '<p>已支付 (paid)</p>' : isPayable(desk, order) ? FORM : '<p>订单已过期</p>';
  return page(`<p>${escaped(wishOf(order).name)}</p><p><b>¥${yuanOf(order.amountMinor)}</b></p>${state}`);
}

/** The buyer opens a link that the shop has signed. */
export function submit(desk: Desk, params: Params): WireAnswer {
  const made = makeOrder(desk, params, ['out_trade_no', 'notify_url', 'return_url', 'name', 'money', 'type']);
  if ('msg' in made) return page(escaped(made.msg));
  const url = `${desk.options.baseUrl()}/pay/submit/${made.order.tradeNo}/`;
  return page(`<script>window.location.replace('${url}');</script><a href="${url}">付款 Pay</a>`);
}

/** The query when it has a pid, else the form; a name that comes twice counts once, the last one. */
export function paramsOf({ query, body }: WireRequest): Params {
  return Object.fromEntries(query.has('pid') ? query : new URLSearchParams(body.toString('utf8')));
}

const FORM = '<form method="post"><button>付款 Pay</button></form>';

function isPayable({ options }: Desk, { status, expiresAt }: Order): boolean {
  return status === 'open' && (expiresAt === null || expiresAt > options.now());
}

function page(body: string): WireAnswer {
  const head =
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>易支付 (simulated)</title>';
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=UTF-8', 'referrer-policy': 'no-referrer' },
    body: `<!doctype html><html lang="zh"><head>${head}</head><body><h1>易支付 (simulated)</h1>${body}</body></html>`,
  };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
