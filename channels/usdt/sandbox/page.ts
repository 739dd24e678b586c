import type { Order, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { type Desk, detailOf, statusOf } from './desk.ts';

const PAGE = /^\/pay\/checkout-counter\/(\w{1,40})$/;

/** The instance's own checkout page, with a button in the place of the buyer's wallet. Null for any other path. */
export function servePage(
  desk: Desk,
  { path, method }: WireRequest,
  pay: (order: Order) => unknown,
): WireAnswer | null {
  const tradeNo = PAGE.exec(path)?.[1];
  if (tradeNo === undefined) return null;
  const order = desk.options.books.findBy((candidate) => candidate.tradeNo === tradeNo);
  if (order === undefined) return html('<p>订单不存在</p>');
  const { actualAmount, redirectUrl } = detailOf(order);
  const isWaiting = statusOf(desk, order) === 1;
  if (method === 'POST' && isWaiting) {
    pay(order);
    return { status: 302, headers: { location: redirectUrl }, body: '' };
  }
  const form = isWaiting ? '<form method="post"><button>Transfer exactly this</button></form>' : '<p>已结束 (over)</p>';
  return html(`<p><b>${actualAmount} USDT</b> (TRC20)</p><p><code>${desk.address}</code></p>${form}`);
}

function html(body: string): WireAnswer {
  const head =
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>USDT (simulated)</title>';
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', 'referrer-policy': 'no-referrer' },
    body: `<!doctype html><html lang="zh"><head>${head}</head><body><h1>USDT (simulated)</h1>${body}</body></html>`,
  };
}
