import { timingSafeEqual } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type {
  Order,
  PayOptions,
  Simulator,
  SimulatorOptions,
  WireAnswer,
  WireRequest,
} from '../../../../src/channel/sandbox/index.ts';
import { toySign } from './sign.ts';
import { handleRefunds, isRefund, settle } from './simulated-refunds.ts';
import { answer, callBack, type Toy } from './simulated-wire.ts';

type Keys = Toy['keys'];

/**
 * A provider that exists only to try the kit and the contract suite: signed JSON over HTTP. `POST /orders` makes an order at
 * once; `GET /pages/pay?...` makes one when the buyer opens it.
 */
export async function openToySandbox(options: SimulatorOptions): Promise<Simulator> {
  const keys: Keys = isKeys(options.savedKeys) ? options.savedKeys : makeKeys(options);
  const toy: Toy = { options, keys };
  return {
    credentials: () => ({ base_url: options.baseUrl(), merchant: keys.merchant, secret: keys.secret }),
    keys: () => keys,
    handle: async (request) => handle(toy, request),
    internalError: () => answer(toy, 500, { code: 'INTERNAL' }),
    isCreate: (request) => request.method === 'POST' && request.path === '/orders',
    isRefund,
    isBuyerPage: (request) => request.path.startsWith('/pages/'),
    visit: async (url) => void openPage(toy, new URL(url).searchParams),
    async pay(order, how) {
      await setImmediate(); // real simulators sign and wait here
      pay(toy, order, how);
    },
    fail: async (order) => options.books.put({ ...order, status: 'failed' }),
    settleRefund: async (order, refund, outcome) => void settle(toy, order, refund, outcome),
  };
}

function isKeys(value: unknown): value is Keys {
  return typeof value === 'object' && value !== null && 'merchant' in value && 'secret' in value;
}

function makeKeys({ randomBytes }: SimulatorOptions): Keys {
  const hex = (size: number) => Buffer.from(randomBytes(size)).toString('hex');
  return { merchant: `toy_${hex(4)}`, secret: hex(32) };
}

function handle(toy: Toy, request: WireRequest): WireAnswer {
  const { books, now } = toy.options;
  if (request.path === '/pages/pay') return openPage(toy, request.query);
  if (request.path.startsWith('/pages/qr/'))
    return { status: 200, headers: { 'content-type': 'text/html' }, body: 'Pay' };
  const refusal = refuse(toy, request);
  if (refusal !== null) return refusal;
  if (request.method === 'POST' && request.path === '/orders') return create(toy, JSON.parse(request.body.toString()));
  const refunds = handleRefunds(toy, request);
  if (refunds !== null) return refunds;
  const match = /^\/orders\/(\w+)(\/close)?$/.exec(request.path);
  const order = books.find(match?.[1] ?? '');
  if (order === undefined || !order.visible) return answer(toy, 404, { code: 'NO_ORDER' });
  if (match?.[2] !== undefined && order.status === 'open') books.put({ ...order, status: 'closed' });
  if (order.expiresAt !== null && order.expiresAt <= now() && order.status === 'open') {
    books.put({ ...order, status: 'closed' });
  }
  return answer(toy, 200, show(toy, books.find(order.providerRef) ?? order));
}

function refuse(toy: Toy, request: WireRequest): WireAnswer | null {
  const { 'toy-merchant': merchant, 'toy-time': time, 'toy-sign': sign } = request.headers;
  const said = `${request.method} ${request.target}`;
  const expected = Buffer.from(toySign(toy.keys.secret, Number(time), said, request.body.toString()));
  const given = Buffer.from(String(sign));
  const good = given.length === expected.length && timingSafeEqual(given, expected);
  return good && merchant === toy.keys.merchant ? null : answer(toy, 401, { code: 'SIGN' });
}

function create(toy: Toy, wish: Record<string, unknown>): WireAnswer {
  const { books } = toy.options;
  const known = books.find(String(wish.ref));
  const order = known ?? newOrder(toy, wish);
  if (order.amountMinor !== wish.amount) return answer(toy, 409, { code: 'OTHER_AMOUNT' });
  if (known === undefined) books.put(order);
  return answer(toy, 200, show(toy, order));
}

function openPage(toy: Toy, query: URLSearchParams): WireAnswer {
  const { ref, amount, currency, expires_at, notify_url, sign } = Object.fromEntries(query);
  const expected = toySign(toy.keys.secret, 0, String(ref), `${amount}${currency}${expires_at}${notify_url}`);
  if (sign !== expected) return { status: 400, headers: { 'content-type': 'text/html' }, body: 'bad link' };
  if (toy.options.books.find(String(ref)) === undefined) {
    const wish = { ref, amount: Number(amount), currency, expires_at: Number(expires_at), notify_url };
    toy.options.books.put(newOrder(toy, wish));
  }
  return { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Pay here</h1>' };
}

function newOrder(toy: Toy, wish: Record<string, unknown>): Order {
  return {
    providerRef: String(wish.ref),
    amountMinor: Number(wish.amount),
    currency: String(wish.currency),
    visible: true,
    status: 'open',
    tradeNo: `T${wish.ref}`,
    paidAmountMinor: null,
    paidAt: null,
    createdAt: toy.options.now(),
    expiresAt: Number(wish.expires_at),
    refunds: [],
    callbacksSent: 0,
    callbacksAcked: 0,
    detail: { notifyUrl: String(wish.notify_url) },
  };
}

function show({ keys }: Toy, order: Order): Record<string, unknown> {
  const { providerRef: ref, tradeNo, status, currency, amountMinor, paidAmountMinor, paidAt } = order;
  const amount = paidAmountMinor ?? amountMinor;
  return { merchant: keys.merchant, ref, trade_no: tradeNo, state: status, amount, currency, paid_at: paidAt };
}

function pay(toy: Toy, order: Order, { amountMinor, delivery }: PayOptions): void {
  const { books, now } = toy.options;
  const paid: Order = { ...order, status: 'paid', paidAmountMinor: amountMinor ?? order.amountMinor, paidAt: now() };
  books.put(paid);
  callBack(toy, paid, show(toy, paid), delivery);
}
