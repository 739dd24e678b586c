import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent, type Dispatcher, Dispatcher1Wrapper } from 'undici';

const CONNECTIONS_MAX = 128;
const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 256 * 1024;

/** What went over the wire in one call, as far as it got. */
export interface Exchange {
  readonly signal: AbortSignal;
  /** A connection was there and the request was being written to it. */
  sent: boolean;
  status: number | null;
  readonly chunks: Uint8Array[];
  /** The whole answer has arrived. */
  complete: boolean;
}

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
 * redirects. Here an abort reaches the socket, the exchange is recorded, and one call is one request.
 */
export function openTransport(): Transport {
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
    return dispatch(plain(options), recording(exchange, handler));
  });
  return {
    // urllib brings undici 7, which talks to a dispatcher of undici 8 in the older handlers.
    dispatcher: new Dispatcher1Wrapper(once),
    async run(signal, work) {
      const exchange: Exchange = { signal, sent: false, status: null, chunks: [], complete: false };
      const ending = endOf(current.run({ exchange }, work), signal);
      running.add(ending);
      const outcome = await ending;
      running.delete(ending);
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
      handler.onResponseError?.(controller, error);
    },
  };
}
