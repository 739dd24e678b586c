import { Agent, request } from 'undici';
import type { WireExchange } from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** The caller's signal ends a call long before; these only make sure that nothing hangs for ever. */
const SILENCE_MS_MAX = 60_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
const CONNECTIONS_MAX = 64;

/** Failures that come before the first byte of a request could leave this machine. */
const BEFORE_SENDING =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_SSL_.+|ERR_TLS_.+|CERT_.+|UNABLE_TO_.+|.*SELF_SIGNED_CERT.*|HOSTNAME_MISMATCH)$/;

export interface Asked {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** No whole answer. `sent`: bytes may have reached PayPal, so it may have acted on them. */
export interface SendFailure {
  readonly sent: boolean;
  readonly timedOut: boolean;
  readonly code: string;
}

export interface Transport {
  /** One request, one try, no redirects. */
  send(asked: Asked, signal: AbortSignal): Promise<Result<Answer, SendFailure>>;
  close(): Promise<void>;
}

/** Kept-alive connections. Each request that was tried goes to `record` once, as it was, with the keys still in it. */
export function openTransport(record: (exchange: WireExchange) => void): Transport {
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: SILENCE_MS_MAX,
    bodyTimeout: SILENCE_MS_MAX,
    maxResponseSize: ANSWER_BYTES_MAX,
  });
  return {
    async send(asked, signal) {
      if (signal.aborted) return err({ sent: false, timedOut: true, code: 'aborted' });
      const { method, url, headers, body: requestBody } = asked;
      const seen = { method, url, requestHeaders: headers, requestBody };
      const received: Uint8Array[] = [];
      const text = () => Buffer.concat(received).toString('utf8');
      let responseHeaders: Readonly<Record<string, string>> = {};
      try {
        const body = method === 'POST' ? requestBody : null;
        const answer = await request(url, { dispatcher: agent, method, headers, body, signal });
        responseHeaders = flat(answer.headers);
        for await (const chunk of answer.body) received.push(chunk);
        record({ ...seen, status: answer.statusCode, responseHeaders, responseBody: text(), failure: null });
        return ok({ status: answer.statusCode, text: text() });
      } catch (thrown) {
        const failure = failureOf(thrown, signal);
        const responseBody = received.length === 0 ? null : text();
        record({ ...seen, status: null, responseHeaders, responseBody, failure: failure.code });
        return err(failure);
      }
    },
    close: () => agent.destroy(),
  };
}

function failureOf(thrown: unknown, { aborted }: AbortSignal): SendFailure {
  // After our own abort any code may come up, and none of them proves that nothing was sent.
  if (aborted) return { sent: true, timedOut: true, code: 'aborted' };
  const code = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'broken';
  return { sent: !BEFORE_SENDING.test(code), timedOut: code.endsWith('_TIMEOUT'), code: code.toLowerCase() };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
