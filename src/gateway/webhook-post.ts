import { Webhook } from 'standardwebhooks';
import { withoutSign } from '../epay/index.ts';
import type { Payment, PaymentEvent } from '../payment/index.ts';
import { createEpayNotice, judgeEpayAnswer } from './epay-notice.ts';
import type { Parts } from './parts.ts';
import type { WebhookAnswer, WebhookRequest } from './ports.ts';

/** What came of one delivery. */
export interface Posted {
  /** `unacknowledged`: an epay shop has answered without the word that it has taken it. `refused`: the address may not be called. `cut_short`: we are stopping, and nothing is known. */
  readonly outcome: 'delivered' | 'unacknowledged' | 'failed' | 'refused' | 'cut_short';
  /** `delivered`, `status 500`, or the reason in a short word. */
  readonly why: string;
  /** Whose fault it is that the event was not delivered; null when it was, or when nothing is known. */
  readonly blames: 'shop' | 'us' | null;
  /** The shop says that the goods are out: `{"fulfilment":"delivered"}`. */
  readonly saysFulfilled: boolean;
}

/** How much of a shop's answer is kept as evidence. */
const KEPT_ANSWER_CHARS = 1_000;

/**
 * Sends one event to its merchant. The body is the one that was stored with the change; only the timestamp and signature are made
 * afresh (https://www.standardwebhooks.com, section "Signature").
 */
export function createWebhookPost(parts: Parts) {
  const epay = createEpayNotice(parts);

  return async function post(
    payment: Payment,
    event: PaymentEvent,
    tryNo: number,
    signal: AbortSignal,
  ): Promise<Posted> {
    const request = await requestOf(payment, event, tryNo);
    if (request === null) {
      return { outcome: 'failed', why: 'no merchant or address', blames: 'us', saysFulfilled: false };
    }
    const begunAt = parts.clock.now();
    let isBug = false;
    const answer = await parts.sendWebhook(request, signal).catch((thrown: unknown): WebhookAnswer => {
      isBug = true;
      // The sender never throws; should it all the same, the event must still come to its end.
      parts.telemetry.error({ err: thrown }, 'webhook sender threw: a bug');
      return { outcome: 'failed', reason: 'sender_bug' };
    });
    const posted = payment.epay === undefined ? judged(answer, isBug) : judgedForEpay(answer, isBug);
    // A delivery cut short by our own shutdown is no failure of the shop's: it is simply tried again.
    if (signal.aborted && answer.outcome !== 'answered') return { ...posted, outcome: 'cut_short', blames: null };
    const { url } = request;
    keep({ payment, event, tryNo, url: withoutSign(url), answer, why: posted.why, begunAt });
    if (payment.epay !== undefined) epay.note(payment, event, { url, tryNo, answer, outcome: posted.outcome });
    return posted;
  };

  async function requestOf(payment: Payment, event: PaymentEvent, tryNo: number): Promise<WebhookRequest | null> {
    if (payment.epay !== undefined) return epay.requestOf(payment, payment.epay, tryNo);
    const secrets = parts.merchants().byId(payment.merchantId)?.webhookSecrets;
    const url = payment.notifyUrl;
    return secrets === undefined || url === null ? null : standardRequest(url, event, secrets);
  }

  function standardRequest(url: string, event: PaymentEvent, secrets: readonly string[]): WebhookRequest {
    const { timeoutMs, allowPrivateAddresses } = parts.settings().webhooks;
    const at = new Date(parts.clock.now());
    const traceparent = parts.telemetry.trace.traceparent();
    const headers = {
      'content-type': 'application/json',
      'webhook-id': event.id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(event.id, at, event.body)).join(' '),
      // Where a shop's own trace goes on; not part of what is signed, and another one with every delivery.
      ...(traceparent === null ? {} : { traceparent }),
    };
    const allowHttp = parts.settings().allowHttpUrls;
    return { url, headers, body: event.body, timeoutMs, allowPrivateAddresses, allowHttp };
  }

  function keep(sent: {
    readonly payment: Payment;
    readonly event: PaymentEvent;
    readonly tryNo: number;
    readonly url: string;
    readonly answer: WebhookAnswer;
    readonly why: string;
    readonly begunAt: number;
  }): void {
    const { payment, event, tryNo, url, answer, why, begunAt } = sent;
    const at = parts.clock.now();
    const [status, body] = answer.outcome === 'answered' ? [answer.status, answer.body] : [null, null];
    parts.evidence.append({
      ...{ at, kind: 'webhook', paymentId: payment.id, channelId: null, what: event.type, outcome: why },
      details: { eventId: event.id, tryNo, status, durationMs: Math.max(0, at - begunAt) },
      // The address may hold a secret of the shop's, so it is kept where only the master key opens it.
      messages: { url, answer: body?.slice(0, KEPT_ANSWER_CHARS) ?? null },
    });
  }
}

function judged(answer: WebhookAnswer, isBug: boolean): Posted {
  if (answer.outcome !== 'answered') {
    return { outcome: answer.outcome, why: answer.reason, blames: isBug ? 'us' : 'shop', saysFulfilled: false };
  }
  const { status, body } = answer;
  if (status < 200 || status >= 300) {
    return { outcome: 'failed', why: `status ${status}`, blames: 'shop', saysFulfilled: false };
  }
  return { outcome: 'delivered', why: 'delivered', blames: null, saysFulfilled: saysDelivered(body) };
}

/** An address that answers is not down, whatever it says: some shops book without a word, or refuse what they have booked already. */
function judgedForEpay(answer: WebhookAnswer, isBug: boolean): Posted {
  const outcome = judgeEpayAnswer(answer);
  const why = answer.outcome === 'answered' ? `status ${answer.status}` : answer.reason;
  switch (outcome) {
    case 'delivered':
      return { outcome, why: 'delivered', blames: null, saysFulfilled: false };
    case 'unacknowledged':
      return { outcome, why: `${why}, not acknowledged`, blames: null, saysFulfilled: false };
    default:
      return { outcome, why, blames: isBug ? 'us' : 'shop', saysFulfilled: false };
  }
}

/** The shop may report delivery in its answer: `{"fulfilment":"delivered"}` (A5). */
function saysDelivered(body: string): boolean {
  if (body === '') return false;
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === 'object' && answer !== null && 'fulfilment' in answer && answer.fulfilment === 'delivered';
  } catch {
    return false;
  }
}
