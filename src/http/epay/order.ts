import { isIP } from 'node:net';
import { type Parameters, readMoney } from '../../epay/index.ts';
import type { EpayOrder, EpayOutcome } from '../../gateway/index.ts';
import { err, ok, type Result, type Scene } from '../../payment/index.ts';
import type { Identified } from './identify.ts';

const URL_CHARS_MAX = 1_024;
const NAME_CHARS_MAX = 1_000;
const PARAM_CHARS_MAX = 1_000;
/** Numbers as shops make them; what comes after a round of ours is none of these characters. */
const ORDER_NO = /^[A-Za-z0-9._|-]{1,128}$/;
const TYPE = /^[A-Za-z0-9_.-]{1,32}$/;

/** Parses an order whose signature has been checked. Only what an order cannot do without is refused. */
export function parseOrder(
  parameters: Parameters,
  by: Identified & { readonly version: 1 | 2; readonly isPhone: boolean },
): Result<EpayOrder, EpayOutcome> {
  const text = (name: string): string => parameters.get(name)?.trim() ?? '';
  const outTradeNo = text('out_trade_no');
  // Some clients take the text "0" for no text at all.
  if (!ORDER_NO.test(outTradeNo) || outTradeNo === '0') return err('bad_order_no');
  const amount = readMoney(text('money'));
  if (!amount.ok) return err('bad_money');
  const notifyUrl = text('notify_url');
  if (!isWebAddress(notifyUrl) || !mayBeNotified(notifyUrl, by.account.notifyHosts)) return err('bad_notify_url');
  const returnUrl = text('return_url') || null;
  if (returnUrl !== null && !isWebAddress(returnUrl)) return err('bad_return_url');
  const type = text('type');
  const clientIp = text('clientip');
  return ok({
    amount: amount.value,
    ...{ notifyUrl, returnUrl },
    buyerIp: isIP(clientIp) === 0 || clientIp.includes('%') ? null : clientIp,
    scenes: scenesFor(text('device') || (by.isPhone ? 'mobile' : 'pc')),
    terms: {
      ...{ pid: by.account.pid, outTradeNo, version: by.version, sign: by.sign },
      type: TYPE.test(type) && type !== '0' ? type : null,
      name: cut(parameters.get('name') ?? '', NAME_CHARS_MAX),
      param: cut(parameters.get('param') ?? '', PARAM_CHARS_MAX) || null,
    },
  });
}

/** Never through the middle of a character of two units: half of one is no text, and can stand in no address. */
function cut(text: string, max: number): string {
  return text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '');
}

function isWebAddress(url: string): boolean {
  // Kept as it was sent: shops put their own query and Chinese into it. Blanks, controls and backslashes are read differently by readers.
  if (url.length > URL_CHARS_MAX || !/^https?:\/\/[^/]/i.test(url) || /[\s\\\p{Cc}]/u.test(url)) return false;
  const parsed = URL.parse(url);
  return url.isWellFormed() && parsed !== null && parsed.username === '' && parsed.password === '';
}

function mayBeNotified(url: string, hosts: 'any' | readonly string[]): boolean {
  return hosts === 'any' || hosts.includes(URL.parse(url)?.hostname ?? '');
}

function scenesFor(device: string): readonly Scene[] {
  switch (device) {
    case 'pc':
      return ['qr', 'redirect'];
    case 'jump':
      return ['redirect', 'qr'];
    default:
      return ['wap', 'redirect', 'qr'];
  }
}
