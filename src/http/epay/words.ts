import type { EpayOutcome } from '../../gateway/index.ts';

type Refusal = Exclude<EpayOutcome, 'ok'>;

/** The number that a client reads, and the sentence for its admin. */
interface Words {
  readonly code: -1 | -3 | -4 | -5;
  readonly msg: string;
}

const NO_ENTRY = 'pid 或签名/密钥错误 (wrong pid, key or signature)';

const WORDS: Readonly<Record<Refusal, Words>> = {
  nothing_sent: { code: -4, msg: '未收到参数 (nothing was sent: pid, out_trade_no and sign are missing)' },
  unreadable: { code: -1, msg: '请求无法读取, 请使用 UTF-8 表单 (the request is no UTF-8 form)' },
  split_value: { code: -1, msg: '参数值中含有 &参数名= (a value contains & and the name of a parameter)' },
  unknown_pid: { code: -3, msg: NO_ENTRY },
  bad_signature: { code: -3, msg: NO_ENTRY },
  sign_kind_refused: { code: -3, msg: '此商户不接受该签名类型 (this kind of signature is not accepted for this pid)' },
  stale_timestamp: {
    code: -3,
    msg: '时间戳超出 300 秒, 请校准时钟 (timestamp is missing or more than 300 s off; set the clock)',
  },
  bad_order_no: { code: -4, msg: '订单号缺失或格式错误 (out_trade_no is missing or not of A-Z a-z 0-9 . _ | -)' },
  bad_money: { code: -1, msg: '金额错误, 例如 1.00 (money must be a positive amount such as 1.00)' },
  bad_notify_url: {
    code: -1,
    msg: '通知地址错误或不允许 (notify_url is missing, no web address, or not allowed for this pid)',
  },
  bad_return_url: { code: -1, msg: '返回地址错误 (return_url is no web address)' },
  changed_order: {
    code: -1,
    msg: '该订单号已存在且内容不同 (this out_trade_no exists with other content; use a new one)',
  },
  paid_order: { code: -1, msg: '该订单已支付 (this order has been paid)' },
  held_order: { code: -1, msg: '该订单正在处理, 请稍后再试 (this order is being looked at; try again later)' },
  no_channel: { code: -1, msg: '暂无可用支付通道, 请稍后再试 (no channel can take this payment now; try again)' },
  refused_by_channel: { code: -1, msg: '支付通道拒绝了该订单 (the payment provider refuses this order)' },
  too_much: { code: -1, msg: '金额超出限制 (the amount is above the limit of this merchant)' },
  unknown_order: { code: -1, msg: '订单不存在 (no such order)' },
  unknown_act: { code: -5, msg: '未知操作 (unknown act)' },
  refunds_off: { code: -1, msg: '该商户未开通退款接口 (refunds by this interface are off for this pid)' },
  refund_refused: { code: -1, msg: '退款失败 (the refund was refused)' },
  rate_limited: { code: -1, msg: '请求过于频繁 (too many requests)' },
  internal: { code: -1, msg: '系统错误, 请重试 (something went wrong on our side; repeat the request)' },
};

/** What is said to a shop whose request is refused. */
export function wordsOf(refusal: Refusal): Words {
  return WORDS[refusal];
}
