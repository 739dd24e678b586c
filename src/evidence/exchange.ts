import type { WireExchange } from '../channel/index.ts';
import type { EpochMs } from '../payment/index.ts';
import type { CallSubject, EvidenceEntry } from './port.ts';

/** The call that an adapter makes now. */
export interface OngoingCall {
  readonly subject: CallSubject;
  /** When it began, or when its last request was answered. */
  since: EpochMs;
}

/** One request of an adapter as an entry of its call; `call` is null when it was made outside of any. */
export function entryOfExchange(exchange: WireExchange, call: OngoingCall | null, at: EpochMs): EvidenceEntry {
  const { method, url, requestHeaders, requestBody, status, responseHeaders, responseBody, failure } = exchange;
  const subject = call?.subject ?? null;
  return {
    at,
    kind: 'call',
    paymentId: subject?.paymentId ?? null,
    channelId: subject?.channelId ?? null,
    what: subject?.operation ?? 'request',
    outcome: failure ?? String(status),
    details: { request: `${method} ${withoutQuery(url)}`, durationMs: call ? at - call.since : null },
    messages: {
      request: { method, url, headers: requestHeaders, body: requestBody },
      response: { status, failure, headers: responseHeaders, body: responseBody },
    },
  };
}

/** Queries carry signatures and buyers' words; in the open there is only where a request went. */
function withoutQuery(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? '';
}
