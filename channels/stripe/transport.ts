import { Agent, request } from 'undici';

const CONNECT_TIMEOUT_MS = 3_000;
/** A page of a hundred Sessions is about half a megabyte. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const CONNECTIONS_MAX = 64;

/** Failures that come before the first byte of a request could leave this machine. */
const BEFORE_SENDING =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_SSL_.+|ERR_TLS_.+|CERT_.+|UNABLE_TO_.+|.*SELF_SIGNED_CERT.*|HOSTNAME_MISMATCH)$/;

/**
 * Why a request got no readable answer. It carries no `code` property, because the SDK repeats a request on some of those
 * even with its retries turned off.
 */
export class TransportFailure extends Error {
  override readonly name = 'TransportFailure';
  /** False only when certainly nothing reached the provider. */
  readonly sent: boolean;
  /** Our own signal ended it. */
  readonly timedOut: boolean;
  readonly providerCode: string | null;

  constructor(what: { sent: boolean; timedOut: boolean; providerCode: string | null }) {
    super(`stripe: no readable answer (${what.providerCode ?? 'aborted'})`);
    this.sent = what.sent;
    this.timedOut = what.timedOut;
    this.providerCode = what.providerCode;
  }
}

export interface Transport {
  /** The `fetch` that the SDK is given. It ends when the SDK's signal or that of the call ends it. */
  fetch(url: string, init: RequestInit, signal: AbortSignal): Promise<Response>;
  close(): Promise<void>;
}

/** One keep-alive pool to `baseUrl`: one attempt per request, no redirects (the key must not travel on), capped answers. */
export function openTransport(baseUrl: string): Transport {
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    maxResponseSize: ANSWER_BYTES_MAX,
  });
  return {
    async fetch(url, init, signal) {
      const { pathname, search } = new URL(url);
      const ended = init.signal ? AbortSignal.any([signal, init.signal]) : signal;
      if (ended.aborted) throw new TransportFailure({ sent: false, timedOut: true, providerCode: null });
      try {
        const answer = await request(`${baseUrl}${pathname}${search}`, {
          dispatcher: agent,
          method: init.method === 'POST' ? 'POST' : init.method === 'DELETE' ? 'DELETE' : 'GET',
          headers: Object.fromEntries(new Headers(init.headers)),
          body: typeof init.body === 'string' ? init.body : null,
          signal: ended,
        });
        return asResponse(answer.statusCode, answer.headers, await answer.body.text());
      } catch (error) {
        throw toFailure(error, ended);
      }
    },
    close: () => agent.destroy(),
  };
}

/** Lets only JSON objects through: the SDK chokes on other JSON in a way that no caller can catch. */
function asResponse(status: number, received: Record<string, string | string[] | undefined>, text: string): Response {
  if (!isJsonObject(text)) throw new TransportFailure({ sent: true, timedOut: false, providerCode: `http_${status}` });
  const headers = new Headers();
  for (const name of ['request-id', 'idempotent-replayed']) {
    const value = received[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  return new Response(text, { status, headers });
}

function isJsonObject(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

function toFailure(error: unknown, ended: AbortSignal): TransportFailure {
  if (error instanceof TransportFailure) return error;
  const providerCode = codeOf(error);
  const sent = providerCode === null || !BEFORE_SENDING.test(providerCode);
  // After our own abort any code may come up, and none of them proves that nothing was sent.
  return new TransportFailure({ sent: sent || ended.aborted, timedOut: ended.aborted, providerCode });
}

function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return error.code;
}
