import type { Scene } from '../../payment/index.ts';

/** What the buyer holds, as far as it matters for paying. */
export type Device = 'wechat' | 'alipay' | 'phone' | 'desktop';

/** More than this of a user agent says nothing new. */
const LOOKED_AT_MAX = 512;

/** Read from the user agent: a wrong guess costs the buyer a click, nothing more. */
export function deviceOf(userAgent: string): Device {
  const text = userAgent.slice(0, LOOKED_AT_MAX);
  if (/MicroMessenger\//i.test(text)) return 'wechat';
  if (/AlipayClient\//i.test(text)) return 'alipay';
  return /Mobi|Android|iPhone|iPad|HarmonyOS/i.test(text) ? 'phone' : 'desktop';
}

const OWN_METHOD: Readonly<Record<Device, string | null>> = {
  wechat: 'wechatpay',
  alipay: 'alipay',
  phone: null,
  desktop: null,
};

/**
 * How this device can pay by a method, best first. `inapp` only inside the method's own wallet: elsewhere it means a form of the
 * shop's, which the cashier cannot show. WeChat's pages for phones do not open inside WeChat.
 */
export function scenesOf(device: Device, method: string): readonly Scene[] {
  if (device === 'desktop') return ['qr', 'redirect'];
  if (OWN_METHOD[device] !== method) return ['wap', 'redirect', 'qr'];
  return device === 'wechat' ? ['inapp', 'redirect', 'qr'] : ['inapp', 'wap', 'redirect', 'qr'];
}

/** The ways to pay with the one of the wallet first that the buyer is in. */
export function ownFirst<T extends { readonly method: string }>(device: Device, ways: readonly T[]): readonly T[] {
  const own = ways.filter(({ method }) => method === OWN_METHOD[device]);
  return own.length === 0 ? ways : [...own, ...ways.filter(({ method }) => method !== OWN_METHOD[device])];
}

/** The wallet whose browser this is, when that wallet is not the one to pay with: it may refuse to open the other. */
export function foreignWallet(device: Device, method: string): 'wechat' | 'alipay' | null {
  if (device !== 'wechat' && device !== 'alipay') return null;
  return OWN_METHOD[device] === method ? null : device;
}
