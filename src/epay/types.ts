/** What shops call ways to pay, and the methods that they stand for. */
const METHODS_BY_TYPE: ReadonlyMap<string, readonly string[]> = new Map([
  ['alipay', ['alipay']],
  ...['wxpay', 'wechat', 'wechatpay', 'weixin'].map((type): [string, string[]] => [type, ['wechatpay']]),
  ['qqpay', ['qqpay']],
  ['paypal', ['paypal']],
  ['pix', ['pix']],
  ['usdt', ['usdt']],
  ...['bank', 'unionpay', 'card'].map((type): [string, string[]] => [type, ['card', 'bank']]),
]);

/** `usdt_trc20`, `usdt.polygon`, `epusdt`: one coin on many chains. */
const USDT = /^(?:ep)?usdt(?:$|[^a-z0-9])/;

/** The methods that a type stands for, most wanted first; none for a type that nobody knows. `own`: what the operator has configured. */
export function methodsOfType(type: string, own: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const name = type.toLowerCase();
  return own.get(name) ?? METHODS_BY_TYPE.get(name) ?? (USDT.test(name) ? ['usdt'] : []);
}

const TYPE_BY_METHOD: ReadonlyMap<string, string> = new Map([
  ['wechatpay', 'wxpay'],
  ['card', 'bank'],
]);

/** What a method is called where the shop did not ask for a type. */
export function typeOfMethod(method: string): string {
  return TYPE_BY_METHOD.get(method) ?? method;
}
