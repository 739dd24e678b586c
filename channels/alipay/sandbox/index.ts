import type { Simulator, SimulatorOptions, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { paramsOf, serveGateway, serviceUnavailable } from './gateway.ts';
import { openKeys } from './keys.ts';
import { openNotices } from './notices.ts';
import type { Office } from './office.ts';
import { isBuyerPage, servePage } from './pages.ts';
import { openRefunds } from './refunds.ts';
import { openSigner } from './signature.ts';
import { openTrades } from './trades.ts';

/**
 * Alipay's v2 gateway and its buyer pages, built from the documentation (`channels.md` section 1) without the adapter or the
 * SDK. An order that was only created does not exist for query and close: it comes to be when the buyer opens the page or scans.
 */
export async function startAlipaySandbox(options: SimulatorOptions): Promise<Simulator> {
  const keys = await openKeys(options.savedKeys, options.randomBytes);
  const signer = openSigner(keys);
  const notify = openNotices(options, keys, signer);
  const trades = openTrades(options, notify);
  const refunds = openRefunds(options, notify);
  const office: Office = { options, keys, signer, trades, refunds };
  const serve = (request: WireRequest): WireAnswer => {
    if (isBuyerPage(request)) return servePage(office, request);
    return request.path === '/gateway.do' ? serveGateway(office, request) : NOT_FOUND;
  };
  return {
    credentials: () => ({
      app_id: keys.appId,
      private_key: keys.appPrivateKey,
      alipay_public_key: keys.alipayPublicKey,
      seller_id: keys.sellerId,
      gateway: `${options.baseUrl()}/gateway.do`,
    }),
    keys: () => keys,
    handle: async (request) => serve(request),
    internalError: (request) => serviceUnavailable(office, request),
    isCreate: (request) => isCall(request, 'alipay.trade.precreate'),
    isRefund: (request) => isCall(request, 'alipay.trade.refund'),
    isBuyerPage,
    visit: async (url) => void serve(asGet(url, options.baseUrl())),
    pay: async (order, payment) => trades.pay(order, payment),
    // A declined try leaves the trade as it was, WAIT_BUYER_PAY where there is one, and nobody is notified.
    fail: async () => {},
    settleRefund: async (order, refund, outcome) => refunds.settle(order, refund, outcome),
  };
}

const NOT_FOUND: WireAnswer = { status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>404</h1>' };

function isCall(request: WireRequest, method: string): boolean {
  return request.path === '/gateway.do' && paramsOf(request).get('method') === method;
}

function asGet(url: string, baseUrl: string): WireRequest {
  const { pathname, search, searchParams } = new URL(url);
  const path = pathname.slice(new URL(baseUrl).pathname.length);
  return {
    method: 'GET',
    target: `${pathname}${search}`,
    path,
    query: searchParams,
    headers: {},
    body: Buffer.alloc(0),
  };
}
