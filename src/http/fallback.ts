import type { Middleware } from 'koa';
import type { EdgeContext, RequestState } from './context.ts';
import type { EdgeError } from './problem.ts';

/** What no route has taken: the methods a path has, 405, or 404. There is no CORS: browsers have no business with the API. */
export function fallback(fail: (ctx: EdgeContext, error: EdgeError) => void): Middleware<RequestState> {
  return async (ctx) => {
    const edgeContext = ctx as EdgeContext;
    const methods = new Set((edgeContext.matched ?? []).flatMap((layer) => layer.methods));
    if (methods.size === 0) return fail(edgeContext, { code: 'not_found', detail: 'There is nothing at this path.' });
    const allow = [...methods, 'OPTIONS'].sort().join(', ');
    ctx.set('Allow', allow);
    if (ctx.method === 'OPTIONS') {
      ctx.status = 204;
      return;
    }
    fail(edgeContext, { code: 'method_not_allowed', detail: `This path takes ${allow}.` });
  };
}
