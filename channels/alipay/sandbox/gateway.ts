import type { WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { bizOf, done, existingTrade, failed, type Method, type Office, type Params } from './office.ts';
import { queryRefund, refund } from './refund-methods.ts';
import { answerText, type Fields, type SignedBy, textToSign } from './signature.ts';
import { beijing, parseBeijing } from './time.ts';
import { tradeStatusOf, yuan, yuanOf } from './trade-fields.ts';
import { detailOf, type OrderForm } from './trades.ts';

/** How far a request's clock may be off. Alipay does not publish its own tolerance. */
const CLOCK_SKEW_MS_MAX = 15 * 60_000;

/** The server-to-server methods. */
const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['alipay.trade.precreate', precreate],
  ['alipay.trade.query', query],
  ['alipay.trade.close', close],
  ['alipay.trade.refund', refund],
  ['alipay.trade.fastpay.refund.query', queryRefund],
  ['alipay.data.bill.balance.query', balance],
]);

/** `POST /gateway.do`: checks the request as Alipay's entrance does, then does what it asks. */
export function serveGateway(office: Office, request: WireRequest): WireAnswer {
  const params = paramsOf(request);
  const refusal = entranceRefusal(office, params);
  if (refusal !== null) return answer(office, 'error_response', refusal);
  const method = METHODS.get(params.get('method') ?? '');
  if (method === undefined)
    return answer(office, 'error_response', invalidArgument('isv.invalid-method', '不存在的方法名'));
  return answer(office, responseKey(params), method(office, params));
}

/** Alipay's "we do not know either": the outcome of such a request is open. */
export function serviceUnavailable(office: Office, request: WireRequest): WireAnswer {
  return answer(office, responseKey(paramsOf(request)), {
    code: '20000',
    msg: 'Service Currently Unavailable',
    sub_code: 'ACQ.SYSTEM_ERROR',
    sub_msg: '系统异常',
  });
}

/** Query and form together, decoded once; a field of the query wins. */
export function paramsOf(request: WireRequest): Params {
  const form = request.method === 'POST' ? new URLSearchParams(request.body.toString('utf8')) : new URLSearchParams();
  return new Map([...form, ...request.query]);
}

/** What is wrong with a request before its meaning is looked at; null when nothing is. */
export function entranceRefusal(office: Office, params: Params): Fields | null {
  for (const [name, code] of REQUIRED) {
    if (!params.get(name))
      return { code: '40001', msg: 'Missing Required Arguments', sub_code: code, sub_msg: `缺少${name}参数` };
  }
  if (params.get('app_id') !== office.keys.appId) return invalidArgument('isv.invalid-app-id', '无效的AppID参数');
  if (params.get('sign_type') !== 'RSA2') return invalidArgument('isv.invalid-signature-type', '无效的签名类型');
  if (params.get('charset')?.toLowerCase() !== 'utf-8') return invalidArgument('isv.invalid-charset', '字符集错误');
  if ((params.get('format') ?? 'JSON').toUpperCase() !== 'JSON')
    return invalidArgument('isv.invalid-format', '无效的数据格式');
  const at = parseBeijing(params.get('timestamp') ?? '');
  if (at === null || Math.abs(at - office.options.now()) > CLOCK_SKEW_MS_MAX) {
    return invalidArgument('isv.invalid-timestamp', '非法的时间戳参数');
  }
  if (!office.signer.isFromApp(params)) {
    return invalidArgument('isv.invalid-signature', `验签出错，网关生成的验签字符串为：${textToSign(params)}`);
  }
  return null;
}

const REQUIRED = [
  ['app_id', 'isv.missing-app-id'],
  ['method', 'isv.missing-method'],
  ['sign', 'isv.missing-signature'],
  ['sign_type', 'isv.missing-signature-type'],
  ['timestamp', 'isv.missing-timestamp'],
  ['version', 'isv.missing-version'],
] as const;

/** The order that a create asks for, from whichever method. */
export function orderFormOf(params: Params, method: OrderForm['method']): OrderForm {
  return {
    method,
    bizContent: params.get('biz_content') ?? '',
    notifyUrl: params.get('notify_url') ?? null,
    returnUrl: params.get('return_url') ?? null,
  };
}

function precreate({ options, trades }: Office, params: Params): Fields {
  const placed = trades.place(orderFormOf(params, 'alipay.trade.precreate'));
  if ('code' in placed) return failed(placed);
  const qrCode = `${options.baseUrl()}/qr/${placed.providerRef}/${detailOf(placed).ticket}`;
  return done({ out_trade_no: placed.providerRef, qr_code: qrCode });
}

function query(office: Office, params: Params): Fields {
  const order = existingTrade(office, bizOf(params));
  if ('code' in order) return failed(order);
  const paid = order.paidAt === null ? {} : { send_pay_date: beijing(order.paidAt) };
  const amount = yuanOf(order);
  const received = order.status === 'paid' ? amount : '0.00';
  return done({
    trade_no: order.tradeNo,
    out_trade_no: order.providerRef,
    buyer_user_id: detailOf(order).buyerId,
    trade_status: tradeStatusOf(order, office.options.now()),
    total_amount: amount,
    receipt_amount: received,
    buyer_pay_amount: received,
    invoice_amount: received,
    point_amount: '0.00',
    ...paid,
  });
}

function close(office: Office, params: Params): Fields {
  const order = existingTrade(office, bizOf(params));
  if ('code' in order) return failed(order);
  if (!office.trades.close(order)) return failed({ code: 'REASON_TRADE_STATUS_INVALID', message: '交易状态不合法' });
  return done({ trade_no: order.tradeNo, out_trade_no: order.providerRef });
}

/** An application that has not signed up for the product is refused, signed. */
function balance({ options }: Office): Fields {
  if (options.balance.granted() === false) {
    const sub_msg = 'ISV权限不足，建议在开发者中心检查对应功能是否已经添加';
    return { code: '40006', msg: 'Insufficient Permissions', sub_code: 'isv.insufficient-isv-permissions', sub_msg };
  }
  const available = yuan(options.balance.amounts().get('CNY') ?? 0);
  return done({ total_amount: available, available_amount: available, freeze_amount: '0.00' });
}

function answer({ options, signer }: Office, key: string, content: Fields): WireAnswer {
  const spoilt: ReadonlyMap<string, SignedBy> = new Map([
    ['unsigned', 'nobody'],
    ['wrong_key', 'stranger'],
  ]);
  const whole = answerText(signer, key, content, spoilt.get(options.faults().answer) ?? 'alipay');
  const traceId = Buffer.from(options.randomBytes(16)).toString('hex');
  return { ...whole, headers: { ...whole.headers, trace_id: traceId } };
}

function responseKey(params: Params): string {
  const method = params.get('method') ?? '';
  return METHODS.has(method) ? `${method.replaceAll('.', '_')}_response` : 'error_response';
}

function invalidArgument(subCode: string, message: string): Fields {
  return { code: '40002', msg: 'Invalid Arguments', sub_code: subCode, sub_msg: message };
}
