import type { Order, Simulator, SimulatorOptions, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { type Account, openAccount } from './account.ts';
import { isCreate, isRefund, serveApi, signed } from './api.ts';
import { paidCallback } from './callback.ts';
import { CONTROL_PATH, serveControl } from './control.ts';
import { openKeys, publicPem } from './keys.ts';
import { detailOf, H5_PAGE } from './orders.ts';
import { serveBuyerPage } from './page.ts';
import { decideRefund } from './refunds.ts';
import { SYSTEM_ERROR } from './refusals.ts';
import type { Settings } from './settings.ts';

/**
 * WeChat Pay API v3 for one direct merchant, built from the provider's documentation.
 * Not there (yet): bills, JSAPI, sending a stuck refund elsewhere, the limit of calls per second.
 */
export async function startWechatPaySandbox(
  options: SimulatorOptions,
  initial: Partial<Settings> = {},
): Promise<Simulator> {
  const account = openAccount(options, await openKeys(options.savedKeys, options), initial);

  const pay: Simulator['pay'] = async (order, { amountMinor, delivery }) => {
    const paidAmountMinor = amountMinor ?? order.amountMinor;
    const paid: Order = { ...order, status: 'paid', paidAmountMinor, paidAt: account.now() };
    account.books.put(paid);
    account.courier.send(paidCallback(paid, account), delivery);
  };
  // A decline is the buyer's alone to see: the order stays unpaid, nobody is told, and the next try may succeed.
  const fail: Simulator['fail'] = async () => {};

  const servePage = (request: WireRequest) =>
    serveBuyerPage(request, {
      now: account.now,
      find: (prepayId) => account.books.findBy((order) => Object.hasOwn(detailOf(order).pages, prepayId)),
      pay: (order) => pay(order, { amountMinor: null, delivery: { mode: 'send' } }),
      decline: fail,
    });

  return {
    credentials: () => credentialsOf(account),
    keys: () => account.keys,
    async handle(request) {
      if (request.path === CONTROL_PATH) return serveControl(request, account);
      if (request.path === H5_PAGE) return servePage(request);
      return serveApi(request, account);
    },
    internalError: (request) => signed(SYSTEM_ERROR, request, account),
    isCreate,
    isRefund,
    isBuyerPage: ({ path }) => path === H5_PAGE || path === CONTROL_PATH,
    pay,
    fail,
    settleRefund: async (order, { refundNo }, outcome) => decideRefund(order.providerRef, refundNo, outcome, account),
  };
}

function credentialsOf({ keys, settings, baseUrl }: Account): Record<string, string> {
  const credentials = {
    appid: keys.appid,
    mchid: keys.mchid,
    serial_no: keys.merchantSerial,
    private_key: keys.merchantPrivateKey,
    api_v3_key: keys.apiV3Key,
    base_url: baseUrl(),
  };
  if (settings().keyMode === 'certificate') return credentials;
  return { ...credentials, public_key_id: keys.publicKeyId, public_key: publicPem(keys.platformPrivateKey) };
}
