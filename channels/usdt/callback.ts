import { z } from 'zod';
import type { CallbackOutcome, CallbackRefusal, ChannelAdapter, RawAnswer } from '../../src/channel/index.ts';
import { err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { UsdtConfig } from './config.ts';
import { parseFlat } from './json.ts';
import { parseOrderId } from './order-id.ts';
import { isAmbiguous, isGenuine } from './signature.ts';
import { observe } from './status.ts';

const BODY_BYTES_MAX = 16 * 1024;

const scalar = z.union([z.number(), z.string()]).transform(String);
const noticeSchema = z.object({
  trade_id: z.string().regex(/^[\w-]{1,64}$/),
  order_id: z.string().min(1),
  amount: scalar,
  actual_amount: scalar,
  status: scalar,
  signature: z.string().min(1),
});

/** Form, then signature, then meaning. Only status 2 is paid; they also tell of orders that still wait, and that are over. */
export function parseCallback(config: UsdtConfig, query: ChannelAdapter['query']): ChannelAdapter['parseCallback'] {
  return async (raw, signal) => {
    const fields =
      raw.method === 'POST' && raw.body.length <= BODY_BYTES_MAX
        ? parseFlat(Buffer.from(raw.body).toString('utf8'))
        : null;
    const notice = noticeSchema.safeParse(Object.fromEntries(fields ?? [])).data;
    if (fields === null || notice === undefined || isAmbiguous(fields)) return err('malformed');
    if (!isGenuine(fields, config.api_token)) return err('bad_signature');
    const ours = parseOrderId(notice.order_id);
    // Made by somebody else at the same instance.
    if (ours === null) return ok([]);
    const { providerRef, currency } = ours;
    const { status, trade_id: tradeId, amount, actual_amount: actualAmount } = notice;
    const said = observe({ status, tradeId, amount, actualAmount, currency }, config);
    if (said.state !== 'succeeded' || !config.confirm_by_query)
      return ok([{ kind: 'order', providerRef, observation: said }]);
    const confirmed = await confirm(said, providerRef, query, signal);
    return confirmed.ok ? ok([{ kind: 'order', providerRef, observation: confirmed.value }]) : confirmed;
  };
}

/** The order has to be paid when they are asked. Where the two name different amounts, none is told, so that nothing takes effect. */
async function confirm(
  said: Observation,
  providerRef: string,
  query: ChannelAdapter['query'],
  signal: AbortSignal,
): Promise<Result<Observation, CallbackRefusal>> {
  const { channelTradeNo } = said;
  if (said.amount === null) return ok(said);
  const seen = await query({ providerRef, channelTradeNo, amount: said.amount }, signal);
  if (!seen.ok || seen.value.state !== 'succeeded') return err('unconfirmed');
  const agree = seen.value.amount?.minor === said.amount.minor && seen.value.quoted?.minor === said.quoted?.minor;
  return ok(agree ? said : { ...said, amount: null });
}

/** 200 ends it; older relatives want exactly `ok`, the documentation `success`, and nobody minds the other. */
export function acknowledge(outcome: CallbackOutcome): RawAnswer {
  return outcome.kind === 'refused'
    ? { status: 400, contentType: 'text/plain', body: 'fail' }
    : { status: 200, contentType: 'text/plain', body: 'ok' };
}
