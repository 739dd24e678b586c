import {
  type ChannelAdapter,
  type ChannelError,
  type Created,
  type CreateRequest,
  channelError,
} from '../../src/channel/index.ts';
import { type Action, err, ok, type Result, type Scene, toDecimalString } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import type { EpayConfig } from './config.ts';
import type { Fields } from './fields.ts';

/** Columns are that long; it is cut before it is signed, since they compare and repeat what they have kept. */
const NAME_BYTES_MAX = 127;

/** Asks for money: by a call, or by a signed link that makes the order when the buyer opens it. */
export function create(client: Client, config: EpayConfig): ChannelAdapter['create'] {
  return async (wish, signal) => {
    const type = config.types[wish.method];
    if (type === undefined)
      return err(channelError('AUTH_MISCONFIGURED', 'no', { providerCode: 'no type configured' }));
    if (wish.amount.currency !== 'CNY') return err(channelError('INVALID_REQUEST', 'no', { providerCode: 'not yuan' }));
    const fields = orderFields(wish, type);
    if (config.create_by === 'link') {
      const url = await client.link(config.version === 'v1' ? 'submit.php' : 'api/pay/submit', fields);
      return ok({ action: { type: 'redirect', url }, channelTradeNo: null });
    }
    if (wish.buyer.ip === null) return err(channelError('INVALID_REQUEST', 'no', { providerCode: 'no clientip' }));
    const asked = new Map([...fields, ['clientip', wish.buyer.ip], ['device', wish.scene === 'wap' ? 'mobile' : 'pc']]);
    if (config.version === 'v1') return read(await client.post('mapi.php', asked, signal), wish.scene);
    return read(await client.post('api/pay/create', new Map([...asked, ['method', 'web']]), signal), wish.scene);
  };
}

function orderFields(wish: CreateRequest, type: string): Fields {
  return new Map([
    ['type', type],
    ['out_trade_no', wish.providerRef],
    ['notify_url', wish.callbackUrl],
    ['return_url', wish.returnUrl],
    ['name', plainName(wish.subject)],
    ['money', toDecimalString(wish.amount)],
  ]);
}

/**
 * Signed texts escape nothing, so a `&` in the name could be read as fields of its own; and they escape what is special in HTML
 * before they compare. So neither goes out.
 */
export function plainName(subject: string): string {
  const plain = subject
    .replaceAll(/[&<>"'\\\p{C}]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  let name = '';
  for (const character of plain === '' ? 'order' : plain) {
    if (Buffer.byteLength(name + character) > NAME_BYTES_MAX) break;
    name += character;
  }
  return name.trim();
}

/** What cannot be shown to a buyer leaves an order behind, so it is no refusal. */
function read(answer: Result<Fields, ChannelError>, scene: Scene): Result<Created, ChannelError> {
  if (!answer.ok) return answer;
  const channelTradeNo = answer.value.get('trade_no') || null;
  const action = actionOf(answer.value, scene);
  if (channelTradeNo === null || action === null) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
  return ok({ action, channelTradeNo });
}

/** V1 answers one of payurl and qrcode, V2 says in pay_type what pay_info is. A page's address makes a QR code as well. */
function actionOf(answer: Fields, scene: Scene): Action | null {
  const info = answer.get('pay_info');
  const url = answer.get('payurl') ?? (answer.get('pay_type') === 'jump' ? info : undefined);
  const qrCode = answer.get('qrcode') ?? (answer.get('pay_type') === 'qrcode' ? info : undefined);
  if (scene !== 'qr' && isPage(url)) return { type: 'redirect', url };
  if (isShort(qrCode)) return { type: 'qr_code', qrCode };
  if (!isPage(url)) return null;
  return scene === 'qr' ? { type: 'qr_code', qrCode: url } : { type: 'redirect', url };
}

function isPage(url: string | undefined): url is string {
  return url !== undefined && /^https?:\/\//.test(url) && URL.canParse(url) && isShort(url);
}

function isShort(text: string | undefined): text is string {
  return text !== undefined && /^\S{1,2000}$/.test(text);
}
