import {
  type ChannelAdapter,
  type ChannelError,
  channelError,
  type RefundRef,
  type RefundRequest,
} from '../../src/channel/index.ts';
import { err, ok, REFUND_ABSENT, type RefundObservation, type Result } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import { forgedAnswer, isCode, unreadableAnswer } from './errors.ts';
import { observeRefund, type Refund, refundSchema } from './refund-status.ts';

const REASON_CHARS_MAX = 80;

/**
 * WeChat only takes the refund here (PROCESSING); the callback and the query tell what became of it. The same number and
 * amount again is answered with the refund as it is then.
 */
export function refund(client: Client): ChannelAdapter['refund'] {
  return async (request, signal) => {
    const { amount, order } = request;
    if (amount.currency !== 'CNY' || order.amount.currency !== 'CNY') return err(channelError('INVALID_REQUEST', 'no'));
    const answer = await client.call((sdk) => sdk.refunds(bodyOf(request)), signal, 'refund');
    if (answer.ok) return read(answer.value, request);
    if (!isCode(answer.error, 'INVALID_REQUEST')) return answer;
    return unlessTaken(answer.error, await ask(client, request, signal));
  };
}

/** Asks by our number of the refund. */
export function queryRefund(client: Client): ChannelAdapter['queryRefund'] {
  return (ref, signal) => ask(client, ref, signal);
}

async function ask(
  client: Client,
  ref: RefundRef,
  signal: AbortSignal,
): Promise<Result<RefundObservation, ChannelError>> {
  const answer = await client.call((sdk) => sdk.find_refunds(ref.refundRef), signal, 'refund');
  if (answer.ok) return read(answer.value, ref);
  return isCode(answer.error, 'RESOURCE_NOT_EXISTS') ? ok(REFUND_ABSENT) : answer;
}

/**
 * INVALID_REQUEST is WeChat's word for a refund that is too large or too late, but by some reports also for one that is
 * repeated after it has emptied the order. To take that for a refusal would free money that has gone, so it is one only
 * when WeChat holds no refund under this number.
 */
function unlessTaken(
  refusal: ChannelError,
  held: Result<RefundObservation, ChannelError>,
): Result<RefundObservation, ChannelError> {
  if (!held.ok) return err({ ...refusal, created: 'maybe' });
  return held.value.state === 'absent' ? err(refusal) : held;
}

/** A function of the request alone, so that a repetition is identical. */
function bodyOf({ order, refundRef, amount, reason, callbackUrl }: RefundRequest) {
  const rest = {
    out_refund_no: refundRef,
    ...(reason ? { reason: [...reason].slice(0, REASON_CHARS_MAX).join('') } : {}),
    notify_url: callbackUrl,
    amount: { refund: amount.minor, total: order.amount.minor, currency: 'CNY' },
  };
  // WeChat's own number where it is known, as WeChat advises: by ours it now and then says that there is no such order.
  if (order.channelTradeNo !== null) return { ...rest, transaction_id: order.channelTradeNo };
  return { ...rest, out_trade_no: order.providerRef };
}

function read(json: unknown, ref: RefundRef): Result<RefundObservation, ChannelError> {
  const found = refundSchema.safeParse(json);
  if (!found.success) return err(unreadableAnswer());
  // The signature covers the answer, not the question: a genuine answer about another refund could be put in its place.
  return isAbout(found.data, ref) ? ok(observeRefund(found.data, null)) : err(forgedAnswer());
}

function isAbout(found: Refund, { order, refundRef, amount, channelRefundNo }: RefundRef): boolean {
  return (
    found.out_refund_no === refundRef &&
    found.out_trade_no === order.providerRef &&
    (channelRefundNo ?? found.refund_id) === found.refund_id &&
    (order.channelTradeNo ?? found.transaction_id) === found.transaction_id &&
    found.amount.refund === amount.minor &&
    found.amount.total === order.amount.minor &&
    found.amount.currency === amount.currency
  );
}
