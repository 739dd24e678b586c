import { err, ok, type Result } from '../payment/index.ts';
import type { EdgeContext } from './context.ts';
import { singleHeader } from './headers.ts';
import { type EdgeError, validationFailed } from './problem.ts';

export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** The request's `Idempotency-Key`, null when there is none. A repeated header is refused: proxies join them in different ways. */
export function idempotencyKey(ctx: EdgeContext): Result<string | null, EdgeError> {
  const header = singleHeader(ctx.req, 'idempotency-key');
  if (header.kind === 'absent') return ok(null);
  if (header.kind === 'repeated') return err(badKey('was sent more than once'));
  const key = header.value.trim();
  return IDEMPOTENCY_KEY.test(key) ? ok(key) : err(badKey('must be 1-255 visible ASCII characters'));
}

function badKey(message: string): EdgeError {
  return validationFailed([{ path: 'Idempotency-Key', message }]);
}
