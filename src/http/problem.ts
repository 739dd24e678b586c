import { API_ERRORS, type GatewayError } from '../gateway/index.ts';
import { PROBLEMS, type ProblemCode } from './problem-list.ts';

/** One wrong field. `path` as in `customer.email` or `methods[1]`; `(body)` for the document as a whole. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** A refusal by the edge itself. */
export type EdgeError = Omit<GatewayError, 'code'> & { readonly code: ProblemCode };

/** How long a caller should wait when the refusal itself does not say. Seconds. */
const RETRY_AFTER_DEFAULT_S: Partial<Record<ProblemCode, number>> = {
  ...{ no_channel_available: 5, store_unavailable: 5, rate_limited: 60 },
};

export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The document of RFC 9457. */
  readonly body: string;
}

/** Renders a refusal as `application/problem+json` (RFC 9457) with the members of `api.md`. */
export function problemOf(error: EdgeError, requestId: string): Problem {
  const status = statusOf(error.code);
  const headers: Record<string, string> = { 'Content-Type': 'application/problem+json; charset=utf-8' };
  const retryAfterS = error.retryAfterS ?? RETRY_AFTER_DEFAULT_S[error.code];
  if (retryAfterS !== undefined) headers['Retry-After'] = String(Math.max(1, Math.ceil(retryAfterS)));
  if (error.code === 'unauthorized') headers['WWW-Authenticate'] = 'Bearer realm="switchyard"';
  const body = JSON.stringify({
    type: `urn:switchyard:error:${error.code}`,
    title: PROBLEMS[error.code].title,
    status,
    code: error.code,
    detail: error.detail,
    request_id: requestId,
    ...(error.errors === undefined ? {} : { errors: error.errors }),
  });
  return { status, headers, body };
}

export function statusOf(code: ProblemCode): number {
  return code === 'method_not_allowed' ? 405 : API_ERRORS[code];
}

export function validationFailed(errors: readonly FieldError[]): EdgeError {
  const first = errors[0];
  const detail = first === undefined ? 'The request is not valid.' : `${first.path}: ${first.message}`;
  return { code: 'validation_failed', detail, errors };
}
