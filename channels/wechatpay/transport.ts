import { Agent } from 'undici';
import { err, ok, type Result } from '../../src/payment/index.ts';
import type { SignedRequest } from './sign.ts';
import type { Headers } from './signature.ts';

const CONNECT_MS_MAX = 5_000;
/** The caller's signal ends a call long before; these only make sure that nothing hangs for ever. */
const SILENCE_MS_MAX = 20_000;
const ANSWER_BYTES_MAX = 1_048_576;
const CONNECTIONS_MAX = 64;

/** An answer with its bytes as received, since signatures are made over them. */
export interface Exchange {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** No complete answer. `sent`: bytes may have reached the provider, so it may have acted on them. */
export interface SendFailure {
  readonly sent: boolean;
  readonly timedOut: boolean;
}

export interface Transport {
  /** One request, one try, no redirects. */
  send(request: SignedRequest, signal: AbortSignal): Promise<Result<Exchange, SendFailure>>;
  dispose(): Promise<void>;
}

/**
 * Kept-alive connections to one origin. Written on undici's dispatch, because only there it is known whether the request
 * went out (`onRequestStart`), which decides between "no order" and "maybe an order".
 */
export function openTransport(baseUrl: string): Transport {
  const { origin } = new URL(baseUrl);
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    connect: { timeout: CONNECT_MS_MAX },
    headersTimeout: SILENCE_MS_MAX,
    bodyTimeout: SILENCE_MS_MAX,
  });
  return {
    send: (request, signal) => exchange(agent, origin, request, signal),
    dispose: () => agent.close(),
  };
}

function exchange(
  agent: Agent,
  origin: string,
  request: SignedRequest,
  signal: AbortSignal,
): Promise<Result<Exchange, SendFailure>> {
  return new Promise((resolve) => {
    let sent = false;
    let stop: ((reason: Error) => void) | undefined;
    let status = 0;
    let headers: Headers = new Map();
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (outcome: Result<Exchange, SendFailure>) => {
      signal.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const onAbort = () => {
      settle(err({ sent, timedOut: true }));
      stop?.(new Error('wechatpay: aborted by the caller'));
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    agent.dispatch(
      { origin, path: request.path, method: request.method, headers: request.headers, body: request.body },
      {
        onRequestStart(controller) {
          stop = (reason) => controller.abort(reason);
          if (signal.aborted) return stop(new Error('wechatpay: aborted before anything was sent'));
          sent = true;
        },
        onResponseStart(_controller, statusCode, received) {
          status = statusCode;
          headers = headersOf(received);
        },
        onResponseData(controller, chunk) {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) controller.abort(new Error('wechatpay: answer too long'));
          else chunks.push(chunk);
        },
        onResponseEnd: () => settle(ok({ status, headers, body: Buffer.concat(chunks) })),
        onResponseError: (_controller, error) => settle(err({ sent, timedOut: isTimeout(error) })),
      },
    );
  });
}

function headersOf(received: Record<string, string | string[] | undefined>): Headers {
  const headers = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined) headers.set(name.toLowerCase(), typeof value === 'string' ? [value] : value);
  }
  return headers;
}

function isTimeout(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && error.code.endsWith('_TIMEOUT');
}
