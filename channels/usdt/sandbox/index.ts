import { z } from 'zod';
import type {
  Order,
  Simulator,
  SimulatorOptions,
  WireAnswer,
  WireRequest,
} from '../../../src/channel/sandbox/index.ts';
import { createTransaction } from './create.ts';
import { type Desk, detailOf, refusal, statusOf, success } from './desk.ts';
import { notify } from './notices.ts';
import { servePage } from './page.ts';
import { isSigned } from './proof.ts';

const keysSchema = z.strictObject({ token: z.string(), address: z.string() });

/**
 * BEpusdt with one wallet on TRON, after its source and docs/api/api.md. Transfers are matched by their exact amount; whatever else
 * arrives goes unnoticed, as there. Not there: its epay interface, other coins, notices about orders that wait or are over.
 */
export async function openUsdtSandbox(options: SimulatorOptions): Promise<Simulator> {
  const saved = keysSchema.safeParse(options.savedKeys);
  const keys = saved.success ? saved.data : makeKeys(options);
  const desk: Desk = { options, ...keys };
  const { books, now } = options;

  const pay: Simulator['pay'] = async (order, { amountMinor, delivery }) => {
    // Nobody notices a transfer of another amount: the money is in the wallet, and the order waits on.
    if (amountMinor !== null && amountMinor !== order.amountMinor) return;
    const confirmedAt = now() + options.faults().confirm_after_ms;
    const detail = { ...order.detail, hash: hex(options, 32), confirmedAt };
    const paid: Order = { ...order, status: 'paid', paidAmountMinor: order.amountMinor, paidAt: now(), detail };
    books.put(paid);
    notify(desk, paid, delivery);
  };

  return {
    credentials: () => ({ base_url: options.baseUrl(), api_token: keys.token, network: 'trc20' }),
    keys: () => keys,
    handle: async (request) => {
      const page = servePage(desk, request, (order) => pay(order, { amountMinor: null, delivery: { mode: 'send' } }));
      return page ?? serveApi(desk, request);
    },
    internalError: () => ({ status: 500, headers: { 'content-type': 'text/plain' }, body: 'internal error' }),
    isCreate: ({ path }) => path === '/api/v1/order/create-transaction',
    isBuyerPage: ({ path }) => path.startsWith('/pay/checkout-counter/'),
    pay,
    // A transfer that fails on the chain never was one: the order waits on.
    fail: async () => {},
    settleRefund: async () => {},
  };
}

function serveApi(desk: Desk, request: WireRequest): WireAnswer {
  const body = parse(request.body.toString('utf8'));
  if (body === null) return refusal('json 数据解析错误');
  const { books } = desk.options;
  const order = books.findBy(({ tradeNo }) => tradeNo === body.trade_id);
  if (request.path === '/api/v1/pay/info') return order === undefined ? refusal('order not found') : info(desk, order);
  if (body.signature === undefined) return refusal('签名丢失');
  if (!isSigned(body, desk.token)) return refusal('签名错误');
  if (request.path === '/api/v1/order/create-transaction') return createTransaction(desk, body);
  if (request.path !== '/api/v1/order/cancel-transaction')
    return { status: 404, headers: {}, body: '404 page not found' };
  if (order === undefined) return refusal('订单不存在');
  if (statusOf(desk, order) !== 1) return refusal(`当前订单(${order.tradeNo})状态不允许取消`);
  books.put({ ...order, status: 'closed' });
  return success({ trade_id: order.tradeNo });
}

function info(desk: Desk, order: Order): WireAnswer {
  const { orderId, money, actualAmount } = detailOf(order);
  return success({
    order_id: orderId,
    status: statusOf(desk, order),
    money,
    actual_amount: actualAmount,
    token: desk.address,
    expired_at: new Date(order.expiresAt ?? 0).toISOString(),
  });
}

function parse(text: string): Record<string, string | number> | null {
  try {
    return z.record(z.string(), z.union([z.string(), z.number()])).parse(JSON.parse(text));
  } catch {
    return null;
  }
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function makeKeys(options: SimulatorOptions) {
  const letters = Array.from(options.randomBytes(33), (byte) => BASE58[byte % BASE58.length]);
  return { token: hex(options, 20), address: `T${letters.join('')}` };
}

function hex({ randomBytes }: SimulatorOptions, size: number): string {
  return Buffer.from(randomBytes(size)).toString('hex');
}
