import { z } from 'zod';
import type {
  CallbackDelivery,
  Order,
  PayOptions,
  SandboxRefund,
  SimulatorOptions,
} from '../../../src/channel/sandbox/index.ts';
import { digits } from './keys.ts';
import { beijing, parseBeijing } from './time.ts';
import { fenOf, tradeStatusOf } from './trade-fields.ts';

export const METHODS_OF_CREATE = ['alipay.trade.precreate', 'alipay.trade.page.pay', 'alipay.trade.wap.pay'] as const;
export type MethodOfCreate = (typeof METHODS_OF_CREATE)[number];

const detailSchema = z.object({
  method: z.enum(METHODS_OF_CREATE),
  subject: z.string(),
  notifyUrl: z.string().nullable(),
  returnUrl: z.string().nullable(),
  /** Unguessable: whoever holds it is this order's buyer. */
  ticket: z.string(),
  buyerId: z.string(),
});
export type TradeDetail = z.infer<typeof detailSchema>;

/** What the documentation asks of `biz_content`; the amount in yuan, the time in GMT+8. */
const orderSchema = z.object({
  out_trade_no: z.string().regex(/^\w{1,64}$/),
  total_amount: z.string().regex(/^(0|[1-9]\d{0,8})(\.\d{1,2})?$/),
  subject: z.string().regex(/^[^/=&]{1,256}$/),
  product_code: z.string().optional(),
  time_expire: z.string().optional(),
});

const PRODUCT_CODE: ReadonlyMap<MethodOfCreate, string> = new Map([
  ['alipay.trade.page.pay', 'FAST_INSTANT_TRADE_PAY'],
  ['alipay.trade.wap.pay', 'QUICK_WAP_WAY'],
]);
const AMOUNT_FEN_MAX = 10_000_000_000;
const URL_LENGTH_MAX = 256;
/** How long an order without time_expire lives: a code two hours, a page fifteen days. */
const CODE_LIFE_MS = 2 * 3_600_000;
const PAGE_LIFE_MS = 15 * 86_400_000;

/** Sends a notice about a trade, or about the refund that changed it. */
export type Notify = (order: Order, delivery: CallbackDelivery, refund?: SandboxRefund) => void;

/** A refusal in Alipay's words, without the prefix `ACQ.`. */
export interface TradeRefusal {
  readonly code: string;
  readonly message: string;
}

export interface OrderForm {
  readonly method: MethodOfCreate;
  readonly bizContent: string;
  readonly notifyUrl: string | null;
  readonly returnUrl: string | null;
}

/** Alipay's side of every order: what exists, in which state, and who hears of it. */
export interface Trades {
  /** Takes an order, or finds the same one again. Nothing *exists* by that alone: see `show`. */
  place(form: OrderForm): Order | TradeRefusal;
  /** The order as it is now; one whose time is over is closed by being looked at. */
  find(outTradeNo: string): Order | undefined;
  findByTradeNo(tradeNo: string): Order | undefined;
  /** The buyer has got so far that Alipay makes a trade of it. */
  show(order: Order): Order;
  pay(order: Order, options: PayOptions): void;
  /** Ends an order that nobody has paid; false when its state forbids it. */
  close(order: Order): boolean;
}

export function openTrades(options: SimulatorOptions, notify: Notify): Trades {
  const { books, now, randomBytes } = options;
  const put = (order: Order): Order => {
    books.put(order);
    return order;
  };

  const settle = (order: Order): Order => {
    if (order.status !== 'open' || order.expiresAt === null || order.expiresAt > now()) return order;
    const closed = put({ ...order, status: 'closed' });
    // Nobody hears of a trade that never came to be.
    if (closed.visible) notify(closed, { mode: 'send' });
    return closed;
  };

  const find = (outTradeNo: string): Order | undefined => {
    const order = books.find(outTradeNo);
    return order === undefined ? undefined : settle(order);
  };

  return {
    find,
    findByTradeNo(tradeNo) {
      const order = books.findBy((candidate) => candidate.tradeNo === tradeNo);
      return order === undefined ? undefined : settle(order);
    },
    place(form) {
      const wanted = readForm(form, now());
      if ('code' in wanted) return wanted;
      const known = find(wanted.outTradeNo);
      if (known !== undefined) return repeated(known, wanted, now());
      return put({
        providerRef: wanted.outTradeNo,
        amountMinor: wanted.amountFen,
        currency: 'CNY',
        visible: false,
        status: 'open',
        tradeNo: `${beijing(now()).slice(0, 10).replaceAll('-', '')}22001${digits(15, randomBytes)}`,
        paidAmountMinor: null,
        paidAt: null,
        createdAt: now(),
        expiresAt: wanted.expiresAt,
        refunds: [],
        callbacksSent: 0,
        callbacksAcked: 0,
        detail: {
          method: form.method,
          subject: wanted.subject,
          notifyUrl: form.notifyUrl,
          returnUrl: form.returnUrl,
          ticket: Buffer.from(randomBytes(16)).toString('hex'),
          buyerId: `2088${digits(12, randomBytes)}`,
        } satisfies TradeDetail,
      });
    },
    show: (order) => (order.visible ? order : put({ ...order, visible: true })),
    pay(order, { amountMinor, delivery }) {
      const current = settle(books.find(order.providerRef) ?? order);
      if (current.status !== 'open') return;
      const paidAmountMinor = amountMinor ?? current.amountMinor;
      notify(put({ ...current, visible: true, status: 'paid', paidAmountMinor, paidAt: now() }), delivery);
    },
    close(order) {
      if (order.status !== 'open') return false;
      put({ ...order, status: 'closed' });
      return true;
    },
  };
}

/** The simulator's own part of an order, which the books keep as it is. */
export function detailOf(order: Order): TradeDetail {
  return detailSchema.parse(order.detail);
}

interface Wanted {
  readonly outTradeNo: string;
  readonly amountFen: number;
  readonly subject: string;
  readonly expiresAt: number;
}

function readForm(form: OrderForm, now: number): Wanted | TradeRefusal {
  const biz = orderSchema.safeParse(parseJson(form.bizContent));
  if (!biz.success) return invalid(biz.error.issues[0]?.path.join('.') || 'biz_content');
  const { out_trade_no: outTradeNo, total_amount, subject, product_code, time_expire } = biz.data;
  const wantedProduct = PRODUCT_CODE.get(form.method);
  if (wantedProduct !== undefined && product_code !== wantedProduct) return invalid('product_code');
  if ((form.notifyUrl?.length ?? 0) > URL_LENGTH_MAX) return invalid('notify_url');
  if ((form.returnUrl?.length ?? 0) > URL_LENGTH_MAX) return invalid('return_url');
  const amountFen = fenOf(total_amount);
  if (amountFen < 1) return invalid('total_amount');
  if (amountFen > AMOUNT_FEN_MAX) return { code: 'TOTAL_FEE_EXCEED', message: '订单总金额不在允许范围内' };
  const life = form.method === 'alipay.trade.precreate' ? CODE_LIFE_MS : PAGE_LIFE_MS;
  const expiresAt = time_expire === undefined ? now + life : parseBeijing(time_expire);
  if (expiresAt === null) return invalid('time_expire');
  if (expiresAt <= now) {
    return { code: 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR', message: '当前时间已超过允许支付的时间' };
  }
  return { outTradeNo, amountFen, subject, expiresAt };
}

/** The rules of `out_trade_no`: one number is one order, for ever. */
function repeated(known: Order, wanted: Wanted, now: number): Order | TradeRefusal {
  if (known.status === 'paid' && tradeStatusOf(known, now) !== 'TRADE_CLOSED')
    return { code: 'TRADE_HAS_SUCCESS', message: '交易已被支付' };
  if (known.status !== 'open') return { code: 'TRADE_HAS_CLOSE', message: '交易已经关闭' };
  const same = known.amountMinor === wanted.amountFen && detailOf(known).subject === wanted.subject;
  return same ? known : { code: 'CONTEXT_INCONSISTENT', message: '交易信息被篡改' };
}

function invalid(field: string): TradeRefusal {
  return { code: 'INVALID_PARAMETER', message: `参数无效: ${field}` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
