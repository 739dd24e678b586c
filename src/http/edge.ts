import type { Middleware } from 'koa';
import type { EdgeContext, PublicAppParts, RequestState } from './context.ts';
import { singleHeader } from './headers.ts';
import type { EdgeError } from './problem.ts';
import { sendProblem } from './respond.ts';

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const NONSENSE: EdgeError = { code: 'not_found', detail: 'The request target must be a path.' };
const CRASHED: EdgeError = {
  code: 'internal',
  detail: 'Something went wrong on our side. Repeat the request; it is safe.',
};

type EdgeParts = Pick<PublicAppParts, 'telemetry' | 'clock' | 'randomBytes' | 'settings'>;

/**
 * The outermost middleware: gives the request an id, sets the headers that every answer carries, turns a throw (always our
 * bug or an outage) into an answer without details, and writes one line per request: never a query, a body or a path with
 * a token in it.
 */
export function edge(parts: EdgeParts, fail: (ctx: EdgeContext, error: EdgeError) => void): Middleware<RequestState> {
  return async (ctx, next) => {
    const startedAt = parts.clock.now();
    const edgeContext = ctx as EdgeContext;
    ctx.state.requestId = requestId(edgeContext, parts);
    ctx.set(standardHeaders(parts.settings().publicUrl));
    ctx.set('X-Request-Id', ctx.state.requestId);
    try {
      // `GET http://elsewhere/` and `OPTIONS *` are legal HTTP, but nothing that we serve.
      if (ctx.req.url?.startsWith('/')) await next();
      else sendProblem(edgeContext, NONSENSE);
    } catch (thrown) {
      parts.telemetry.error(
        { err: thrown, requestId: ctx.state.requestId, route: routeOf(edgeContext) },
        'request crashed',
      );
      fail(edgeContext, CRASHED);
    }
    const durationMs = parts.clock.now() - startedAt;
    const { requestId: id, merchantId } = ctx.state;
    parts.telemetry.info(
      {
        requestId: id,
        method: ctx.method,
        route: routeOf(edgeContext),
        status: ctx.status,
        durationMs,
        ...(merchantId === undefined ? {} : { merchantId }),
      },
      'request answered',
    );
  };
}

function requestId(ctx: EdgeContext, parts: EdgeParts): string {
  const sent = singleHeader(ctx.req, 'x-request-id');
  if (sent.kind === 'one' && REQUEST_ID.test(sent.value)) return sent.value;
  return `req_${Buffer.from(parts.randomBytes(12)).toString('hex')}`;
}

function standardHeaders(publicUrl: string): Record<string, string> {
  const headers = {
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
  };
  return publicUrl.startsWith('https:') ? { ...headers, 'Strict-Transport-Security': 'max-age=31536000' } : headers;
}

/** The route's pattern: it tells which endpoint it was and holds nothing of the request. */
function routeOf(ctx: EdgeContext): string {
  return ctx._matchedRoute === undefined ? 'none' : String(ctx._matchedRoute);
}
