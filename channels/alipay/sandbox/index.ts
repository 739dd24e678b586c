import type { Simulator, SimulatorOptions, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { type Office, paramsOf, serveGateway, serviceUnavailable } from './gateway.ts';
import { openKeys } from './keys.ts';
import { openNotices } from './notices.ts';
import { isBuyerPage, servePage } from './pages.ts';
import { openSigner } from './signature.ts';
import { openTrades } from './trades.ts';

/**
 * Alipay's v2 gateway and its buyer pages, built from the documentation (`channels.md` section 1) without the adapter or the
 * SDK. An order that was only created does not exist for query and close: it comes to be when the buyer opens the page or scans.
 */
export async function startAlipaySandbox(options: SimulatorOptions): Promise<Simulator> {
  const keys = await openKeys(options.savedKeys, options.randomBytes);
  const signer = openSigner(keys);
  const trades = openTrades(options, openNotices(options, keys, signer));
  const office: Office = { options, keys, signer, trades };
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
    isCreate: (request) =>
      request.path === '/gateway.do' && paramsOf(request).get('method') === 'alipay.trade.precreate',
    isBuyerPage,
    visit: async (url) => void serve(asGet(url, options.baseUrl())),
    pay: async (order, payment) => trades.pay(order, payment),
    // A declined try leaves the trade as it was, WAIT_BUYER_PAY where there is one, and nobody is notified.
    fail: async () => {},
  };
}

const NOT_FOUND: WireAnswer = { status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>404</h1>' };

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
