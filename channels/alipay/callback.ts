import { z } from 'zod';
import type { CallbackOutcome, CallbackRefusal, Notice, RawAnswer, RawCallback } from '../../src/channel/index.ts';
import { err, type Observation, ok, parseRefundRef, type Result } from '../../src/payment/index.ts';
import type { AlipayClient } from './client.ts';
import type { AlipayConfig } from './config.ts';
import { isAmount, observe, readAmount } from './status.ts';
import { fromBeijing } from './time.ts';

const BODY_BYTES_MAX = 64 * 1024;

/** What every notice of Alipay carries, whatever it is about. */
const envelopeSchema = z.looseObject({
  sign: z.string().min(1),
  sign_type: z.string().min(1),
  app_id: z.string().min(1),
  notify_type: z.string().min(1),
});

/** @see https://opendocs.alipay.com/open/203/105286 — notices of page, wap and precreate payments are alike */
const tradeNoticeSchema = z.object({
  seller_id: z.string().min(1),
  out_trade_no: z.string().min(1).max(64),
  trade_no: z.string().min(1).max(64),
  trade_status: z.string().min(1),
  total_amount: z.string().regex(/^\d+\.\d{2}$/),
  trans_currency: z.string().optional(),
  gmt_payment: z.string().optional(),
  // The three of a refund: its number, the sum of all refunds so far, its time.
  out_biz_no: z.string().optional(),
  refund_fee: z.string().optional(),
  gmt_refund: z.string().optional(),
});
type TradeNotice = z.infer<typeof tradeNoticeSchema>;

/**
 * Verifies a notice and only then reads it. Required fields first, then the signature, then whose it is (I12). A notice names
 * no time that is safe to enforce: repeats keep everything for 25 hours, so that the caller has to know a repeat by its content.
 */
export function parseCallback(client: AlipayClient, config: AlipayConfig) {
  return async (raw: RawCallback): Promise<Result<readonly Notice[], CallbackRefusal>> => {
    const fields = raw.method === 'POST' ? formFields(raw.body) : null;
    const envelope = envelopeSchema.safeParse(fields);
    if (fields === null || !envelope.success) return err('malformed');
    if (!client.isGenuine(fields)) return err('bad_signature');
    if (envelope.data.app_id !== config.app_id) return err('foreign_account');
    if (envelope.data.notify_type !== 'trade_status_sync') return ok([]);
    const trade = tradeNoticeSchema.safeParse(fields);
    if (!trade.success) return err('malformed');
    if (trade.data.seller_id !== config.seller_id) return err('foreign_account');
    const observation = observe(envelope.data.app_id, {
      tradeStatus: trade.data.trade_status,
      tradeNo: trade.data.trade_no,
      totalAmount: trade.data.total_amount,
      currency: trade.data.trans_currency,
      paidText: trade.data.gmt_payment,
      refundFee: trade.data.refund_fee,
    });
    const about: Notice = {
      kind: 'order',
      providerRef: trade.data.out_trade_no,
      observation: trade.data.trade_status === 'TRADE_CLOSED' ? withoutPayment(observation) : observation,
    };
    const refund = refundNotice(trade.data, observation);
    return ok(refund === null ? [about] : [about, refund]);
  };
}

/** The notice of a closed trade never pays for goods, whatever it shows of the past: when that matters, the query tells it. */
function withoutPayment(observation: Observation): Observation {
  return observation.state === 'succeeded' ? { ...observation, state: 'unclear' } : observation;
}

/**
 * Alipay tells of a refund in a notice of its trade. One that was made by hand has a number that is not ours: then the notice is
 * only about the trade. The sum says nothing of this refund's amount, but the number does: Alipay binds it to one amount.
 */
function refundNotice(trade: TradeNotice, order: Observation): Notice | null {
  const { out_trade_no: providerRef, out_biz_no: refundRef = '' } = trade;
  if (parseRefundRef(refundRef)?.providerRef !== providerRef) return null;
  const returned = readAmount(trade.refund_fee, trade.trans_currency);
  const isTold =
    order.state === 'succeeded' && isAmount(returned) && order.amount !== null && returned.minor <= order.amount.minor;
  return {
    kind: 'refund',
    providerRef,
    refundRef,
    observation: {
      state: isTold ? 'succeeded' : 'unclear',
      account: order.account,
      amount: null,
      channelRefundNo: null,
      refundedAt: isTold ? fromBeijing(trade.gmt_refund) : null,
      error: null,
    },
  };
}

/** Alipay repeats a notice until it reads exactly `success`, so a refusal must not contain that word. */
export function acknowledge(outcome: CallbackOutcome): RawAnswer {
  return outcome.kind === 'refused'
    ? { status: 400, contentType: 'text/plain', body: 'fail' }
    : { status: 200, contentType: 'text/plain', body: 'success' };
}

/** Decoded exactly once. Null for a body that is too long, not UTF-8, names a field twice or plays with array names. */
function formFields(body: Uint8Array): Readonly<Record<string, string>> | null {
  if (body.length > BODY_BYTES_MAX) return null;
  const text = utf8(body);
  if (text === null) return null;
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name) || !/^\w{1,64}$/.test(name) || name === '__proto__') return null;
    fields.set(name, value);
  }
  return Object.fromEntries(fields);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}
