import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent, type Dispatcher, Dispatcher1Wrapper } from 'undici';
import type { AdapterPorts } from '../../src/channel/index.ts';
import { type Exchange, evidenceOf, openExchange, type SentRequest, textHeaders } from './wire-exchange.ts';

const CONNECTIONS_MAX = 128;
const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 256 * 1024;

/** How the SDK's promise ended. What went wrong on the wire is read from the exchange, not from its many kinds of error. */
export type Outcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'aborted' };

/** The connections under the SDK. */
export interface Transport {
  /** For the SDK's option `proxyAgent`. */
  readonly dispatcher: Dispatcher;
  /** Runs one SDK call and sees what it does on the wire. An abort ends it there and is answered at once. */
  run(signal: AbortSignal, work: () => Promise<unknown>): Promise<{ exchange: Exchange; outcome: Outcome }>;
  /** Lets calls that somebody still waits for end first. */
  close(): Promise<void>;
}

/**
 * Keep-alive connections that mend what alipay-sdk 4.14.0 has no option for (`channels.md` 1.8): it has no abort signal, does
 * not say whether a failed request had left the machine, and its urllib silently sends a POST again after a reset and follows
 * redirects. Here an abort reaches the socket, and one call is one request, which `record` is told of when its outcome is known.
 */
export function openTransport(record: AdapterPorts['record']): Transport {
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    maxResponseSize: ANSWER_BYTES_MAX,
  });
  const current = new AsyncLocalStorage<{ exchange: Exchange | null }>();
  const running = new Set<Promise<Outcome>>();
  const once = agent.compose((dispatch) => (options, handler) => {
    const call = current.getStore();
    if (!call?.exchange) throw new Error('alipay: one call is one request; this further one was refused');
    const exchange = call.exchange;
    call.exchange = null;
    exchange.request = requestOf(options);
    return dispatch(plain(options), recording(exchange, handler));
  });
  return {
    // urllib brings undici 7, which talks to a dispatcher of undici 8 in the older handlers.
    dispatcher: new Dispatcher1Wrapper(once),
    async run(signal, work) {
      const exchange = openExchange(signal);
      const ending = endOf(current.run({ exchange }, work), signal);
      running.add(ending);
      const outcome = await ending;
      running.delete(ending);
      // Here and not where the bytes arrive: the recorder goes by the context of the call.
      const evidence = evidenceOf(exchange);
      if (evidence !== null) record(evidence);
      return { exchange, outcome };
    },
    async close() {
      await Promise.all(running);
      await agent.destroy();
    },
  };
}

/** Never rejects. */
async function endOf(work: Promise<unknown>, signal: AbortSignal): Promise<Outcome> {
  const { promise: aborted, resolve } = Promise.withResolvers<Outcome>();
  const onAbort = (): void => resolve({ kind: 'aborted' });
  signal.addEventListener('abort', onAbort, { once: true });
  const settled = work.then(
    (): Outcome => ({ kind: 'accepted' }),
    (error: unknown): Outcome => ({ kind: 'failed', error }),
  );
  try {
    return await Promise.race([settled, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** urllib hands over its headers as an object and a form as text. */
function requestOf({ method, origin, path, headers, body }: Dispatcher.DispatchOptions): SentRequest {
  const named = headers && !Array.isArray(headers) && !(Symbol.iterator in headers) ? headers : {};
  return {
    method,
    url: `${origin ?? ''}${path}`,
    headers: textHeaders(named),
    body: typeof body === 'string' ? body : '',
  };
}

/** undici 7 names the dispatcher in its options; undici 8 refuses an order that does. */
function plain(options: Dispatcher.DispatchOptions & { readonly dispatcher?: unknown }): Dispatcher.DispatchOptions {
  const { dispatcher: _named, ...rest } = options;
  return rest;
}

function recording(exchange: Exchange, handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  const { signal } = exchange;
  let stop = (): void => {};
  return {
    onRequestStart(controller, context) {
      stop = () => controller.abort(new Error('alipay: the caller gave up'));
      handler.onRequestStart?.(controller, context);
      // Given up while it was waiting for a connection: not a byte goes out.
      if (signal.aborted) return stop();
      exchange.sent = true;
      signal.addEventListener('abort', stop, { once: true });
    },
    onResponseStart(controller, status, headers, message) {
      exchange.status = status;
      exchange.responseHeaders = textHeaders(headers);
      handler.onResponseStart?.(controller, status, headers, message);
    },
    onResponseData(controller, chunk) {
      exchange.chunks.push(chunk);
      handler.onResponseData?.(controller, chunk);
    },
    onResponseEnd(controller, trailers) {
      signal.removeEventListener('abort', stop);
      exchange.complete = true;
      handler.onResponseEnd?.(controller, trailers);
    },
    onResponseError(controller, error) {
      signal.removeEventListener('abort', stop);
      exchange.broken = error;
      handler.onResponseError?.(controller, error);
    },
  };
}
