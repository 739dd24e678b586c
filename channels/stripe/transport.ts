import { Agent, request } from 'undici';
import type { WireExchange } from '../../src/channel/index.ts';

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

type Asked = Pick<WireExchange, 'method' | 'url' | 'requestHeaders' | 'requestBody'>;
type Got = Pick<WireExchange, 'status' | 'responseHeaders' | 'responseBody'>;

/**
 * One keep-alive pool to `baseUrl`: one attempt per request, no redirects (the key must not travel on), capped answers.
 * Each request that was tried goes to `record` once, with the key still in it.
 */
export function openTransport(baseUrl: string, record: (exchange: WireExchange) => void): Transport {
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
      const asked: Asked = {
        method: init.method === 'POST' ? 'POST' : init.method === 'DELETE' ? 'DELETE' : 'GET',
        url: `${baseUrl}${pathname}${search}`,
        requestHeaders: Object.fromEntries(new Headers(init.headers)),
        requestBody: typeof init.body === 'string' ? init.body : '',
      };
      const { got, failure } = await exchange(agent, asked, ended);
      record({ ...asked, ...got, failure: failure === null ? null : wordFor(failure) });
      if (failure !== null) throw failure;
      return asResponse(got);
    },
    close: () => agent.destroy(),
  };
}

/** Sends once. Never throws: what came of an answer that broke off is evidence too. */
async function exchange(
  agent: Agent,
  { method, url, requestHeaders, requestBody }: Asked,
  signal: AbortSignal,
): Promise<{ readonly got: Got; readonly failure: TransportFailure | null }> {
  const chunks: Uint8Array[] = [];
  let responseHeaders: Readonly<Record<string, string>> = {};
  try {
    const body = method === 'POST' ? requestBody : null;
    const answer = await request(url, { dispatcher: agent, method, headers: requestHeaders, body, signal });
    responseHeaders = flatten(answer.headers);
    for await (const chunk of answer.body) chunks.push(chunk);
    return { got: { status: answer.statusCode, responseHeaders, responseBody: textOf(chunks) }, failure: null };
  } catch (error) {
    const responseBody = chunks.length === 0 ? null : textOf(chunks);
    return { got: { status: null, responseHeaders, responseBody }, failure: toFailure(error, signal) };
  }
}

/** Lets only JSON objects through: the SDK chokes on other JSON in a way that no caller can catch. */
function asResponse({ status, responseHeaders, responseBody }: Got): Response {
  if (status === null || responseBody === null || !isJsonObject(responseBody)) {
    throw new TransportFailure({ sent: true, timedOut: false, providerCode: `http_${status}` });
  }
  const headers = new Headers();
  for (const name of ['request-id', 'idempotent-replayed']) {
    const value = responseHeaders[name];
    if (value !== undefined) headers.set(name, value);
  }
  return new Response(responseBody, { status, headers });
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
  const providerCode = codeOf(error);
  const sent = providerCode === null || !BEFORE_SENDING.test(providerCode);
  // After our own abort any code may come up, and none of them proves that nothing was sent.
  return new TransportFailure({ sent: sent || ended.aborted, timedOut: ended.aborted, providerCode });
}

function wordFor({ timedOut, providerCode }: TransportFailure): string {
  return timedOut ? 'aborted' : (providerCode ?? 'broken').toLowerCase();
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const present = Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] => entry[1] !== undefined,
  );
  return Object.fromEntries(
    present.map(([name, value]) => [name, typeof value === 'string' ? value : value.join(', ')]),
  );
}

function textOf(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return error.code;
}
