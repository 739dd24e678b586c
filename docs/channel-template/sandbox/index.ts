import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type {
  Order,
  Simulator,
  SimulatorOptions,
  WireAnswer,
  WireRequest,
} from '../../../src/channel/sandbox/index.ts';
import { fromDecimalString, money, toDecimalString } from '../../../src/payment/index.ts';

/** Their schedule: how long they wait before each repetition of a callback. */
const RETRY_AFTER_MS = [15_000, 60_000, 600_000, 3_600_000];
const CALLBACK_TIMEOUT_MS = 5_000;

const keysSchema = z.object({ account: z.string(), secret: z.string() });
type Keys = z.infer<typeof keysSchema>;

const wishSchema = z.object({
  order_no: z.string().regex(/^[0-9a-z]{1,64}$/),
  amount: z.string(),
  currency: z.literal('CNY'),
  title: z.string().min(1),
  expires_at: z.int(),
  notify_url: z.url(),
  return_url: z.url(),
});

interface Sim {
  readonly options: SimulatorOptions;
  readonly keys: Keys;
}

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
    isBuyerPage: ({ path }) => path.startsWith('/pages/'),
    async pay(order, { amountMinor, delivery }) {
      const paid = { ...order, status: 'paid' as const, paidAmountMinor: amountMinor ?? order.amountMinor };
      options.books.put({ ...paid, paidAt: options.now() });
      callBack(sim, { ...paid, paidAt: options.now() }, delivery);
    },
    async fail(order) {
      options.books.put({ ...order, status: 'failed' });
    },
  };
}

function makeKeys({ randomBytes }: SimulatorOptions): Keys {
  const hex = (size: number) => Buffer.from(randomBytes(size)).toString('hex');
  return { account: `ex_${hex(4)}`, secret: hex(24) };
}

function handle(sim: Sim, request: WireRequest): WireAnswer {
  const { books } = sim.options;
  const page = /^\/pages\/(\w+)$/.exec(request.path);
  if (page !== null) return { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Pay here</h1>' };
  if (!isGenuine(sim, request)) return answer(sim, 401, { code: 'SIGN_ERROR' });
  if (request.method === 'POST' && request.path === '/orders') return create(sim, request);
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

function callBack(sim: Sim, paid: Order, delivery: Parameters<SimulatorOptions['courier']['send']>[1]): void {
  const { courier, now } = sim.options;
  courier.send(
    {
      providerRef: paid.providerRef,
      url: String(paid.detail.notifyUrl),
      build({ wrongAmount, wrongSignature }) {
        const body = JSON.stringify(show(sim, paid, wrongAmount ? 1 : 0));
        const headers = signed(wrongSignature ? 'somebody else' : sim.keys.secret, now(), 'callback', body);
        return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
      },
      isAcknowledged: (status, body) => status === 200 && body === 'DONE',
      retryAfterMs: RETRY_AFTER_MS,
      timeoutMs: CALLBACK_TIMEOUT_MS,
    },
    delivery,
  );
}

/** A signed answer, or what the channel's faults make of its signature. */
function answer({ options, keys }: Sim, status: number, value: Record<string, unknown>): WireAnswer {
  const fault = options.faults().answer;
  const body = JSON.stringify(value);
  const time = options.now() - (fault === 'stale' ? 3_600_000 : 0);
  const headers = signed(fault === 'wrong_key' ? 'somebody else' : keys.secret, time, 'answer', body);
  return { status, headers: { 'content-type': 'application/json', ...(fault === 'unsigned' ? {} : headers) }, body };
}

function signed(secret: string, timeMs: number, said: string, body: string): Record<string, string> {
  const sign = createHmac('sha256', secret).update([timeMs, said, body].join('\n')).digest('hex');
  return { 'ex-time': String(timeMs), 'ex-sign': sign };
}

function isGenuine({ keys }: Sim, { method, target, headers, body }: WireRequest): boolean {
  const { 'ex-account': account, 'ex-time': time, 'ex-sign': sign } = headers;
  const right = signed(keys.secret, Number(time), `${method} ${target}`, body.toString('utf8'))['ex-sign'] ?? '';
  const [given, expected] = [Buffer.from(String(sign)), Buffer.from(right)];
  return account === keys.account && given.length === expected.length && timingSafeEqual(given, expected);
}
