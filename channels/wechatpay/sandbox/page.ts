import type { Order, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { detailOf } from './orders.ts';

/** What the buyer's press of a button on the H5 page means. */
export interface BuyerPage {
  find(prepayId: string): Order | undefined;
  pay(order: Order): Promise<void>;
  decline(order: Order): Promise<void>;
  now(): number;
}

/** The page behind an h5_url: pay or decline, then back to the shop when the URL says where that is. */
export async function serveBuyerPage(request: WireRequest, ports: BuyerPage): Promise<WireAnswer> {
  const prepayId = request.query.get('prepay_id') ?? '';
  const order = ports.find(prepayId);
  if (!order) return html(404, '<p>No such order.</p>');
  if ((detailOf(order).pages[prepayId] ?? 0) <= ports.now()) return html(410, '<p>This page has expired.</p>');
  if (request.method === 'GET') return html(200, form(order, ports.now()));
  if (request.method !== 'POST') return html(405, '<p>GET or POST.</p>');
  const choice = new URLSearchParams(request.body.toString('utf8')).get('choice');
  if (choice === 'pay' && isPayable(order, ports.now())) await ports.pay(order);
  else if (choice === 'decline' && isPayable(order, ports.now())) await ports.decline(order);
  else return html(409, `<p>This order is ${order.status}.</p>`);
  const back = URL.parse(request.query.get('redirect_url') ?? '');
  if (back && /^https?:$/.test(back.protocol)) return { status: 302, headers: { location: back.href }, body: '' };
  return html(200, `<p>${choice === 'pay' ? 'Paid.' : 'Declined.'}</p>`);
}

function isPayable(order: Order, now: number): boolean {
  return order.status === 'open' && (order.expiresAt === null || order.expiresAt > now);
}

function form(order: Order, now: number): string {
  const yuan = `${Math.floor(order.amountMinor / 100)}.${String(order.amountMinor % 100).padStart(2, '0')}`;
  const what = `<p>${escapeHtml(detailOf(order).description)}</p><p>¥ ${yuan}</p>`;
  if (!isPayable(order, now)) return `${what}<p>This order can no longer be paid.</p>`;
  return `${what}<form method="post"><button name="choice" value="pay">Pay</button>
<button name="choice" value="decline">Decline</button></form>`;
}

function html(status: number, content: string): WireAnswer {
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>WeChat Pay sandbox</title></head>
<body><h1>WeChat Pay sandbox</h1>${content}</body></html>`;
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
