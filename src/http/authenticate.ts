import type { IncomingMessage } from 'node:http';
import type { Merchant } from '../gateway/index.ts';
import { err, ok, type Result } from '../payment/index.ts';
import type { EdgeContext, PublicAppParts } from './context.ts';
import { singleHeader } from './headers.ts';
import type { EdgeError } from './problem.ts';
import { type Reply, sendJson, sendProblem } from './respond.ts';

const MINUTE_MS = 60_000;
const BEARER = /^Bearer +([\x21-\x7e]{1,256})$/i;

/** One endpoint of the merchant API: what it answers is a value, who asks is certain. */
export type MerchantEndpoint = (ctx: EdgeContext, merchant: Merchant) => Promise<Result<Reply, EdgeError>>;

/**
 * Wraps an endpoint of the merchant API: finds out who asks, before anything of the request is read, and keeps to the
 * merchant's rate.
 */
export function forMerchant(parts: Pick<PublicAppParts, 'merchants' | 'ephemeral'>, endpoint: MerchantEndpoint) {
  return async (ctx: EdgeContext): Promise<void> => {
    const merchant = identify(parts, ctx.req);
    if (!merchant.ok) return sendProblem(ctx, merchant.error);
    ctx.state.merchantId = merchant.value.id;
    const refused = await overRate(parts, merchant.value);
    if (refused) return sendProblem(ctx, refused);
    const answer = await endpoint(ctx, merchant.value);
    if (answer.ok) sendJson(ctx, answer.value);
    else sendProblem(ctx, answer.error);
  };
}

function identify(parts: Pick<PublicAppParts, 'merchants'>, request: IncomingMessage): Result<Merchant, EdgeError> {
  const header = singleHeader(request, 'authorization');
  if (header.kind === 'absent') return err(unauthorized('Send Authorization: Bearer <secret key>.'));
  if (header.kind === 'repeated') return err(unauthorized('Authorization was sent more than once.'));
  const key = BEARER.exec(header.value.trim())?.[1];
  if (key === undefined) return err(unauthorized('Authorization must read Bearer <secret key>.'));
  const merchant = parts.merchants.bySecretKey(key);
  if (!merchant) return err(unauthorized('This secret key belongs to no merchant.'));
  return merchant.enabled ? ok(merchant) : err({ code: 'forbidden', detail: 'This merchant is disabled.' });
}

async function overRate(parts: Pick<PublicAppParts, 'ephemeral'>, merchant: Merchant): Promise<EdgeError | null> {
  const { perMinute } = merchant.limits;
  if (perMinute === null) return null;
  // A counter that cannot be reached must not stop payments.
  const hit = await parts.ephemeral.hit(`api/${merchant.id}`, perMinute, MINUTE_MS).catch(() => null);
  if (hit === null || hit.allowed) return null;
  return {
    code: 'rate_limited',
    detail: `This merchant may send ${perMinute} requests a minute.`,
    retryAfterS: hit.retryAfterMs / 1_000,
  };
}

function unauthorized(detail: string): EdgeError {
  return { code: 'unauthorized', detail };
}
