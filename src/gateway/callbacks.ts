import { timingSafeEqual } from 'node:crypto';
import type { CallbackRefusal, Notice, RawAnswer, RawCallback } from '../channel/index.ts';
import {
  type Attempt,
  type DurableReceipt,
  type Fact,
  isUnresolved,
  type Observation,
  type Payment,
  parseProviderRef,
  parseRefundRef,
  type Result,
} from '../payment/index.ts';
import type { Gateway } from './api.ts';
import type { Change, Changed } from './change.ts';
import { withDeadline } from './deadline.ts';
import type { Orders } from './orders.ts';
import type { Parts } from './parts.ts';
import type { Channel } from './ports.ts';
import type { CallbackResult } from './telemetry-port.ts';

/** Reading a callback may need the provider's certificate; a provider waits about five seconds for our answer. */
const PARSE_TIMEOUT_MS = 4_000;
/** So many messages that cannot be believed bring a question forward, per channel account; the rest only count. */
const UNBELIEVED = { limit: 30, windowMs: 60_000 } as const;
/** So many messages that lead to no order are kept as evidence, per channel. */
const STRANGE = { limit: 60, windowMs: 60_000 } as const;
/** Provider references have this many characters; callback tokens begin with one. */
const PROVIDER_REF_CHARS = 28;

const RESULT_BY_REFUSAL: Readonly<Record<CallbackRefusal, CallbackResult>> = {
  malformed: 'malformed',
  bad_signature: 'bad_signature',
  stale: 'bad_signature',
  probe: 'bad_signature',
  foreign_account: 'unknown_payment',
  unconfirmed: 'error',
};

const RESULT_BY_REJECTION: ReadonlyMap<string, CallbackResult> = new Map([
  ['amount_mismatch', 'amount_mismatch'],
  ['currency_mismatch', 'amount_mismatch'],
  ['refund_mismatch', 'amount_mismatch'],
  ['refund_contradicted', 'amount_mismatch'],
  ['incomplete_success', 'malformed'],
  ['contended', 'error'],
]);

type Parsed = Result<readonly Notice[], CallbackRefusal> | null;
type Judged = {
  readonly result: CallbackResult;
  readonly receipt: DurableReceipt | null;
  /** Whose message it was, where that is certain. */
  readonly paymentId: string | null;
};
type Received = { readonly answer: RawAnswer; readonly judged: readonly Judged[] };

/**
 * A provider's message: verified by its adapter, bound to one attempt on one account (I12), applied once, acknowledged only
 * with the store's receipt (I3). What cannot be verified changes nothing.
 */
export function createCallbackReception(
  parts: Parts,
  services: { change: Change; orders: Orders },
): Gateway['receiveCallback'] {
  const { telemetry, clock } = parts;
  const { change, orders } = services;

  return async function receiveCallback(channelId, token, raw): Promise<RawAnswer> {
    const channel = parts.channels().get(channelId);
    if (!channel) {
      telemetry.callback('none', 'unknown_payment');
      return { status: 404, contentType: 'text/plain', body: 'no such channel' };
    }
    telemetry.trace.note({ channelId });
    const { answer, judged } = await telemetry.trace.within('callback', { channelId }, async (span) => {
      const received = await receive(channel, token, raw);
      const outcome = received.judged[0]?.result ?? 'ignored';
      span.set({ outcome });
      telemetry.trace.note({ outcome });
      return received;
    });
    for (const { result } of judged) telemetry.callback(channelId, result);
    await keepEvidence(channel, raw, answer, judged);
    return answer;
  };

  async function receive(channel: Channel, token: string | null, raw: RawCallback): Promise<Received> {
    const { acknowledge } = channel.adapter;
    const parsed = await parse(channel, raw);
    if (parsed === null) return { answer: acknowledge({ kind: 'refused' }), judged: [unread('error')] };
    if (!parsed.ok) {
      const why = parsed.error;
      if (why === 'foreign_account') telemetry.anomaly('foreign_callback');
      if (why !== 'probe') {
        telemetry.warn({ channelId: channel.id, why }, 'callback refused');
        await askInstead(channel, token);
      }
      return { answer: acknowledge({ kind: 'refused' }), judged: [unread(RESULT_BY_REFUSAL[why])] };
    }
    if (parsed.value.length === 0) {
      return { answer: acknowledge({ kind: 'irrelevant' }), judged: [unread('ignored')] };
    }
    const judged = await judgeAll(channel, token, parsed.value);
    return { answer: answerTo(channel, judged), judged };
  }

  /** What arrived and what we said; of messages that lead to no order only so many a minute, so that a flood fills no disk. */
  async function keepEvidence(
    channel: Channel,
    raw: RawCallback,
    answer: RawAnswer,
    judged: readonly Judged[],
  ): Promise<void> {
    const known = judged.find(({ paymentId }) => paymentId !== null);
    if (!known) {
      const gate = await parts.ephemeral
        .hit(`strange/${channel.id}`, STRANGE.limit, STRANGE.windowMs)
        .catch(() => null);
      if (!gate?.allowed) return;
    }
    parts.evidence.append({
      at: raw.receivedAt,
      kind: 'callback',
      paymentId: known?.paymentId ?? null,
      channelId: channel.id,
      what: 'callback',
      outcome: (known ?? judged[0])?.result ?? 'ignored',
      details: { answeredStatus: answer.status, bytes: raw.body.byteLength, notices: judged.length },
      messages: {
        method: raw.method,
        target: raw.target,
        headers: Object.fromEntries(raw.headers),
        body: Buffer.from(raw.body).toString('utf8'),
        answer: answer.body,
      },
    });
  }

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
        return unread('error');
      });
      judged.push(verdict);
    }
    return judged;
  }

  function answerTo(channel: Channel, judged: readonly Judged[]): RawAnswer {
    const refused = judged.find((verdict) => verdict.receipt === null);
    const receipt = judged.at(-1)?.receipt ?? null;
    if (refused || receipt === null) return channel.adapter.acknowledge({ kind: 'refused' });
    return channel.adapter.acknowledge({ kind: 'durable', receipt });
  }

  async function judge(channel: Channel, token: string | null, notice: Notice): Promise<Judged> {
    const found = await findBound(channel, token, notice);
    if (!found) return unread('unknown_payment');
    const { payment, attempt } = found;
    telemetry.trace.concerns(payment);
    const changed = await change(payment.id, factOf(notice, payment, attempt), { known: payment });
    if (changed.outcome === 'applied' && notice.kind === 'order') reportDelay(channel.id, notice.observation);
    if (changed.outcome === 'rejected' && notice.kind === 'order')
      await askAbout(channel, changed.payment, attempt.seq);
    return { ...verdictOf(changed), paymentId: payment.id };
  }

  /** The attempt that a verified message speaks of, when it is this channel's and came where it had to come (I12). */
  async function findBound(channel: Channel, token: string | null, notice: Notice) {
    const providerRef = orderOf(notice);
    const ref = providerRef === null ? null : parseProviderRef(providerRef);
    const stored = ref ? await parts.store.findById(ref.paymentId) : null;
    const attempt = ref ? stored?.payment.attempts[ref.attemptSeq - 1] : undefined;
    if (stored && attempt && isBound(channel, attempt, token)) return { payment: stored.payment, attempt };
    if (stored) telemetry.anomaly('foreign_callback');
    telemetry.warn({ channelId: channel.id, known: stored !== null }, 'callback fits no attempt of this channel');
    return null;
  }

  /** A message that cannot be believed may be a true one with a fault; asking the provider itself does no harm. */
  async function askInstead(channel: Channel, token: string | null): Promise<void> {
    const ref = token === null ? null : parseProviderRef(token.slice(0, PROVIDER_REF_CHARS));
    if (!ref) return;
    try {
      const stored = await parts.store.findById(ref.paymentId);
      const attempt = stored?.payment.attempts[ref.attemptSeq - 1];
      if (!stored || !attempt || !isBound(channel, attempt, token)) return;
      await askAbout(channel, stored.payment, attempt.seq);
    } catch (thrown) {
      telemetry.error({ channelId: channel.id, err: thrown }, 'a question could not be brought forward');
    }
  }

  /** Brings the planned question forward; for an order that nobody asks about any more, asks at once. */
  async function askAbout(channel: Channel, payment: Payment, seq: number): Promise<void> {
    const attempt = payment.attempts[seq - 1];
    if (!attempt || attempt.status === 'succeeded' || attempt.status === 'creating') return;
    const { limit, windowMs } = UNBELIEVED;
    const gate = await parts.ephemeral.hit(`unbelieved/${channel.id}`, limit, windowMs).catch(() => null);
    if (!gate?.allowed) return;
    if (isUnresolved(attempt)) await change(payment.id, { type: 'query_wanted', seq });
    else await orders.query(payment, attempt);
  }

  function reportDelay(channelId: string, { state, paidAt }: Observation): void {
    if (state === 'succeeded' && paidAt !== null) telemetry.callbackDelay(channelId, Math.max(0, clock.now() - paidAt));
  }
}

/** Nothing is known of whose message it was. */
function unread(result: CallbackResult): Judged {
  return { result, receipt: null, paymentId: null };
}

function factOf(notice: Notice, payment: Payment, attempt: Attempt): Fact {
  if (notice.kind === 'order') {
    return { type: 'observed', seq: attempt.seq, by: 'callback', observation: notice.observation };
  }
  const refundSeq = payment.refunds.find((refund) => refund.refundRef === notice.refundRef)?.seq ?? 0;
  return { type: 'refund_observed', refundSeq, by: 'callback', observation: notice.observation };
}

/** The order that a message names; null when its two numbers belong to different orders. */
function orderOf(notice: Notice): string | null {
  if (notice.kind === 'order') return notice.providerRef;
  const refund = parseRefundRef(notice.refundRef);
  if (refund === null) return null;
  return notice.providerRef === null || notice.providerRef === refund.providerRef ? refund.providerRef : null;
}

function verdictOf(changed: Changed): Pick<Judged, 'result' | 'receipt'> {
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
