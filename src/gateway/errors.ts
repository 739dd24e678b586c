/** Every error that leaves the merchant API: its stable code and HTTP status (`api.md`). */
export const API_ERRORS = {
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  validation_failed: 400,
  invalid_json: 400,
  body_too_large: 413,
  idempotency_conflict: 409,
  invalid_state: 409,
  refund_exceeds_amount: 409,
  no_channel_available: 503,
  store_unavailable: 503,
  channel_rejected: 422,
  rate_limited: 429,
  risk_denied: 403,
  internal: 500,
} as const;

export type ApiErrorCode = keyof typeof API_ERRORS;

/** A refusal with its reason and next step in words; nothing has changed unless the detail says so. */
export interface GatewayError {
  readonly code: ApiErrorCode;
  readonly detail: string;
  readonly retryAfterS?: number;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export function gatewayError(code: ApiErrorCode, detail: string, retryAfterS?: number): GatewayError {
  return retryAfterS === undefined ? { code, detail } : { code, detail, retryAfterS };
}
