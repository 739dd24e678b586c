import { z } from 'zod';
import { type ChannelError, type ChannelErrorKind, channelError } from '../../src/channel/index.ts';
import { parseJson } from './json.ts';

type Meaning = readonly [kind: ChannelErrorKind, created: 'no' | 'maybe', reason?: 'quota' | 'frozen'];

/** Every code of their documentation. `maybe` wherever an order or a refund could exist after it. */
const MEANING_BY_CODE: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['NO_SUCH_ORDER', ['NOT_FOUND', 'no']],
  ['ORDER_CONFLICT', ['DUPLICATE', 'maybe']], // our number, but with other content: whose order is it?
  ['NO_SUCH_REFUND', ['NOT_FOUND', 'no']],
  ['NOT_PAID', ['INVALID_REQUEST', 'no']],
  ['EXCEEDS_LEFT', ['INVALID_REQUEST', 'no']],
  ['LOW_BALANCE', ['INSUFFICIENT_BALANCE', 'no']], // ours, not the buyer's: the same refund is sent again later
  ['REFUND_CONFLICT', ['DUPLICATE', 'maybe']],
  ['BAD_FIELD', ['INVALID_REQUEST', 'no']],
  ['TOO_FAST', ['RATE_LIMITED', 'no']],
  ['DAILY_LIMIT', ['CHANNEL_UNAVAILABLE', 'no', 'quota']],
  ['ACCOUNT_FROZEN', ['AUTH_MISCONFIGURED', 'no', 'frozen']],
]);

/** Their code alone: a message could hold personal data (I10). */
const refusalSchema = z.object({ code: z.string().regex(/^[A-Z_]{1,40}$/) });

/** What a refusal means. A code that we do not know settles nothing: an order may exist, and an anomaly is counted. */
export function errorOf(text: string): ChannelError {
  const providerCode = refusalSchema.safeParse(parseJson(text)).data?.code ?? null;
  const meaning = MEANING_BY_CODE.get(providerCode ?? '');
  if (meaning === undefined)
    return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code', providerCode });
  const [kind, created, reason] = meaning;
  return channelError(kind, created, { reason, providerCode });
}
