import type { Simulator, SimulatorOptions, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { openApi } from './api.ts';
import { openKeys } from './keys.ts';
import { openLedger } from './ledger.ts';
import { openOrders } from './orders.ts';
import { openPage, PAGE } from './page.ts';
import { openRefunds } from './refunds.ts';
import { problem } from './reply.ts';
import { orderedReply, parseWishes, WISHES_PATH, type Wishes } from './settings.ts';
import { openTill } from './till.ts';
import { openWebhooks } from './webhooks.ts';

const CERTIFICATES = '/v1/notifications/certs/';

/**
 * One PayPal REST app and its merchant, built from PayPal's documentation: tokens, orders with the buyer's page, captures, refunds,
 * request ids, balances, and webhooks signed with a certificate of an authority that is made at the first start.
 * Not there: reports of transactions, disputes, reversals, authorisations, `verify-webhook-signature`, rate limits.
 */
export async function openPayPalSandbox(options: SimulatorOptions): Promise<Simulator> {
  const keys = await openKeys(options.savedKeys, options);
  let ordered: Wishes['refuse_with'];
  const ledger = openLedger(options.books);
  const publish = openWebhooks(options, keys);
  const till = openTill(options, ledger, publish);
  const orders = openOrders(options, ledger, till, keys.merchantId);
  const refunds = openRefunds(options, ledger, publish);
  const api = openApi({ options, keys, orders, refunds, ordered: (request) => orderedReply(ordered, request) });
  const showPage = openPage(ledger, till, options.baseUrl, options.now);

  function grant(request: WireRequest): WireAnswer {
    const wishes = request.method === 'POST' ? parseWishes(request.body) : null;
    if (wishes === null) return json(400, { detail: 'POST one JSON object of wishes' });
    if (wishes.refuse_with !== undefined) ordered = wishes.refuse_with;
    if (wishes.revoke_tokens) api.revokeTokens();
    const { settle_capture: settled } = wishes;
    if (settled !== undefined) {
      const order = options.books.find(settled.provider_ref);
      const entry = order && ledger.byOrder(order);
      if (entry?.detail.capture?.status !== 'PENDING') return json(404, { detail: 'no such pending capture' });
      till.settle(entry, settled.outcome);
    }
    return json(200, {});
  }

  return {
    credentials: () => ({
      client_id: keys.clientId,
      client_secret: keys.clientSecret,
      webhook_id: keys.webhookId,
      merchant_id: keys.merchantId,
      base_url: options.baseUrl(),
      webhook_ca: keys.authorityCertificate,
    }),
    keys: () => keys,
    async handle(request) {
      const { path } = request;
      if (path === PAGE) return showPage(request);
      if (path === WISHES_PATH) return grant(request);
      if (path === `${CERTIFICATES}${keys.certificateName}`) {
        return { status: 200, headers: { 'content-type': 'application/x-pem-file' }, body: keys.certificate };
      }
      return api.handle(request);
    },
    internalError: () => json(500, problem(500, 'INTERNAL_SERVER_ERROR', 'INTERNAL_SERVICE_ERROR').json),
    isCreate: ({ method, path }) => method === 'POST' && path === '/v2/checkout/orders',
    isCapture: ({ method, path }) => method === 'POST' && /^\/v2\/checkout\/orders\/\w+\/capture$/.test(path),
    isRefund: ({ method, path }) => method === 'POST' && /^\/v2\/payments\/captures\/\w+\/refund$/.test(path),
    isBuyerPage: ({ path }) => path === PAGE || path === WISHES_PATH,
    async pay(order, { amountMinor, delivery }) {
      const entry = ledger.byOrder(order);
      if (entry.detail.status === 'APPROVED' || entry.detail.capture !== null) return;
      till.approve(entry, { instrument: 'good', payMinor: amountMinor, delivery });
    },
    async fail(order) {
      const entry = ledger.byOrder(order);
      if (entry.detail.capture !== null) return;
      till.approve(entry, { instrument: 'declined', payMinor: null, delivery: { mode: 'send' } });
    },
    async settleRefund(order, { refundNo }, outcome) {
      refunds.settle(ledger.byOrder(order), refundNo, outcome);
    },
  };
}

function json(status: number, body: unknown): WireAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
