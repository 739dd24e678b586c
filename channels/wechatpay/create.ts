import { z } from 'zod';
import { type ChannelAdapter, type Created, type CreateRequest, channelError } from '../../src/channel/index.ts';
import { type EpochMs, err, ok } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import { unreadableAnswer } from './errors.ts';

const DESCRIPTION_CHARS_MAX = 127;
const APP_NAME_CHARS_MAX = 64;
/** WeChat moves an expiry outside of this range into it without a word. */
const LIFE_MS_MIN = 60_000;
const LIFE_MS_MAX = 90 * 24 * 3_600_000;

const nativeSchema = z.object({ code_url: z.string().startsWith('weixin://').max(512) });
const h5Schema = z.object({ h5_url: z.url({ protocol: /^https?$/ }).max(1024) });

/** `qr` and `redirect` become a native order (a code to scan), `wap` an H5 order (a page on the phone). */
export function create(client: Client): ChannelAdapter['create'] {
  return async (request, signal) => {
    if (request.amount.currency !== 'CNY') return err(channelError('INVALID_REQUEST', 'no'));
    switch (request.scene) {
      case 'qr':
      case 'redirect': {
        const answer = await client.call((sdk) => sdk.transactions_native(orderOf(request)), signal);
        if (!answer.ok) return answer;
        const read = nativeSchema.safeParse(answer.value);
        if (!read.success) return err(unreadableAnswer());
        return ok<Created>({ action: { type: 'qr_code', qrCode: read.data.code_url }, channelTradeNo: null });
      }
      case 'wap': {
        const { ip } = request.buyer;
        // WeChat compares it with the address that opens the page; a made-up one would fail there.
        if (ip === null) return err(channelError('INVALID_REQUEST', 'no'));
        const answer = await client.call(
          (sdk) => sdk.transactions_h5({ ...orderOf(request), scene_info: sceneOf(request, ip) }),
          signal,
        );
        if (!answer.ok) return answer;
        const read = h5Schema.safeParse(answer.value);
        if (!read.success) return err(unreadableAnswer());
        const url = `${read.data.h5_url}&redirect_url=${encodeURIComponent(request.returnUrl)}`;
        return ok<Created>({ action: { type: 'redirect', url }, channelTradeNo: null });
      }
      default:
        // JSAPI needs the buyer's openid, which the pay API does not carry. Offering the scene is the operator's mistake.
        return err(channelError('AUTH_MISCONFIGURED', 'no'));
    }
  };
}

/** When WeChat stops taking money for an order that is made now. */
export function providerExpiresAt(expiresAt: EpochMs, now: EpochMs): EpochMs {
  return Math.min(Math.max(expiresAt, now + LIFE_MS_MIN), now + LIFE_MS_MAX);
}

/** A function of the request alone: only a repetition with identical parameters gets the same order. */
function orderOf(request: CreateRequest) {
  return {
    description: cut(request.subject, DESCRIPTION_CHARS_MAX),
    out_trade_no: request.providerRef,
    time_expire: rfc3339(request.expiresAt),
    notify_url: request.callbackUrl,
    amount: { total: request.amount.minor, currency: 'CNY' },
  };
}

function sceneOf(request: CreateRequest, ip: string) {
  // The library's types ask for app_name, which WeChat leaves optional: the site that the buyer comes from.
  const appName = cut(new URL(request.returnUrl).hostname, APP_NAME_CHARS_MAX);
  return { payer_client_ip: ip, h5_info: { type: 'Wap', app_name: appName } };
}

/** China's time with its offset, to the second, as in the provider's examples. */
function rfc3339(at: EpochMs): string {
  return `${new Date(at + 8 * 3_600_000).toISOString().slice(0, 19)}+08:00`;
}

/** By code points, so that no character is cut in two. */
function cut(text: string, charsMax: number): string {
  return [...text].slice(0, charsMax).join('');
}
