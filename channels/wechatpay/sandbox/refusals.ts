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
export const ORDER_PAID = refuse(400, 'ORDERPAID', '该订单已支付');
export const ORDER_CLOSED = refuse(400, 'ORDER_CLOSED', '该订单已关闭，请重新下单');
export const SYSTEM_ERROR = refuse(500, 'SYSTEM_ERROR', '系统异常，请用相同参数重新调用');
