import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import type { Order, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import type { AccountKeys } from './keys.ts';
import { detailOf, H5_PAGE, type OrderDetail } from './orders.ts';
import { ORDER_CLOSED, ORDER_PAID, paramError, type Reply, refuse } from './refusals.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const H5_URL_MS = 5 * MINUTE_MS;
const PAGES_MAX = 20;

const orderFields = {
  appid: z.string().min(1).max(32),
  mchid: z.string().min(1).max(32),
  description: z
    .string()
    .min(1)
    .refine((text) => [...text].length <= 127),
  out_trade_no: z.string().regex(/^[0-9A-Za-z_\-|*]{6,32}$/),
  time_expire: z.iso.datetime({ offset: true }).optional(),
  attach: z.string().max(128).optional(),
  notify_url: z
    .url({ protocol: /^https?$/ })
    .max(255)
    .refine((url) => !url.includes('?')),
  goods_tag: z.string().max(32).optional(),
  support_fapiao: z.boolean().optional(),
  amount: z.strictObject({ total: z.int().positive(), currency: z.literal('CNY').optional() }),
  detail: z.record(z.string(), z.unknown()).optional(),
  settle_info: z.strictObject({ profit_sharing: z.boolean().optional() }).optional(),
};
const sceneFields = {
  payer_client_ip: z.string().refine((ip) => isIP(ip) !== 0),
  device_id: z.string().max(32).optional(),
  store_info: z.record(z.string(), z.unknown()).optional(),
};
const nativeSchema = z.strictObject({ ...orderFields, scene_info: z.strictObject(sceneFields).optional() });
const h5Info = z.strictObject({
  type: z.enum(['Wap', 'iOS', 'Android']),
  app_name: z.string().max(64).optional(),
  app_url: z.string().max(128).optional(),
  bundle_id: z.string().max(128).optional(),
  package_name: z.string().max(128).optional(),
});
const h5Schema = z.strictObject({ ...orderFields, scene_info: z.strictObject({ ...sceneFields, h5_info: h5Info }) });

export type TradeType = 'NATIVE' | 'MWEB';
type Body = z.infer<typeof nativeSchema> | z.infer<typeof h5Schema>;
type Ports = Pick<SimulatorOptions, 'now' | 'randomBytes' | 'books' | 'baseUrl'>;

/** `POST /v3/pay/transactions/native` and `/h5`. */
export function createOrder(tradeType: TradeType, json: unknown, keys: AccountKeys, ports: Ports): Reply {
  const read = (tradeType === 'NATIVE' ? nativeSchema : h5Schema).safeParse(json);
  if (!read.success) return paramError('参数错误', read.error.issues[0]?.path.join('/') ?? '');
  const body = read.data;
  if (body.mchid !== keys.mchid) return refuse(400, 'MCH_NOT_EXISTS', '商户号不存在');
  if (body.appid !== keys.appid) return refuse(400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配');
  const parameters = createHash('sha256')
    .update(JSON.stringify([tradeType, body]))
    .digest('hex');
  const known = ports.books.find(body.out_trade_no);
  if (known?.status === 'paid') return ORDER_PAID;
  if (known?.status === 'closed') return ORDER_CLOSED;
  if (known && detailOf(known).parameters !== parameters) {
    return refuse(403, 'OUT_TRADE_NO_USED', '商户订单号重复，请核实商户订单号是否重复提交');
  }
  const order = known ?? newOrder(tradeType, body, parameters, ports);
  return tradeType === 'NATIVE' ? answerNative(order, ports) : answerH5(order, ports);
}

function newOrder(tradeType: TradeType, body: Body, parameters: string, { now, randomBytes }: Ports): Order {
  const detail: OrderDetail = {
    tradeType,
    parameters,
    description: body.description,
    notifyUrl: body.notify_url,
    attach: body.attach ?? null,
    payingUntil: 0,
    pages: {},
  };
  return {
    providerRef: body.out_trade_no,
    amountMinor: body.amount.total,
    currency: 'CNY',
    visible: true,
    status: 'open',
    tradeNo: tradeNumber(now(), randomBytes),
    paidAmountMinor: null,
    paidAt: null,
    createdAt: now(),
    expiresAt: expiryOf(body.time_expire, now()),
    refunds: [],
    callbacksSent: 0,
    callbacksAcked: 0,
    detail: { ...detail },
  };
}

/** Moved into 1 minute to 90 days without a word; 7 days when none is given. */
function expiryOf(timeExpire: string | undefined, now: number): number {
  if (timeExpire === undefined) return now + 7 * DAY_MS;
  return Math.min(Math.max(Date.parse(timeExpire), now + MINUTE_MS), now + 90 * DAY_MS);
}

/** 28 digits like WeChat's own: a prefix, China's date, the rest at random. */
function tradeNumber(now: number, randomBytes: Ports['randomBytes']): string {
  const date = new Date(now + 8 * 60 * MINUTE_MS).toISOString().slice(0, 10).replaceAll('-', '');
  const tail = Buffer.from(randomBytes(8)).readBigUInt64BE() % 10n ** 10n;
  return `4200000000${date}${String(tail).padStart(10, '0')}`;
}

function answerNative(order: Order, { randomBytes, books }: Ports): Reply {
  books.put(order);
  const token = Buffer.from(randomBytes(9)).toString('base64url').replaceAll(/[-_]/g, 'z').slice(0, 9);
  return { status: 200, json: { code_url: `weixin://wxpay/bizpayurl?pr=${token}zz` } };
}

function answerH5(order: Order, { now, randomBytes, books, baseUrl }: Ports): Reply {
  const prepayId = `wx${Buffer.from(randomBytes(17)).toString('hex')}`;
  const detail = detailOf(order);
  const earlier = Object.entries(detail.pages).slice(1 - PAGES_MAX);
  const pages = Object.fromEntries([...earlier, [prepayId, now() + H5_URL_MS]]);
  books.put({ ...order, detail: { ...detail, pages } });
  const url = `${baseUrl()}${H5_PAGE}?prepay_id=${prepayId}&package=${Buffer.from(randomBytes(4)).readUInt32BE()}`;
  return { status: 200, json: { h5_url: url } };
}
