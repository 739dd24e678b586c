import { verify } from 'node:crypto';
import type { WireRequest } from '../../../src/channel/sandbox/index.ts';
import type { AccountKeys } from './keys.ts';
import { paramError, type Reply, refuse } from './refusals.ts';

const WINDOW_S = 300;
/** WeChat shows the text that it checked, but not much of the body. */
const SHOWN_BODY_CHARS = 8;
const SCHEME = 'WECHATPAY2-SHA256-RSA2048 ';
const FIELDS = ['mchid', 'nonce_str', 'timestamp', 'serial_no', 'signature'] as const;

/**
 * Checks a request as WeChat does, over the path as it was received. Null when it is good.
 * @see https://pay.weixin.qq.com/wiki/doc/apiv3/wechatpay/wechatpay4_0.shtml for what is signed
 * @see https://github.com/wechatpay-apiv3/wechatpay-go/issues/235 for the body of a SIGN_ERROR
 */
export function refuseUnauthorized(
  request: WireRequest,
  keys: AccountKeys,
  merchantPublicKey: string,
  now: number,
): Reply | null {
  const { accept, 'user-agent': userAgent, 'content-type': contentType } = request.headers;
  if (!/application\/json|\*\/\*/.test(accept ?? '')) return paramError('Http头Accept错误');
  if (!userAgent) return paramError('Http头缺少User-Agent');
  if (request.body.length > 0 && !/^application\/json\b/.test(contentType ?? '')) {
    return refuse(415, 'PARAM_ERROR', 'Http头Content-Type错误');
  }
  const fields = parseAuthorization(request.headers.authorization);
  if (fields === null)
    return signError('Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》', 'authorization');
  if (fields.mchid !== keys.mchid) return signError('商户号不存在', 'mchid');
  if (fields.serial_no.toUpperCase() !== keys.merchantSerial.toUpperCase()) {
    return signError('商户证书序列号有误。请使用签名私钥匹配的证书序列号', 'serial_no');
  }
  if (!/^\d{10}$/.test(fields.timestamp) || Math.abs(now / 1000 - Number(fields.timestamp)) > WINDOW_S) {
    return signError('Http头Authorization中的timestamp与发起请求的时间不得超过5分钟', 'timestamp');
  }
  if (!/^[0-9A-Za-z]{8,64}$/.test(fields.nonce_str))
    return signError('Http头Authorization中的nonce_str错误', 'nonce_str');
  const text = [
    request.method,
    request.target,
    fields.timestamp,
    fields.nonce_str,
    request.body.toString('utf8'),
    '',
  ].join('\n');
  const signature = Buffer.from(fields.signature, 'base64');
  return verify('RSA-SHA256', Buffer.from(text), merchantPublicKey, signature) ? null : notMatching(request, text);
}

type Fields = Readonly<Record<(typeof FIELDS)[number], string>>;

/** The five fields in any order, each exactly once. */
function parseAuthorization(header: string | undefined): Fields | null {
  if (!header?.startsWith(SCHEME)) return null;
  const found = new Map<string, string>();
  for (const part of header.slice(SCHEME.length).split(',')) {
    const match = /^\s*([a-z_]+)="([^"]*)"\s*$/.exec(part);
    if (!match?.[1] || found.has(match[1])) return null;
    found.set(match[1], match[2] ?? '');
  }
  const take = (name: (typeof FIELDS)[number]) => found.get(name) ?? '';
  if (found.size !== FIELDS.length || FIELDS.some((name) => take(name) === '')) return null;
  return {
    mchid: take('mchid'),
    nonce_str: take('nonce_str'),
    timestamp: take('timestamp'),
    serial_no: take('serial_no'),
    signature: take('signature'),
  };
}

function signError(message: string, field: string): Reply {
  return refuse(401, 'SIGN_ERROR', message, { field, location: 'authorization' });
}

function notMatching(request: WireRequest, text: string): Reply {
  const body = request.body.toString('utf8');
  const head = text.slice(0, text.length - body.length - 1);
  return refuse(401, 'SIGN_ERROR', '错误的签名，验签失败', {
    detail: { issue: 'sign not match' },
    field: 'signature',
    location: 'authorization',
    sign_information: {
      method: request.method,
      sign_message_length: Buffer.byteLength(text),
      truncated_sign_message: `${head}${body.slice(0, SHOWN_BODY_CHARS)}\n`,
      url: request.target,
    },
  });
}
