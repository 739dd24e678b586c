import { z } from 'zod';
import { type ChannelError, type Created, type CreateRequest, channelError } from '../../src/channel/index.ts';
import { type EpochMs, err, ok, type Result, toDecimalString } from '../../src/payment/index.ts';
import type { AlipayClient } from './client.ts';
import { toBeijing } from './time.ts';

/** 100000000.00 yuan; the contract's own limits lie below and are the operator's to configure. */
const AMOUNT_FEN_MAX = 10_000_000_000;
/** Alipay takes no longer notify_url or return_url. */
const URL_LENGTH_MAX = 256;

const precreatedSchema = z.object({ out_trade_no: z.string(), qr_code: z.url() });

/**
 * Asks for money: a signed URL (redirect, wap; made here, without a call) or a QR code. Either way Alipay holds no order before
 * the buyer acts, and a repeat with the same number is the same order.
 * @see https://opendocs.alipay.com/open/59da99d0_alipay.trade.page.pay and its neighbours wap.pay and precreate
 */
export function create(client: AlipayClient, now: () => EpochMs) {
  return async (request: CreateRequest, signal: AbortSignal): Promise<Result<Created, ChannelError>> => {
    const refusal = refusalOf(request, now());
    if (refusal !== null) return err(refusal);
    if (signal.aborted) return err(channelError('CHANNEL_UNAVAILABLE', 'no', { reason: 'timeout' }));
    switch (request.scene) {
      case 'redirect':
        return page(client, request, { method: 'alipay.trade.page.pay', product_code: 'FAST_INSTANT_TRADE_PAY' });
      case 'wap':
        return page(client, request, {
          method: 'alipay.trade.wap.pay',
          product_code: 'QUICK_WAP_WAY',
          quit_url: request.returnUrl,
        });
      case 'qr':
        return await precreate(client, request, signal);
      default:
        return err(channelError('INVALID_REQUEST', 'no'));
    }
  };
}

/** What Alipay would refuse, and for the pages only in front of the buyer. */
function refusalOf({ amount, callbackUrl, returnUrl, expiresAt }: CreateRequest, now: EpochMs): ChannelError | null {
  if (amount.currency !== 'CNY' || amount.minor > AMOUNT_FEN_MAX) return channelError('INVALID_REQUEST', 'no');
  if (expiresAt <= now) return channelError('INVALID_REQUEST', 'no');
  if (callbackUrl.length > URL_LENGTH_MAX || returnUrl.length > URL_LENGTH_MAX)
    return channelError('AUTH_MISCONFIGURED', 'no');
  return null;
}

function page(
  client: AlipayClient,
  request: CreateRequest,
  { method, ...product }: { readonly method: string; readonly product_code: string; readonly quit_url?: string },
): Result<Created, never> {
  const { callbackUrl: notifyUrl, returnUrl } = request;
  const url = client.pageUrl({ method, biz: { ...orderOf(request), ...product }, notifyUrl, returnUrl });
  return ok({ action: { type: 'redirect', url }, channelTradeNo: null });
}

async function precreate(
  client: AlipayClient,
  request: CreateRequest,
  signal: AbortSignal,
): Promise<Result<Created, ChannelError>> {
  const answer = await client.call(
    {
      operation: 'create',
      method: 'alipay.trade.precreate',
      biz: orderOf(request),
      notifyUrl: request.callbackUrl,
    },
    signal,
  );
  if (!answer.ok) return answer;
  const parsed = precreatedSchema.safeParse(answer.value);
  if (!parsed.success) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
  // Answers carry no nonce: a genuine one to another question would verify.
  if (parsed.data.out_trade_no !== request.providerRef) {
    return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
  }
  return ok({ action: { type: 'qr_code', qrCode: parsed.data.qr_code }, channelTradeNo: null });
}

function orderOf({ providerRef, amount, subject, expiresAt }: CreateRequest): Record<string, string> {
  return {
    out_trade_no: providerRef,
    total_amount: toDecimalString(amount),
    subject: speakable(subject),
    // Always: nothing else ends a code or a page that nobody has opened (I7).
    time_expire: toBeijing(expiresAt),
  };
}

/** Alipay refuses `/ = &` in a subject; their full-width twins read the same. */
function speakable(subject: string): string {
  return subject.replaceAll('/', '／').replaceAll('=', '＝').replaceAll('&', '＆');
}
