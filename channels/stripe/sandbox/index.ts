import type { Simulator, SimulatorOptions, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { fromMinor } from './amounts.ts';
import { openApi } from './api.ts';
import { GENERIC_DECLINE } from './cards.ts';
import { openIntents } from './intents.ts';
import { liveSecrets, openKeys, rollSecret } from './keys.ts';
import { openLedger } from './ledger.ts';
import { openPages, PAGES } from './pages.ts';
import { newIntent, openTill } from './purchase.ts';
import { openRefundDesk } from './refund-desk.ts';
import { openRefunds } from './refunds.ts';
import { openSessions } from './sessions.ts';
import { orderedReply, parseWishes, WISHES_PATH, type Wishes } from './settings.ts';
import { openWebhooks } from './webhooks.ts';

/** What makes an order, whatever else is in the path. */
const CREATES = new Set(['/v1/checkout/sessions', '/v1/payment_intents']);

/**
 * One Stripe account in test mode, built from Stripe's documentation: Checkout Sessions with their hosted page,
 * PaymentIntents, test cards, 3-D Secure, refunds, idempotency keys, signed events.
 * Not there: balance transactions, disputes, delayed payment methods, rate limits; of refunds their update and cancel,
 * and `requires_action`, which cards never ask for.
 */
export async function openStripeSandbox(options: SimulatorOptions): Promise<Simulator> {
  let keys = openKeys(options.savedKeys, options.randomBytes);
  let ordered: Wishes['refuse_with'];
  const ledger = openLedger(options.books);
  const publish = openWebhooks(options, () => keys);
  const till = openTill(options, ledger, publish);
  const desk = openRefundDesk(options, ledger, publish);
  const sessions = openSessions(options, ledger, till);
  const intents = openIntents(options, ledger, till);
  const refunds = openRefunds(options, ledger, desk);
  const api = openApi({
    options,
    keys: () => keys,
    sessions,
    intents,
    refunds,
    ordered: (request) => orderedReply(ordered, request),
  });
  const showPage = openPages(ledger, till, options.baseUrl);
  const isBuyerPage = ({ path }: WireRequest): boolean => path.startsWith(PAGES);

  function grant(request: WireRequest): WireAnswer {
    const wishes = request.method === 'POST' ? parseWishes(request.body) : null;
    if (wishes === null) return json(400, { detail: 'POST one JSON object of wishes' });
    if (wishes.refuse_with !== undefined) ordered = wishes.refuse_with;
    if (wishes.roll_webhook_secret) keys = rollSecret(keys, options.now(), options.randomBytes);
    if (wishes.processing) {
      const order = options.books.find(wishes.processing.provider_ref);
      if (order?.status !== 'open') return json(404, { detail: 'no such open order' });
      const { detail } = ledger.byOrder(order);
      const intent = { ...(detail.intent ?? newIntent(options.now(), options.randomBytes)), status: 'processing' };
      ledger.put(order, { ...detail, intent });
    }
    return json(200, { webhook_secrets: liveSecrets(keys, options.now()) });
  }

  return {
    credentials: () => ({
      secret_key: keys.secretKey,
      publishable_key: keys.publishableKey,
      webhook_secrets: liveSecrets(keys, options.now()),
      account: keys.account,
      base_url: options.baseUrl(),
    }),
    keys: () => keys,
    async handle(request) {
      if (isBuyerPage(request)) return showPage(request);
      return request.path === WISHES_PATH ? grant(request) : api.handle(request);
    },
    internalError: (request) => api.internalError(request),
    isCreate: ({ method, path }) => method === 'POST' && CREATES.has(path),
    isRefund: ({ method, path }) => method === 'POST' && path === '/v1/refunds',
    isBuyerPage: (request) => isBuyerPage(request) || request.path === WISHES_PATH,
    async pay(order, { amountMinor, delivery }) {
      const entry = till.refresh(ledger.byOrder(order));
      if (entry.order.status !== 'open') return;
      const { amount, currency } = entry.detail;
      till.settle(entry, amountMinor === null ? amount : fromMinor(amountMinor, currency), delivery);
    },
    async fail(order) {
      const entry = till.refresh(ledger.byOrder(order));
      if (entry.order.status === 'open') till.decline(entry, GENERIC_DECLINE);
    },
    async settleRefund(order, { refundNo }, outcome) {
      const entry = ledger.byOrder(order);
      const pending = entry.refunds.find(({ refund }) => refund.refundNo === refundNo && refund.status === 'pending');
      if (pending !== undefined) desk.decide(entry, pending.detail, outcome, { mode: 'send' });
    },
  };
}

function json(status: number, body: unknown): WireAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
