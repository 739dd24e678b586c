import { z } from 'zod';
import type { Order, SandboxRefund } from '../../../src/channel/sandbox/index.ts';
import type { Account } from './account.ts';
import { refundCallback } from './callback.ts';
import {
  answerOf,
  decide,
  findRefund,
  type Held,
  keepRefund,
  type RefundDetail,
  refundDetailOf,
  totalOf,
} from './refund-book.ts';
import { NOT_ENOUGH, NOTHING_TO_REFUND, paramError, REFUND_NOT_EXISTS, type Reply, refuse } from './refusals.ts';

const REFUNDS_PER_ORDER_MAX = 50;
const REFUNDABLE_MS = 365 * 24 * 3_600_000;
/** How long a refund takes when all is well. Really it is minutes (balance) to days (cards). */
const REFUND_TAKES_MS = 200;

const bodySchema = z
  .strictObject({
    transaction_id: z.string().min(1).max(32).optional(),
    out_trade_no: z
      .string()
      .regex(/^[0-9A-Za-z_\-|*]{6,32}$/)
      .optional(),
    out_refund_no: z.string().regex(/^[0-9A-Za-z_\-|*@]{1,64}$/),
    reason: z
      .string()
      .min(1)
      .refine((text) => [...text].length <= 80)
      .optional(),
    notify_url: z
      .url({ protocol: /^https?$/ })
      .max(256)
      .refine((url) => !url.includes('?'))
      .optional(),
    funds_account: z.enum(['AVAILABLE', 'UNSETTLED']).optional(),
    amount: z.strictObject({
      refund: z.int().positive(),
      total: z.int().positive(),
      currency: z.literal('CNY'),
      from: z.array(z.unknown()).optional(),
    }),
    goods_detail: z.array(z.unknown()).optional(),
  })
  .refine((body) => body.transaction_id !== undefined || body.out_trade_no !== undefined, { path: ['out_trade_no'] });
type Body = z.infer<typeof bodySchema>;

/**
 * `POST /v3/refund/domestic/refunds`. Which code goes with which refusal is documented; of the messages only those of a full
 * refund, of other amounts and of missing orders were seen.
 * @see https://pay.weixin.qq.com/doc/v3/merchant/4013071036
 */
export function createRefund(json: unknown, account: Account): Reply {
  const read = bodySchema.safeParse(json);
  if (!read.success) return paramError('参数错误', read.error.issues[0]?.path.join('/') ?? '');
  const body = read.data;
  const order = findPaid(body, account);
  const known = findRefund(body.out_refund_no, account);
  if (known !== null) {
    const isSame = known.order.providerRef === order?.providerRef && known.refund.amountMinor === body.amount.refund;
    return isSame && body.amount.total === totalOf(order) ? { status: 200, json: answerOf(known) } : OTHER_AMOUNTS;
  }
  if (order === null) return NOTHING_TO_REFUND;
  const refused = refusalOf(order, body, account);
  return refused ?? { status: 200, json: answerOf(take(order, body, account)) };
}

/** `GET /v3/refund/domestic/refunds/{out_refund_no}`. */
export function queryRefund(refundNo: string, account: Account): Reply {
  const held = findRefund(refundNo, account);
  return held === null ? REFUND_NOT_EXISTS : { status: 200, json: answerOf(held) };
}

/** WeChat decides a pending refund, whatever it was waiting for, and tells of it. */
export function decideRefund(
  providerRef: string,
  refundNo: string,
  outcome: 'succeeded' | 'failed',
  account: Account,
): void {
  const held = findRefund(refundNo, account);
  if (held?.order.providerRef !== providerRef || held.refund.status !== 'pending') return;
  tell(decide(held, outcome, account), 0, account);
}

/** The buyer's bank cannot take a pending refund, and WeChat tells of it. False: there is no such pending refund. */
export function stickRefund(refundNo: string, account: Account): boolean {
  const held = findRefund(refundNo, account);
  if (held?.refund.status !== 'pending') return false;
  const detail: RefundDetail = { ...refundDetailOf(held.refund), isStuck: true, decision: null };
  tell(keepRefund(held.order, { ...held.refund, detail }, account.books), 0, account);
  return true;
}

const OTHER_AMOUNTS = refuse(400, 'INVALID_REQUEST', '订单金额或退款金额与之前请求不一致，请核实后再试');

/** WeChat's own number wins when both are given. */
function findPaid({ transaction_id: tradeNo, out_trade_no: no = '' }: Body, { books }: Account): Order | null {
  const order = tradeNo === undefined ? books.find(no) : books.findBy((one) => one.tradeNo === tradeNo);
  return order?.status === 'paid' ? order : null;
}

function refusalOf(order: Order, { amount }: Body, { now, faults, settings }: Account): Reply | null {
  if (amount.total !== totalOf(order)) return OTHER_AMOUNTS;
  if (now() - (order.paidAt ?? order.createdAt) > REFUNDABLE_MS) {
    return refuse(400, 'INVALID_REQUEST', '交易已超过一年，无法提交退款');
  }
  const gone = order.refunds.filter(({ status }) => status !== 'failed');
  const left = gone.reduce((sum, { amountMinor }) => sum - amountMinor, totalOf(order));
  if (left === 0) return refuse(400, 'INVALID_REQUEST', '订单已全额退款');
  if (amount.refund > left) return refuse(400, 'INVALID_REQUEST', '申请退款金额大于订单剩余可退金额');
  if (order.refunds.length >= REFUNDS_PER_ORDER_MAX) {
    return refuse(400, 'INVALID_REQUEST', '部分退款次数超过限制');
  }
  const lastAt = Math.max(...order.refunds.map(({ createdAt }) => createdAt));
  if (now() - lastAt < settings().refundIntervalMs) return refuse(429, 'FREQUENCY_LIMITED', '频率限制，请稍后再试');
  return faults().refunds === 'no_balance' ? NOT_ENOUGH : null;
}

function take(order: Order, body: Body, account: Account): Held {
  const { now, randomBytes, faults, books } = account;
  const fault = faults().refunds;
  const outcome = fault === 'failed' ? 'failed' : 'succeeded';
  const detail: RefundDetail = {
    refundId: refundNumber(now(), randomBytes),
    notifyUrl: body.notify_url ?? null,
    decision: fault === 'pending' ? null : { at: now() + REFUND_TAKES_MS, outcome },
    decidedAt: null,
    isStuck: false,
  };
  const refund: SandboxRefund = {
    refundNo: body.out_refund_no,
    amountMinor: body.amount.refund,
    status: 'pending',
    createdAt: now(),
    detail: { ...detail },
  };
  const held = keepRefund(order, refund, books);
  if (detail.decision !== null) tell(held, REFUND_TAKES_MS, account);
  return held;
}

/**
 * Has the courier tell of a refund. The one that is decided by itself is decided when its callback sets out, or when somebody
 * asks after that time, whatever comes first: so no timer has to be kept.
 */
function tell(told: Held, delayMs: number, account: Account): void {
  const { notifyUrl } = refundDetailOf(told.refund);
  if (notifyUrl === null) return;
  const current = (): Held => {
    const held = findRefund(told.refund.refundNo, account) ?? told;
    const { decision } = refundDetailOf(held.refund);
    return decision === null ? held : decide(held, decision.outcome, account);
  };
  const where = { providerRef: told.order.providerRef, url: notifyUrl };
  account.courier.send(
    refundCallback(where, current, account),
    delayMs === 0 ? { mode: 'send' } : { mode: 'delay', delayMs },
  );
}

/** 29 digits like WeChat's own: a prefix, China's date, the rest at random. */
function refundNumber(now: number, randomBytes: Account['randomBytes']): string {
  const date = new Date(now + 8 * 3_600_000).toISOString().slice(0, 10).replaceAll('-', '');
  const tail = Buffer.from(randomBytes(8)).readBigUInt64BE() % 10n ** 11n;
  return `5030000000${date}${String(tail).padStart(11, '0')}`;
}
