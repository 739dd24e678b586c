import { createPrivateKey } from 'node:crypto';
import { type AdapterPorts, type OutgoingRequest, rsaSignature } from '../../src/channel/index.ts';
import type { AlipayConfig } from './config.ts';
import { toBeijing } from './time.ts';

/** One request: `biz` is the `biz_content`; amounts in it are strings, since a number 1.10 would go out as 1.1. */
export interface ApiRequest {
  /** For example `alipay.trade.query`. */
  readonly method: string;
  readonly biz: Readonly<Record<string, string | readonly string[]>>;
  readonly notifyUrl?: string;
}

/**
 * Signed requests as the SDK's `exec` makes them, which signs on the event loop and sends through an HTTP client of its own.
 * @see https://opendocs.alipay.com/common/02kf5q for what is signed
 */
export function openRequests(config: AlipayConfig, { now, randomBytes }: Pick<AdapterPorts, 'now' | 'randomBytes'>) {
  const privateKey = createPrivateKey(config.private_key);
  const { pathname } = new URL(config.gateway);
  return {
    async signed({ method, biz, notifyUrl }: ApiRequest): Promise<OutgoingRequest> {
      const fields = {
        ...{ method, app_id: config.app_id, charset: 'utf-8', version: '1.0', sign_type: 'RSA2' },
        ...(notifyUrl === undefined ? {} : { notify_url: notifyUrl }),
        timestamp: toBeijing(now()),
      };
      const biz_content = JSON.stringify(biz);
      const sign = await rsaSignature(textToSign({ ...fields, biz_content }), privateKey);
      return {
        method: 'POST',
        path: `${pathname}?${new URLSearchParams({ ...fields, sign })}`,
        headers: {
          ...{ accept: 'application/json', 'user-agent': 'switchyard' },
          'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
          'alipay-request-id': Buffer.from(randomBytes(16)).toString('hex'),
        },
        body: new URLSearchParams({ biz_content }).toString(),
      };
    },
  };
}

/** All fields by name, nothing escaped. */
function textToSign(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}
