import type { Order, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { entranceRefusal, orderFormOf, paramsOf } from './gateway.ts';
import type { Office, Params } from './office.ts';
import { noticeToSign } from './signature.ts';
import { beijing } from './time.ts';
import { yuanOf } from './trade-fields.ts';
import { detailOf } from './trades.ts';

const PAGE_METHODS: ReadonlyMap<string, 'alipay.trade.page.pay' | 'alipay.trade.wap.pay'> = new Map([
  ['alipay.trade.page.pay', 'alipay.trade.page.pay'],
  ['alipay.trade.wap.pay', 'alipay.trade.wap.pay'],
]);
const QR_PATH = /^\/qr\/(\w{1,64})\/([0-9a-f]{32})$/;

/** True for what a buyer's browser or phone opens. */
export function isBuyerPage(request: WireRequest): boolean {
  if (request.path === '/cashier' || request.path.startsWith('/qr/')) return true;
  return request.path === '/gateway.do' && PAGE_METHODS.has(paramsOf(request).get('method') ?? '');
}

/** Everything between Alipay and the buyer: opening a page, scanning a code, pressing a button. */
export function servePage(office: Office, request: WireRequest): WireAnswer {
  if (request.path === '/cashier') {
    return request.method === 'POST' ? pressed(office, paramsOf(request)) : html(405, '<p>POST only</p>');
  }
  const scanned = QR_PATH.exec(request.path);
  if (scanned === null) return openPage(office, paramsOf(request));
  const order = ownedOrder(office, { outTradeNo: scanned[1] ?? '', ticket: scanned[2] ?? '' });
  return order === undefined ? html(404, '<p>二维码无效</p>') : cashier(office, office.trades.show(order));
}

function openPage(office: Office, params: Params): WireAnswer {
  const method = PAGE_METHODS.get(params.get('method') ?? '');
  const refusal = entranceRefusal(office, params);
  if (method === undefined || refusal !== null) return html(200, errorText(refusal?.sub_code ?? 'isv.invalid-method'));
  const placed = office.trades.place(orderFormOf(params, method));
  if ('code' in placed) return html(200, errorText(`ACQ.${placed.code}`));
  // In the phone's app a trade comes to be only with the right password.
  return cashier(office, method === 'alipay.trade.wap.pay' ? placed : office.trades.show(placed));
}

function pressed(office: Office, params: Params): WireAnswer {
  const order = ownedOrder(office, {
    outTradeNo: params.get('out_trade_no') ?? '',
    ticket: params.get('ticket') ?? '',
  });
  if (order === undefined) return html(404, '<p>订单不存在</p>');
  if (params.get('choice') !== 'pay')
    return cashier(office, office.trades.show(order), '付款未完成 (the payment was declined)');
  office.trades.pay(order, { amountMinor: null, delivery: { mode: 'send' } });
  const paid = office.trades.find(order.providerRef) ?? order;
  const { returnUrl } = detailOf(paid);
  if (paid.status !== 'paid' || returnUrl === null) return cashier(office, paid);
  return { status: 303, headers: { location: withQuery(returnUrl, returnFields(office, paid)) }, body: '' };
}

/** The parameters that the buyer's browser brings back: signed, but proof of nothing. */
function returnFields({ keys, signer, options }: Office, order: Order): Record<string, string> {
  const fields = {
    charset: 'utf-8',
    out_trade_no: order.providerRef,
    method: `${detailOf(order).method}.return`,
    total_amount: yuanOf(order),
    trade_no: order.tradeNo,
    auth_app_id: keys.appId,
    version: '1.0',
    app_id: keys.appId,
    sign_type: 'RSA2',
    seller_id: keys.sellerId,
    timestamp: beijing(options.now()),
  };
  return { ...fields, sign: signer.sign(noticeToSign(fields), 'alipay') };
}

function ownedOrder({ trades }: Office, claim: { outTradeNo: string; ticket: string }): Order | undefined {
  const order = trades.find(claim.outTradeNo);
  return order !== undefined && detailOf(order).ticket === claim.ticket ? order : undefined;
}

function cashier(office: Office, order: Order, message = ''): WireAnswer {
  const { subject, ticket } = detailOf(order);
  const hidden = { out_trade_no: order.providerRef, ticket };
  const inputs = Object.entries(hidden).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`,
  );
  const form = `<form method="post" action="${escaped(`${office.options.baseUrl()}/cashier`)}">${inputs.join('')}
<button name="choice" value="pay">付款 Pay</button> <button name="choice" value="decline">取消 Decline</button></form>`;
  const state = {
    open: form,
    paid: '<p>支付成功 (paid)</p>',
    closed: '<p>交易已关闭 (closed)</p>',
    failed: '<p>付款失败</p>',
  };
  return html(
    200,
    `<p>${escaped(subject)}</p><p><b>¥${yuanOf(order)}</b></p><p>${escaped(message)}</p>${state[order.status]}`,
  );
}

function errorText(code: string): string {
  return `<p>抱歉，页面访问出现问题</p><p>错误代码: ${escaped(code)}</p>`;
}

function html(status: number, body: string): WireAnswer {
  const head =
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>支付宝 (simulated)</title>';
  return {
    status,
    headers: { 'content-type': 'text/html;charset=utf-8', 'referrer-policy': 'no-referrer' },
    body: `<!doctype html><html lang="zh"><head>${head}</head><body><h1>支付宝 (simulated)</h1>${body}</body></html>`,
  };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function withQuery(url: string, fields: Record<string, string>): string {
  return `${url}${url.includes('?') ? '&' : '?'}${new URLSearchParams(fields)}`;
}
