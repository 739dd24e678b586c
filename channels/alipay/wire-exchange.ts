import type { WireExchange } from '../../src/channel/index.ts';

/** A request as it was handed to the connections. */
export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What went over the wire in one call, as far as it got. */
export interface Exchange {
  readonly signal: AbortSignal;
  /** Null until there is a request. */
  request: SentRequest | null;
  /** A connection was there and the request was being written to it. */
  sent: boolean;
  status: number | null;
  responseHeaders: Readonly<Record<string, string>>;
  readonly chunks: Uint8Array[];
  /** The whole answer has arrived. */
  complete: boolean;
  /** What the connection said when it broke. */
  broken: unknown;
}

export function openExchange(signal: AbortSignal): Exchange {
  return {
    signal,
    request: null,
    sent: false,
    status: null,
    responseHeaders: {},
    chunks: [],
    complete: false,
    broken: null,
  };
}

/** The body as far as it came. */
export function bodyText({ chunks }: Exchange): string {
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The exchange for the evidence log; null when nothing was tried. Alipay's gateway is asked with signatures alone, so there is no
 * secret in a request that would have to be left out.
 */
export function evidenceOf(exchange: Exchange): WireExchange | null {
  const { request, complete } = exchange;
  if (request === null) return null;
  return {
    method: request.method,
    url: request.url,
    requestHeaders: request.headers,
    requestBody: request.body,
    status: complete ? exchange.status : null,
    responseHeaders: exchange.responseHeaders,
    responseBody: complete || exchange.chunks.length > 0 ? bodyText(exchange) : null,
    failure: complete ? null : failureOf(exchange),
  };
}

/** Header lines as text. */
export function textHeaders(
  headers: Readonly<Record<string, string | number | readonly string[] | undefined>>,
): Readonly<Record<string, string>> {
  const lines = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(lines.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : `${value}`]));
}

function failureOf({ signal, broken }: Exchange): string {
  if (signal.aborted) return 'aborted';
  const code = broken instanceof Error && 'code' in broken ? broken.code : null;
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : 'broken';
}
