import type { Problem } from './types.ts';

/** `unreadable`: whatever answered was not the API (a proxy's page). New codes may come; treat them by `status`. */
export type ErrorCode = Problem['code'] | 'unreadable';

interface Refusal {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string | null;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** What `Retry-After` said, null when it said nothing. */
  readonly retryAfterMs: number | null;
}

/** The API refused. Nothing has changed, but for `internal` and `unreadable`, where what was asked for may have been done. */
export class ApiError extends Error implements Refusal {
  override readonly name = 'ApiError';
  /** Stable: branch on it. */
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string;
  /** Name it when you ask the operator. */
  readonly requestId: string | null;
  /** Every wrong field, for `validation_failed`. */
  readonly errors: Refusal['errors'];
  readonly retryAfterMs: number | null;

  constructor({ code, status, detail, requestId, errors, retryAfterMs }: Refusal) {
    super(`${code} (${status}): ${detail}`);
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.requestId = requestId;
    this.errors = errors;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer that could be read. What was asked for may have been done: send the same request again, or look. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly reason: 'timeout' | 'network';

  constructor(reason: 'timeout' | 'network', message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** Do not believe this webhook; answer 400. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
  readonly reason: 'headers' | 'time' | 'signature' | 'body';

  constructor(reason: WebhookError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}
