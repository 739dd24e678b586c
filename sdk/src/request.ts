import { ApiError, ConnectionError, type ErrorCode } from './errors.ts';

export interface SwitchyardOptions {
  /** For example `https://pay.example`. */
  readonly baseUrl: string;
  /** The merchant's secret key. Keep it on your server. */
  readonly secretKey: string;
  /** For one try, the body included. Default 20 s: a create may go over several channels. */
  readonly timeoutMs?: number;
  /** Tries after the first. Default 2. */
  readonly retries?: number;
  /** A longer `Retry-After` is not waited for: the error comes at once. Default 30 s. */
  readonly retryAfterMaxMs?: number;
}

/** What a program lends: replaced in tests. */
export interface Ports {
  readonly fetch: typeof fetch;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  /** Rejects when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the request may be sent again when nobody knows if it took effect. Where it may not, only refusals that certainly
   * changed nothing are repeated.
   */
  readonly repeatable: boolean;
}

export type SendRequest = <T>(request: ApiRequest) => Promise<T>;

const DEFAULTS = { timeoutMs: 20_000, retries: 2, retryAfterMaxMs: 30_000 };
const BACKOFF_MS = { first: 250, max: 4_000 };
/** The request was not taken: it certainly changed nothing. */
const UNTOUCHED: ReadonlySet<number> = new Set([429, 503]);
const UNCERTAIN: ReadonlySet<number> = new Set([500, 502, 504]);

/** Sends requests, again where that is safe: the same bytes under the same key, so that nothing happens twice. */
export function createSender(options: SwitchyardOptions, ports: Ports): SendRequest {
  const { timeoutMs, retries, retryAfterMaxMs } = { ...DEFAULTS, ...options };
  const baseUrl = options.baseUrl.replace(/\/+$/, '');

  return async function send<T>(request: ApiRequest): Promise<T> {
    const { signal } = request;
    for (let tried = 0; ; tried += 1) {
      signal?.throwIfAborted();
      const outcome = await attempt<T>(request);
      if (outcome.ok) return outcome.value;
      const { error } = outcome;
      const waitMs = error instanceof ApiError ? error.retryAfterMs : null;
      if (tried >= retries || !mayRepeat(error, request) || (waitMs ?? 0) > retryAfterMaxMs) throw error;
      await ports.wait(waitMs ?? backoffMs(tried, ports.random()), signal);
    }
  };

  async function attempt<T>({ method, path, body, idempotencyKey, signal }: ApiRequest): Promise<Attempted<T>> {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await ports.fetch(`${baseUrl}${path}`, {
        method,
        // Another address gets neither the key nor the order.
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        headers: {
          authorization: `Bearer ${options.secretKey}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return response.ok ? read<T>(text) : { ok: false, error: refusalOf(response, text) };
    } catch (thrown) {
      // The caller has given up: that is no fault of the connection.
      signal?.throwIfAborted();
      if (timeout.aborted)
        return { ok: false, error: new ConnectionError('timeout', `no answer within ${timeoutMs} ms`, thrown) };
      return { ok: false, error: new ConnectionError('network', 'the gateway could not be reached', thrown) };
    }
  }
}

type Attempted<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ApiError | ConnectionError };

function read<T>(text: string): Attempted<T> {
  try {
    return { ok: true, value: JSON.parse(text) as T };
  } catch (thrown) {
    return { ok: false, error: new ConnectionError('network', 'the answer is not JSON', thrown) };
  }
}

function mayRepeat(error: ApiError | ConnectionError, { repeatable }: ApiRequest): boolean {
  if (error instanceof ConnectionError) return repeatable;
  // A 503 of a proxy may come after the request went through; only the API's own says that it was not taken.
  if (UNTOUCHED.has(error.status)) return repeatable || error.code !== 'unreadable';
  return UNCERTAIN.has(error.status) && repeatable;
}

/** Twice as long each time, between half of it and all of it, so that clients do not come back together. */
function backoffMs(tried: number, random: number): number {
  return Math.min(BACKOFF_MS.max, BACKOFF_MS.first * 2 ** tried) * (0.5 + random / 2);
}

function refusalOf({ status, headers }: Response, text: string): ApiError {
  const { code = 'unreadable', detail = 'the answer is not one of the API', request_id, errors = [] } = problemIn(text);
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return new ApiError({
    ...{ code, status, detail, errors },
    requestId: request_id ?? headers.get('x-request-id'),
    retryAfterMs: Number.isFinite(seconds) ? Math.max(0, seconds * 1_000) : null,
  });
}

interface ProblemText {
  readonly code?: ErrorCode;
  readonly detail?: string;
  readonly request_id?: string;
  readonly errors?: ApiError['errors'];
}

function problemIn(text: string): ProblemText {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'code' in value ? (value as ProblemText) : {};
  } catch {
    return {};
  }
}
