import type { Router } from '@koa/router';
import type { EdgeContext, PublicAppParts, RequestState } from './context.ts';
import { headersAsSent } from './headers.ts';
import { BODY_BYTES_MAX, readBody } from './read-body.ts';
import { sendText } from './respond.ts';

/**
 * Where providers call back. The edge only collects what arrived, byte for byte; the channel verifies it and words the answer.
 * Nothing here may answer a provider's word of success.
 */
export function addCallbackRoutes(router: Router<RequestState>, parts: PublicAppParts): void {
  const receive = async (ctx: EdgeContext): Promise<void> => {
    // A GET route serves HEAD too; no provider asks like that, and a callback takes effect.
    if (ctx.method === 'HEAD') {
      ctx.set('Allow', 'GET, POST');
      return sendText(ctx, 405, 'method not allowed');
    }
    const { channel = '', token = null } = ctx.params;
    const body = await readBody(ctx.req);
    if (!body.ok) {
      parts.gateway.noteUnreadableCallback(channel);
      if (body.error === 'aborted') return sendText(ctx, 400, 'incomplete');
      return sendText(ctx, 413, `more than ${BODY_BYTES_MAX} bytes`);
    }
    const answer = await parts.gateway.receiveCallback(channel, token, {
      method: ctx.method,
      target: ctx.req.url ?? '',
      headers: headersAsSent(ctx.req),
      body: body.value,
      receivedAt: parts.clock.now(),
    });
    ctx.status = answer.status;
    ctx.set('Content-Type', answer.contentType);
    ctx.body = answer.body;
  };
  for (const path of ['/callbacks/:channel', '/callbacks/:channel/:token']) {
    router.get(path, receive);
    router.post(path, receive);
  }
}
