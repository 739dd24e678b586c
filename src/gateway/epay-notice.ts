import {
  isAcknowledged,
  lookOfAnswer,
  noticeFields,
  ownQuery,
  secretsIn,
  shownAnswer,
  signed,
  withoutSign,
  withParameters,
} from '../epay/index.ts';
import type { EpayTerms, Payment, PaymentEvent } from '../payment/index.ts';
import { epaySigner } from './epay-signer.ts';
import type { Parts } from './parts.ts';
import type { WebhookAnswer, WebhookRequest } from './ports.ts';

/** How much of a shop's answer an operator is shown. */
const SHOWN_CHARS = 200;
/** Firewalls in front of shops turn unknown programs away. */
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** Tells shops of paid orders by the epay protocol: a GET with everything in the query, signed anew each time. */
export function createEpayNotice(parts: Parts) {
  const signer = epaySigner(parts);

  /** The request of one try; null when there is nobody to sign for, or nothing to tell. */
  async function requestOf(payment: Payment, terms: EpayTerms, tryNo: number): Promise<WebhookRequest | null> {
    const signs = await signer.of(payment.merchantId, terms);
    // A fragment never leaves the one who calls: behind it everything would stay here.
    const url = payment.notifyUrl?.replace(/#.*$/, '') ?? null;
    if (signs === null || url === null) return null;
    const { timeoutMs, allowPrivateAddresses } = parts.settings().webhooks;
    const fields = noticeFields(payment, terms, parts.clock.now());
    const account = parts.merchants().byId(payment.merchantId)?.epay;
    return {
      method: 'GET',
      url: withParameters(url, coversOwnQuery(url, tryNo) ? signedOverAll(url, fields, signs) : signed(fields, signs)),
      headers: { 'user-agent': USER_AGENT, accept: '*/*' },
      body: '',
      ...{ timeoutMs, allowPrivateAddresses, allowHttp: true, followsToHttps: true },
      ...(account?.tlsVerify === false ? { verifyTls: false } : {}),
    };
  }

  /** What was said, for whoever looks for the reason why a shop does not take it. */
  function note(
    payment: Payment,
    event: PaymentEvent,
    sent: { readonly url: string; readonly tryNo: number; readonly answer: WebhookAnswer; readonly outcome: string },
  ): void {
    const { url, tryNo, answer, outcome } = sent;
    const said = { at: parts.clock.now(), eventId: event.id, tryNo, url: withoutSign(url), outcome };
    if (answer.outcome !== 'answered') {
      parts.epayRecord.notice(payment.merchantId, { ...said, status: null, answer: answer.reason, look: null });
      return;
    }
    const { status, body, location } = answer;
    const secrets = secretsIn(url, parts.merchants().byId(payment.merchantId)?.epay?.keys ?? []);
    parts.epayRecord.notice(payment.merchantId, {
      ...{ ...said, status, answer: shownAnswer(body, secrets, SHOWN_CHARS), look: lookOfAnswer(answer) },
      ...(location === undefined ? {} : { location }),
    });
  }

  return { requestOf, note };
}

/**
 * Some shops verify over what their own address has in its query, most do not. It is tried without first; of the tries after it every
 * second one covers both.
 */
function coversOwnQuery(url: string, tryNo: number): boolean {
  return tryNo % 2 === 0 && ownQuery(url).length > 0;
}

function signedOverAll(url: string, fields: ReturnType<typeof noticeFields>, signs: Parameters<typeof signed>[1]) {
  const own = ownQuery(url);
  // What the address already says is not sent twice.
  return signed([...own, ...fields], signs).slice(own.length);
}

/** What an answer of a shop says. Whoever answers without the word may well have taken it, and refuses a repeat. */
export function judgeEpayAnswer(answer: WebhookAnswer): 'delivered' | 'unacknowledged' | 'failed' | 'refused' {
  if (answer.outcome !== 'answered') return answer.outcome;
  if (isAcknowledged(answer.status, answer.body)) return 'delivered';
  return answer.status < 500 ? 'unacknowledged' : 'failed';
}
