import type {
  CallbackOutcome,
  CallbackRefusal,
  ChannelAdapter,
  RawAnswer,
  RawCallback,
} from '../../src/channel/index.ts';
import { err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { EpayConfig } from './config.ts';
import { type Fields, parseQuery } from './fields.ts';
import { isAmbiguous, type Signer } from './signature.ts';
import { readYuan } from './status.ts';

/**
 * Form, then signature, then whose it is. V1 has no time, so a replay is known by its trade number alone. A key that somebody has
 * guessed from a signed address is worth nothing as long as the operator is asked too (`confirm_by_query`).
 */
export function parseCallback(
  signer: Signer,
  config: EpayConfig,
  query: ChannelAdapter['query'],
): ChannelAdapter['parseCallback'] {
  return async (raw, signal) => {
    const fields = raw.method === 'GET' ? fieldsOf(raw) : null;
    const orderNo = fields?.get('out_trade_no') ?? '';
    if (fields === null || orderNo === '' || !fields.get('pid') || !fields.get('trade_no')) return err('malformed');
    if (!fields.get('sign') || !fields.get('sign_type') || isAmbiguous(fields)) return err('malformed');
    const verdict = signer.verify(fields, raw.receivedAt);
    if (verdict !== 'genuine') return err(verdict);
    if (fields.get('pid') !== config.pid) return err('foreign_account');
    const said = observe(fields);
    if (said.state !== 'succeeded' || !config.confirm_by_query)
      return ok([{ kind: 'order', providerRef: orderNo, observation: said }]);
    const confirmed = await confirm(said, orderNo, query, signal);
    return confirmed.ok ? ok([{ kind: 'order', providerRef: orderNo, observation: confirmed.value }]) : confirmed;
  };
}

/** One word means paid; anything else is no news. */
function observe(notice: Fields): Observation {
  return {
    state: notice.get('trade_status') === 'TRADE_SUCCESS' ? 'succeeded' : 'unclear',
    account: notice.get('pid') ?? null,
    amount: readYuan(notice.get('money')),
    channelTradeNo: notice.get('trade_no') ?? null,
    paidAt: null,
    error: null,
  };
}

/**
 * The order has to be paid under the same trade number when they are asked. Where notice and answer name different amounts nobody
 * knows which was paid: then none is told, which changes nothing, and the next query decides.
 */
async function confirm(
  said: Observation,
  providerRef: string,
  query: ChannelAdapter['query'],
  signal: AbortSignal,
): Promise<Result<Observation, CallbackRefusal>> {
  const amount = said.amount ?? { minor: 0, currency: 'CNY' };
  const seen = await query({ providerRef, channelTradeNo: said.channelTradeNo, amount }, signal);
  if (!seen.ok || seen.value.state !== 'succeeded') return err('unconfirmed');
  if (seen.value.channelTradeNo !== said.channelTradeNo) return err('unconfirmed');
  const agree = seen.value.amount?.minor === said.amount?.minor;
  return ok({ ...said, amount: agree ? said.amount : null, paidAt: seen.value.paidAt });
}

/** They look for `success` anywhere in the answer, in any case, and repeat five times within four hours. */
export function acknowledge(outcome: CallbackOutcome): RawAnswer {
  return outcome.kind === 'refused'
    ? { status: 400, contentType: 'text/plain', body: 'fail' }
    : { status: 200, contentType: 'text/plain', body: 'success' };
}

function fieldsOf({ target }: RawCallback): Fields | null {
  const at = target.indexOf('?');
  return at < 0 ? null : parseQuery(target.slice(at + 1));
}
