import { Agent } from 'undici';
import { err, ok, type Result } from '../payment/index.ts';
import type { WireExchange } from './contract.ts';
import { type ChannelError, channelError } from './errors.ts';

const CONNECT_MS_MAX = 5_000;
/** The caller's signal ends a call long before; these only make sure that nothing hangs for ever. */
const SILENCE_MS_MAX = 20_000;
const ANSWER_BYTES_MAX = 1_048_576;
const CONNECTIONS_MAX = 128;

/** One request as it goes out. `path` has its query. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** An answer with its bytes as received, since signatures are made over them. */
export interface IncomingAnswer {
  readonly status: number;
  /** Names in lower case; a header that came twice has two values. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Uint8Array;
}

/** No complete answer. `sent`: bytes may have reached the provider, so it may have acted on them. */
export interface SendFailure {
  readonly sent: boolean;
  readonly timedOut: boolean;
}

export interface HttpTransport {
  /** One request, one try, no redirects. */
  send(request: OutgoingRequest, signal: AbortSignal): Promise<Result<IncomingAnswer, SendFailure>>;
  /** Lets requests under way end first. A second time it waits for the first. */
  dispose(): Promise<void>;
}

/**
 * Kept-alive connections to one origin. Written on undici's dispatch, because only there it is known whether the request
 * went out (`onRequestStart`), which decides between "no order" and "maybe an order".
 * @param record hears of every request that was tried, once, as it went out: a caller whose requests hold secrets cleans them first.
 */
export function openHttpTransport(baseUrl: string, record: (exchange: WireExchange) => void): HttpTransport {
  const { origin } = new URL(baseUrl);
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    connect: { timeout: CONNECT_MS_MAX },
    headersTimeout: SILENCE_MS_MAX,
    bodyTimeout: SILENCE_MS_MAX,
  });
  let closed: Promise<void> | undefined;
  return {
    async send(request, signal) {
      if (signal.aborted) return err({ sent: false, timedOut: true });
      const { outcome, seen } = await exchange(agent, { ...request, origin }, signal);
      // Here and not where the bytes arrive: the recorder goes by the context of the call.
      record(seen);
      return outcome;
    },
    dispose() {
      closed ??= agent.close();
      return closed;
    },
  };
}

/** The error behind no answer at all: certainly nothing happened only if nothing was sent. */
export function errorOfSending(failure: SendFailure): ChannelError {
  if (!failure.sent) return channelError('CHANNEL_UNAVAILABLE', 'no');
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', failure.timedOut ? { reason: 'timeout' } : {});
}

type Addressed = OutgoingRequest & { readonly origin: string };

function exchange(
  agent: Agent,
  request: Addressed,
  signal: AbortSignal,
): Promise<{ readonly outcome: Result<IncomingAnswer, SendFailure>; readonly seen: WireExchange }> {
  return new Promise((resolve) => {
    const answer = openAnswer();
    let sent = false;
    let isSettled = false;
    let stop: ((reason: Error) => void) | undefined;
    const settle = (outcome: Result<IncomingAnswer, SendFailure>, failure: string | null) => {
      if (isSettled) return; // what comes after an abort changes nothing any more
      isSettled = true;
      signal.removeEventListener('abort', onAbort);
      resolve({ outcome, seen: asText(request, answer.soFar(), failure) });
    };
    const onAbort = () => {
      settle(err({ sent, timedOut: true }), 'aborted');
      stop?.(new Error('channel: aborted by the caller'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const { origin, path, method, headers, body } = request;
    agent.dispatch(
      { origin, path, method, headers, body },
      {
        onRequestStart(controller) {
          stop = (reason) => controller.abort(reason);
          if (signal.aborted) return stop(new Error('channel: aborted before anything was sent'));
          sent = true;
        },
        onResponseStart: (_controller, status, received) => answer.start(status, received),
        onResponseData(controller, chunk) {
          if (!answer.take(chunk))
            controller.abort(Object.assign(new Error('channel: answer too long'), { code: 'ANSWER_TOO_LONG' }));
        },
        onResponseEnd: () => settle(ok(answer.soFar()), null),
        onResponseError: (_controller, error) => settle(err({ sent, timedOut: isTimeout(error) }), wordFor(error)),
      },
    );
  });
}

/** Collects an answer; `take` is false once it is longer than any real one. */
function openAnswer() {
  let status = 0;
  let headers: IncomingAnswer['headers'] = new Map();
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    start(statusCode: number, received: Record<string, string | string[] | undefined>): void {
      status = statusCode;
      headers = headersOf(received);
    },
    take(chunk: Buffer): boolean {
      bytes += chunk.length;
      if (bytes <= ANSWER_BYTES_MAX) chunks.push(chunk);
      return bytes <= ANSWER_BYTES_MAX;
    },
    soFar: (): IncomingAnswer => ({ status, headers, body: Buffer.concat(chunks) }),
  };
}

function asText(request: Addressed, answer: IncomingAnswer, failure: string | null): WireExchange {
  const hasAnswer = answer.status !== 0;
  return {
    method: request.method,
    url: request.origin + request.path,
    requestHeaders: request.headers,
    requestBody: request.body ?? '',
    status: failure === null ? answer.status : null,
    responseHeaders: Object.fromEntries([...answer.headers].map(([name, values]) => [name, values.join(', ')])),
    responseBody: hasAnswer ? Buffer.from(answer.body).toString('utf8') : null,
    failure,
  };
}

function headersOf(received: Record<string, string | string[] | undefined>): IncomingAnswer['headers'] {
  const headers = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined) headers.set(name.toLowerCase(), typeof value === 'string' ? [value] : value);
  }
  return headers;
}

function isTimeout(error: Error): boolean {
  return codeOf(error)?.endsWith('_TIMEOUT') ?? false;
}

/** The error's code, since messages can hold anything. */
function wordFor(error: Error): string {
  return codeOf(error)?.toLowerCase() ?? 'broken';
}

function codeOf(error: Error): string | null {
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}
