import { timingSafeEqual } from 'node:crypto';
import type { CallbackRefusal, Notice, RawAnswer, RawCallback } from '../channel/index.ts';
import {
  type Attempt,
  type DurableReceipt,
  type Observation,
  parseProviderRef,
  type Result,
} from '../payment/index.ts';
import type { Gateway } from './api.ts';
import type { Change, Changed } from './change.ts';
import { withDeadline } from './deadline.ts';
import type { Parts } from './parts.ts';
import type { CallbackResult, Channel } from './ports.ts';

/** Reading a callback may need the provider's certificate; a provider waits about five seconds for our answer. */
const PARSE_TIMEOUT_MS = 4_000;

const RESULT_BY_REFUSAL: Readonly<Record<CallbackRefusal, CallbackResult>> = {
  malformed: 'malformed',
  bad_signature: 'bad_signature',
  stale: 'bad_signature',
  probe: 'bad_signature',
  foreign_account: 'unknown_payment',
};

const RESULT_BY_REJECTION: ReadonlyMap<string, CallbackResult> = new Map([
  ['amount_mismatch', 'amount_mismatch'],
  ['currency_mismatch', 'amount_mismatch'],
  ['incomplete_success', 'malformed'],
  ['contended', 'error'],
]);

type Parsed = Result<readonly Notice[], CallbackRefusal> | null;
type Judged = { readonly result: CallbackResult; readonly receipt: DurableReceipt | null };

/**
 * A provider's message: verified by its adapter, bound to one attempt on one account (I12), applied once, acknowledged only
 * with the store's receipt (I3). What cannot be verified changes nothing.
 */
export function createCallbackReception(parts: Parts, change: Change): Gateway['receiveCallback'] {
  const { telemetry, clock } = parts;

  return async function receiveCallback(channelId, token, raw): Promise<RawAnswer> {
    const channel = parts.channels().get(channelId);
    if (!channel) {
      telemetry.callback('none', 'unknown_payment');
      return { status: 404, contentType: 'text/plain', body: 'no such channel' };
    }
    const parsed = await parse(channel, raw);
    if (parsed === null) {
      telemetry.callback(channelId, 'error');
      return channel.adapter.acknowledge({ kind: 'refused' });
    }
    if (!parsed.ok) {
      telemetry.callback(channelId, RESULT_BY_REFUSAL[parsed.error]);
      if (parsed.error === 'foreign_account') telemetry.anomaly('foreign_callback');
      if (parsed.error !== 'probe') telemetry.warn({ channelId, why: parsed.error }, 'callback refused');
      return channel.adapter.acknowledge({ kind: 'refused' });
    }
    if (parsed.value.length === 0) {
      telemetry.callback(channelId, 'ignored');
      return channel.adapter.acknowledge({ kind: 'irrelevant' });
    }
    return answer(channel, await judgeAll(channel, token, parsed.value));
  };

  /** Null when the adapter threw or did not come to an end: nothing is known of the message then. */
  async function parse(channel: Channel, raw: RawCallback): Promise<Parsed> {
    try {
      const timeoutMs = PARSE_TIMEOUT_MS;
      return await withDeadline<Parsed>(
        { timeoutMs },
        (signal) => channel.adapter.parseCallback(raw, signal),
        () => null,
      );
    } catch (thrown) {
      telemetry.error({ channelId: channel.id, operation: 'callback', err: thrown }, 'adapter threw: a bug');
      return null;
    }
  }

  /** A message of several notices is acknowledged as a whole or not at all. */
  async function judgeAll(
    channel: Channel,
    token: string | null,
    notices: readonly Notice[],
  ): Promise<readonly Judged[]> {
    const judged: Judged[] = [];
    for (const notice of notices) {
      const verdict = await judge(channel, token, notice).catch((thrown: unknown): Judged => {
        telemetry.error({ channelId: channel.id, err: thrown }, 'callback could not be stored');
        return { result: 'error', receipt: null };
      });
      telemetry.callback(channel.id, verdict.result);
      judged.push(verdict);
    }
    return judged;
  }

  function answer(channel: Channel, judged: readonly Judged[]): RawAnswer {
    const refused = judged.find((verdict) => verdict.receipt === null);
    const receipt = judged.at(-1)?.receipt ?? null;
    if (refused || receipt === null) return channel.adapter.acknowledge({ kind: 'refused' });
    return channel.adapter.acknowledge({ kind: 'durable', receipt });
  }

  async function judge(channel: Channel, token: string | null, notice: Notice): Promise<Judged> {
    const ref = parseProviderRef(notice.providerRef);
    const stored = ref ? await parts.store.findById(ref.paymentId) : null;
    const attempt = ref ? stored?.payment.attempts[ref.attemptSeq - 1] : undefined;
    if (!stored || !attempt || !isBound(channel, attempt, token)) {
      if (stored) telemetry.anomaly('foreign_callback');
      telemetry.warn({ channelId: channel.id, known: stored !== null }, 'callback fits no attempt of this channel');
      return { result: 'unknown_payment', receipt: null };
    }
    const { observation } = notice;
    const changed = await change(
      stored.payment.id,
      { type: 'observed', seq: attempt.seq, by: 'callback', observation },
      { known: stored.payment },
    );
    if (changed.outcome === 'applied') reportDelay(channel.id, observation);
    return verdictOf(changed);
  }

  function reportDelay(channelId: string, { state, paidAt }: Observation): void {
    if (state === 'succeeded' && paidAt !== null) telemetry.callbackDelay(channelId, Math.max(0, clock.now() - paidAt));
  }
}

function verdictOf(changed: Changed): Judged {
  switch (changed.outcome) {
    case 'applied':
      return { result: 'applied', receipt: changed.receipt };
    case 'ignored':
      return { result: changed.reason === 'no_news' ? 'ignored' : 'duplicate', receipt: changed.receipt };
    case 'rejected':
      return { result: RESULT_BY_REJECTION.get(changed.reason) ?? 'unknown_payment', receipt: null };
    default:
      return { result: 'unknown_payment', receipt: null };
  }
}

/** The attempt is this channel's, and the URL carries its token where the provider takes one URL per order. */
function isBound(channel: Channel, attempt: Attempt, token: string | null): boolean {
  if (attempt.channelId !== channel.id) return false;
  if (token === null) return channel.callbackUrl === 'per_account';
  const expected = Buffer.from(attempt.callbackToken);
  const given = Buffer.from(token);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
