import type { Router } from '@koa/router';
import { aboveLimit, candidateView } from '../gateway/index.ts';
import { err, ok } from '../payment/index.ts';
import { forMerchant } from './authenticate.ts';
import type { PublicAppParts, RequestState } from './context.ts';
import { readJson } from './json-body.ts';
import { parseQuote } from './order.ts';

/** `POST /v1/routing/quote`: what would be chosen now and what it would cost. Creates nothing. */
export function addQuoteRoute(router: Router<RequestState>, parts: PublicAppParts): void {
  router.post(
    '/v1/routing/quote',
    forMerchant(parts, async (ctx, merchant) => {
      const body = await readJson(ctx.req);
      if (!body.ok) return body;
      const request = parseQuote(body.value, parts.settings().allowHttpUrls);
      if (!request.ok) return request;
      // As a create would be: a quote must not promise what the next call refuses.
      const above = aboveLimit(merchant, request.value.amount.minor);
      if (above !== null) return err(above);
      const quote = await parts.gateway.quote(merchant, request.value);
      const { channelId, candidates, omitted } = quote;
      const answer = { channel: channelId, candidates: candidates.map(candidateView), ...(omitted > 0 && { omitted }) };
      return ok({ status: 200, body: answer });
    }),
  );
}
