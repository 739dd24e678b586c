/** What an API call comes to, before headers. */
export interface Reply {
  readonly status: number;
  readonly json: unknown;
  /** Stripe keeps an answer under its idempotency key once execution has begun; refused parameters never get that far. */
  readonly executed: boolean;
}

export function done(json: unknown): Reply {
  return { status: 200, json, executed: true };
}

/** @see https://docs.stripe.com/api/errors */
export function refuse(
  status: number,
  error: { type: string; message: string; code?: string; param?: string; [more: string]: unknown },
  executed = false,
): Reply {
  return { status, json: { error }, executed };
}

export function invalid(message: string, param?: string, code?: string): Reply {
  return refuse(400, {
    type: 'invalid_request_error',
    message,
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  });
}

export function missing(what: string, id: string, param: string): Reply {
  const message = `No such ${what}: '${id}'`;
  return refuse(404, { type: 'invalid_request_error', code: 'resource_missing', message, param });
}
