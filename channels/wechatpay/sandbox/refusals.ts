/** What an operation answers, before it is signed. An undefined `json` is an empty body. */
export interface Reply {
  readonly status: number;
  readonly json?: unknown;
}

/** An error as WeChat words it: `{code, message, detail?}`. */
export function refuse(status: number, code: string, message: string, detail?: unknown): Reply {
  return { status, json: detail === undefined ? { code, message } : { code, detail, message } };
}

export function paramError(message: string, field?: string): Reply {
  return refuse(400, 'PARAM_ERROR', message, field === undefined ? undefined : { field, location: 'body' });
}

export const ORDER_NOT_EXIST = refuse(404, 'ORDER_NOT_EXIST', '订单不存在');
/** The refund API has its own word for an order that does not exist or is not paid, and one for a missing refund. */
export const NOTHING_TO_REFUND = refuse(404, 'RESOURCE_NOT_EXISTS', '订单不存在');
export const REFUND_NOT_EXISTS = refuse(404, 'RESOURCE_NOT_EXISTS', '退款单不存在');
export const NOT_ENOUGH = refuse(403, 'NOT_ENOUGH', '基本账户余额不足，请充值后重新发起');
export const ORDER_PAID = refuse(400, 'ORDERPAID', '该订单已支付');
export const ORDER_CLOSED = refuse(400, 'ORDER_CLOSED', '该订单已关闭，请重新下单');
export const SYSTEM_ERROR = refuse(500, 'SYSTEM_ERROR', '系统异常，请用相同参数重新调用');
