import { z } from 'zod';
import type {
  Order,
  Simulator,
  SimulatorOptions,
  WireAnswer,
  WireRequest,
} from '../../../src/channel/sandbox/index.ts';
import { fromDecimalString, money, toDecimalString } from '../../../src/payment/index.ts';
import { handleRefunds, isRefund, settle } from './refunds.ts';
import { answer, callBack, isGenuine, type Sim } from './wire.ts';

const keysSchema = z.object({ account: z.string(), secret: z.string() });

const wishSchema = z.object({
  order_no: z.string().regex(/^[0-9a-z]{1,64}$/),
  amount: z.string(),
  currency: z.literal('CNY'),
  title: z.string().min(1),
  expires_at: z.int(),
  notify_url: z.url(),
  return_url: z.url(),
});

/** ExamplePay on the shared kit, which gives books, faults, courier and control API. It shares no code with the adapter. */
export async function openExamplePaySandbox(options: SimulatorOptions): Promise<Simulator> {
  const saved = keysSchema.safeParse(options.savedKeys);
  const sim: Sim = { options, keys: saved.success ? saved.data : makeKeys(options) };
  const { keys } = sim;
  return {
    credentials: () => ({ account: keys.account, secret: keys.secret, base_url: options.baseUrl() }),
    keys: () => keys,
    handle: async (request) => handle(sim, request),
    internalError: () => answer(sim, 500, { code: 'BUSY' }),
    isCreate: ({ method, path }) => method === 'POST' && path === '/orders',
    isRefund,
    isBuyerPage: ({ path }) => path.startsWith('/pages/'),
    async pay(order, { amountMinor, delivery }) {
      const paidAmountMinor = amountMinor ?? order.amountMinor;
      const paid: Order = { ...order, status: 'paid', paidAmountMinor, paidAt: options.now() };
      options.books.put(paid);
      const url = String(order.detail.notifyUrl);
      callBack(sim, { order, url, show: (fenTooMuch) => show(sim, paid, fenTooMuch) }, delivery);
    },
    async fail(order) {
      options.books.put({ ...order, status: 'failed' });
    },
    async settleRefund(order, refund, outcome) {
      settle(sim, order, refund, outcome);
    },
  };
}

function makeKeys({ randomBytes }: SimulatorOptions): Sim['keys'] {
  const hex = (size: number) => Buffer.from(randomBytes(size)).toString('hex');
  return { account: `ex_${hex(4)}`, secret: hex(24) };
}

function handle(sim: Sim, request: WireRequest): WireAnswer {
  const { books } = sim.options;
  const page = /^\/pages\/(\w+)$/.exec(request.path);
  if (page !== null) return { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Pay here</h1>' };
  if (!isGenuine(sim, request)) return answer(sim, 401, { code: 'SIGN_ERROR' });
  if (request.method === 'POST' && request.path === '/orders') return create(sim, request);
  const refunds = handleRefunds(sim, request);
  if (refunds !== null) return refunds;
  const match = /^\/orders\/(\w+)(\/close)?$/.exec(request.path);
  const order = expired(sim, books.find(match?.[1] ?? ''));
  if (order === undefined) return answer(sim, 404, { code: 'NO_SUCH_ORDER' });
  if (match?.[2] === undefined || order.status !== 'open') return answer(sim, 200, show(sim, order));
  books.put({ ...order, status: 'closed' });
  return answer(sim, 200, show(sim, { ...order, status: 'closed' }));
}

function create(sim: Sim, request: WireRequest): WireAnswer {
  const { books, now, baseUrl } = sim.options;
  const wish = wishSchema.safeParse(JSON.parse(request.body.toString('utf8')));
  const amount = wish.success ? fromDecimalString(wish.data.amount, wish.data.currency) : null;
  if (!wish.success || !amount?.ok || wish.data.expires_at <= now()) return answer(sim, 400, { code: 'BAD_FIELD' });
  const { order_no: providerRef, expires_at: expiresAt, notify_url: notifyUrl } = wish.data;
  const known = books.find(providerRef);
  if (known !== undefined && known.amountMinor !== amount.value.minor)
    return answer(sim, 409, { code: 'ORDER_CONFLICT' });
  const order: Order = known ?? {
    providerRef,
    amountMinor: amount.value.minor,
    currency: amount.value.currency,
    visible: true,
    status: 'open',
    tradeNo: `EX${providerRef.toUpperCase()}`,
    paidAmountMinor: null,
    paidAt: null,
    createdAt: now(),
    expiresAt,
    refunds: [],
    callbacksSent: 0,
    callbacksAcked: 0,
    detail: { notifyUrl },
  };
  if (known === undefined) books.put(order);
  return answer(sim, 200, { ...show(sim, order), pay_url: `${baseUrl()}/pages/${providerRef}` });
}

function expired(sim: Sim, order: Order | undefined): Order | undefined {
  if (order?.status !== 'open' || order.expiresAt === null || order.expiresAt > sim.options.now()) return order;
  sim.options.books.put({ ...order, status: 'closed' });
  return { ...order, status: 'closed' };
}

function show({ keys }: Sim, order: Order, fenTooMuch = 0): Record<string, unknown> {
  const words = { open: 'waiting', paid: 'paid', closed: 'closed', failed: 'declined' } as const;
  return {
    account: keys.account,
    order_no: order.providerRef,
    trade_no: order.tradeNo,
    state: words[order.status],
    amount: toDecimalString(money((order.paidAmountMinor ?? order.amountMinor) + fenTooMuch, order.currency)),
    currency: order.currency,
    paid_at: order.paidAt,
  };
}
