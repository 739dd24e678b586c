import type { Reason } from './reason.ts';

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

interface ReasonText {
  readonly why: string;
  /** What the buyer can do. */
  readonly next: string;
}

/** Everything that the cashier says. `{method}` and `{shop}` are filled in. */
export interface Texts {
  /** BCP 47, for the `lang` attribute. */
  readonly tag: string;
  readonly cashier: string;
  readonly payTo: string;
  readonly amount: string;
  readonly orderNo: string;
  readonly timeLeft: string;
  readonly titles: Readonly<
    Record<
      'scan' | 'redirect' | 'inapp' | 'preparing' | 'closing' | 'review' | 'paid' | 'refunded' | 'failed' | 'closed',
      string
    >
  >;
  readonly scan: string;
  readonly scanOnPhone: string;
  readonly qrLabel: string;
  readonly qrBroken: string;
  readonly transfer: Readonly<Record<'send' | 'network' | 'address' | 'exactly', string>>;
  readonly openApp: string;
  readonly pay: string;
  readonly payNote: string;
  readonly inapp: string;
  readonly preparing: string;
  readonly closing: string;
  readonly review: string;
  readonly paid: string;
  readonly refunded: string;
  readonly paidTwice: Readonly<Record<'returned' | 'returning' | 'kept', string>>;
  readonly lastTry: string;
  readonly havePaid: string;
  readonly checked: string;
  readonly backToShop: string;
  readonly updates: string;
  readonly goOn: string;
  readonly goingOn: string;
  readonly notFoundTitle: string;
  readonly notFound: string;
  readonly brokenTitle: string;
  readonly broken: string;
  readonly methods: Readonly<Record<string, string>>;
  readonly reasons: Readonly<Record<Reason, ReasonText>>;
}

const en: Texts = {
  tag: 'en',
  cashier: 'Checkout',
  payTo: 'Pay to',
  amount: 'Amount',
  orderNo: 'Order number',
  timeLeft: 'Time left',
  titles: {
    scan: 'Scan to pay',
    redirect: 'Ready to pay',
    inapp: 'Go on in the shop',
    preparing: 'Preparing your payment',
    closing: 'This order is being closed',
    review: 'Your payment is being checked',
    paid: 'Paid',
    refunded: 'Refunded',
    failed: 'The payment did not work',
    closed: 'This order is closed',
  },
  scan: 'Open {method} on your phone and scan this code.',
  scanOnPhone: 'Is this page on that phone? Take a screenshot, then choose it from the album in the {method} scanner.',
  qrLabel: 'QR code for paying with {method}',
  transfer: {
    send: 'Send',
    network: 'Network',
    address: 'To the address',
    exactly:
      'Send exactly this amount, at once and on this network. Another amount, a late or a second transfer is not recognised.',
  },
  qrBroken: 'The code cannot be shown. Please go back to the shop and order again.',
  openApp: 'Open {method} on this device',
  pay: 'Pay with {method}',
  payNote: 'You pay on the page of {method}. Come back here afterwards: this page shows the result.',
  inapp: 'This payment is completed inside the shop’s own page or app. Go back there to enter your details.',
  preparing: 'We are asking the payment provider. This takes a few seconds; there is nothing you need to do.',
  closing: 'Please do not pay any more. If you have just paid, wait here: this page shows the result.',
  review: 'The shop is looking at this payment. Please do not pay again; this page shows the result.',
  paid: 'Your payment has arrived. You can go back to the shop.',
  refunded: 'Your payment has been returned to you.',
  paidTwice: {
    returned: 'A second payment for this order had arrived. It has been returned to you.',
    returning: 'A second payment for this order has arrived. It is being returned to you.',
    kept: 'A second payment for this order has arrived. It does not count; please ask the shop to return it.',
  },
  lastTry: 'Your last try did not work.',
  havePaid: 'I have paid',
  checked:
    'We have asked the payment provider: nothing has arrived yet. Please do not pay again; this page keeps looking.',
  backToShop: 'Back to the shop',
  updates: 'This page updates by itself.',
  goOn: 'Go on to {method}',
  goingOn: 'Taking you to {method}',
  notFoundTitle: 'There is no such order',
  notFound: 'Check that the address is complete, or go back to the shop and order again.',
  brokenTitle: 'Something went wrong on our side',
  broken: 'Please load this page again in a moment, and do not pay a second time.',
  methods: {
    alipay: 'Alipay',
    wechatpay: 'WeChat',
    card: 'your card',
    paypal: 'PayPal',
    usdt: 'your USDT wallet',
    pix: 'Pix',
  },
  reasons: {
    expired: {
      why: 'The time for paying has run out.',
      next: 'Please order again in the shop. If money has left your account, it is found within minutes; ask the shop.',
    },
    closed_by_shop: {
      why: 'The shop has cancelled this order.',
      next: 'Please order again in the shop if you still want it.',
    },
    paid_after_end: {
      why: 'Your payment arrived after this order had ended, so it does not count.',
      next: 'Please ask the shop to return it, with the order number above.',
    },
    amount_mismatch: {
      why: 'Another amount was paid than this order asked for, so it does not count.',
      next: 'Please ask the shop, with the order number above.',
    },
    returning: {
      why: 'Your payment could not be used for this order. It is being returned to you.',
      next: 'You need not do anything. Please order again in the shop if you still want it.',
    },
    returned: {
      why: 'Your payment could not be used for this order. It has been returned to you.',
      next: 'Please order again in the shop if you still want it.',
    },
    declined: {
      why: 'Your bank or wallet refused the payment.',
      next: 'Please try another card or another way to pay.',
    },
    insufficient_funds: {
      why: 'There is not enough money on the card or in the wallet.',
      next: 'Top it up, or pay in another way.',
    },
    card_expired: { why: 'The card has expired.', next: 'Please use another card.' },
    wrong_details: { why: 'The details were not right.', next: 'Please check them and try again.' },
    not_authenticated: {
      why: 'Your bank could not confirm that it was you.',
      next: 'Try again and confirm in your banking app, or pay in another way.',
    },
    refused_for_safety: {
      why: 'The payment provider refused this payment for safety.',
      next: 'Please pay in another way, or ask the shop.',
    },
    shop_fault: {
      why: 'The payment provider did not accept the shop’s order.',
      next: 'This is not your fault and nothing was taken. Please tell the shop.',
    },
    unavailable: {
      why: 'The payment provider does not work at the moment.',
      next: 'Nothing was taken. Please order again in a few minutes or choose another way to pay.',
    },
    other: { why: 'The payment could not be completed.', next: 'Please order again in the shop, or ask the shop.' },
  },
};

const zh: Texts = {
  tag: 'zh-CN',
  cashier: '收银台',
  payTo: '收款方',
  amount: '金额',
  orderNo: '订单号',
  timeLeft: '剩余时间',
  titles: {
    scan: '扫码支付',
    redirect: '等待支付',
    inapp: '请在商家页面继续',
    preparing: '正在准备支付',
    closing: '订单正在关闭',
    review: '支付正在核实',
    paid: '支付成功',
    refunded: '已退款',
    failed: '支付未成功',
    closed: '订单已关闭',
  },
  scan: '请打开手机上的{method}，扫描二维码完成支付。',
  scanOnPhone: '正在用手机浏览？请先截图，再用{method}“扫一扫”从相册中选取。',
  qrLabel: '{method}付款二维码',
  transfer: {
    send: '转账金额',
    network: '网络',
    address: '收款地址',
    exactly: '请务必转入以上完全相同的金额，一次付清，并选择该网络；金额不符、逾期或重复的转账无法自动识别。',
  },
  qrBroken: '二维码无法显示，请返回商家重新下单。',
  openApp: '在本机打开{method}',
  pay: '使用{method}支付',
  payNote: '将前往{method}页面付款，付款后请回到本页查看结果。',
  inapp: '此订单需在商家的页面或应用内完成支付，请返回商家继续。',
  preparing: '正在联系支付机构，只需几秒钟，无需任何操作。',
  closing: '请不要再付款。如果您刚刚付过款，请在此稍候，本页会显示结果。',
  review: '商家正在核实这笔支付，请勿重复付款，本页会显示结果。',
  paid: '款项已到账，可以返回商家了。',
  refunded: '款项已退还给您。',
  paidTwice: {
    returned: '此订单曾收到第二笔付款，该笔款项已退还给您。',
    returning: '此订单收到了第二笔付款，该笔款项正在退还给您。',
    kept: '此订单收到了第二笔付款。该笔付款不计入订单，请联系商家退还。',
  },
  lastTry: '上一次支付没有成功。',
  havePaid: '我已付款',
  checked: '已向支付机构查询，暂未收到款项。请勿重复付款，本页会持续查询。',
  backToShop: '返回商家',
  updates: '本页会自动更新。',
  goOn: '继续前往{method}',
  goingOn: '正在前往{method}',
  notFoundTitle: '订单不存在',
  notFound: '请检查网址是否完整，或返回商家重新下单。',
  brokenTitle: '系统出了点问题',
  broken: '请稍后刷新本页，不要重复付款。',
  methods: { alipay: '支付宝', wechatpay: '微信', card: '银行卡', paypal: 'PayPal', usdt: 'USDT 钱包', pix: 'Pix' },
  reasons: {
    expired: { why: '支付时间已过。', next: '请返回商家重新下单。如果款项已扣除，系统会在几分钟内查到，请联系商家。' },
    closed_by_shop: { why: '商家已取消此订单。', next: '如仍需购买，请返回商家重新下单。' },
    paid_after_end: { why: '款项在订单结束后才到账，不计入此订单。', next: '请凭上方订单号联系商家退还。' },
    amount_mismatch: { why: '实付金额与订单金额不符，不计入此订单。', next: '请凭上方订单号联系商家。' },
    returning: {
      why: '您的款项未能用于此订单，正在退还给您。',
      next: '您无需任何操作。如仍需购买，请返回商家重新下单。',
    },
    returned: { why: '您的款项未能用于此订单，已退还给您。', next: '如仍需购买，请返回商家重新下单。' },
    declined: { why: '银行或钱包拒绝了这笔支付。', next: '请换一张卡或换一种支付方式。' },
    insufficient_funds: { why: '卡内或钱包余额不足。', next: '请充值后再试，或换一种支付方式。' },
    card_expired: { why: '银行卡已过期。', next: '请换一张卡。' },
    wrong_details: { why: '填写的支付信息有误。', next: '请核对后重试。' },
    not_authenticated: { why: '银行未能确认是您本人操作。', next: '请重试并在银行应用中确认，或换一种支付方式。' },
    refused_for_safety: { why: '支付机构出于安全原因拒绝了这笔支付。', next: '请换一种支付方式，或联系商家。' },
    shop_fault: { why: '支付机构没有接受商家提交的订单。', next: '这不是您的问题，也没有扣款，请告知商家。' },
    unavailable: { why: '支付机构暂时不可用。', next: '没有扣款，请过几分钟重新下单，或选择其他支付方式。' },
    other: { why: '支付未能完成。', next: '请返回商家重新下单，或联系商家。' },
  },
};

export const TEXTS: Readonly<Record<Language, Texts>> = { en, zh };

/** The method's name for people; an unknown method keeps its own word. */
export function methodName(texts: Texts, method: string): string {
  return texts.methods[method] ?? method;
}

/** Puts a name into a text with `{method}`. */
export function withMethod(text: string, texts: Texts, method: string): string {
  return text.replaceAll('{method}', () => methodName(texts, method));
}
