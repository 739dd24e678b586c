import type { Middleware } from 'koa';
import type { RequestSpan } from '../gateway/index.ts';
import { StoreUnavailable } from '../store/port.ts';
import type { EdgeContext, PublicAppParts, RequestState } from './context.ts';
import { singleHeader } from './headers.ts';
import type { EdgeError } from './problem.ts';
import { sendProblem } from './respond.ts';

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const MERCHANT_API = '/v1/';
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const NONSENSE: EdgeError = { code: 'not_found', detail: 'The request target must be a path.' };
const CRASHED: EdgeError = {
  code: 'internal',
  detail: 'Something went wrong on our side. Repeat the request; it is safe.',
};

const NO_STORE: EdgeError = {
  code: 'store_unavailable',
  detail: 'The database does not answer. Repeat the request with the same number; it is safe.',
};

type EdgeParts = Pick<PublicAppParts, 'telemetry' | 'clock' | 'randomBytes' | 'settings'>;

/**
 * The outermost middleware: gives the request an id and a place in a trace, sets the headers that every answer carries, turns a
 * throw (always our bug or an outage) into an answer without details, and writes one line per request: never a query, a body or a
 * path with a token in it.
 */
export function edge(parts: EdgeParts, fail: (ctx: EdgeContext, error: EdgeError) => void): Middleware<RequestState> {
  return (ctx, next) => {
    const edgeContext = ctx as EdgeContext;
    const id = requestId(edgeContext, parts);
    ctx.state.requestId = id;
    // Straight to Node: nine headers through Koa's `set` cost more than the rest of this middleware.
    for (const [name, value] of standardHeaders(parts.settings().publicUrl)) ctx.res.setHeader(name, value);
    ctx.res.setHeader('X-Request-Id', id);
    // The target as it was sent: it need not be a URL, and then there is no path to ask for.
    const target = ctx.req.url ?? '';
    const isOfMerchant = target.startsWith(MERCHANT_API);
    const request = {
      requestId: id,
      // Providers and buyers have no say in our traces.
      traceparent: isOfMerchant ? traceparentOf(edgeContext) : null,
      // Whoever only looks would fill the trace of a payment with looks.
      joins: ctx.method !== 'GET' || target.startsWith('/callbacks/'),
    };
    return parts.telemetry.trace.request(request, async (span) => {
      await answer(parts, edgeContext, next, fail, span);
      if (isOfMerchant) ctx.set('Traceresponse', span.traceparent());
    });
  };
}

async function answer(
  parts: EdgeParts,
  ctx: EdgeContext,
  next: () => Promise<unknown>,
  fail: (ctx: EdgeContext, error: EdgeError) => void,
  span: RequestSpan,
): Promise<void> {
  const startedAt = parts.clock.now();
  try {
    // `GET http://elsewhere/` and `OPTIONS *` are legal HTTP, but nothing that we serve.
    if (ctx.req.url?.startsWith('/')) await next();
    else sendProblem(ctx, NONSENSE);
  } catch (thrown) {
    span.fail();
    parts.telemetry.error({ err: thrown, requestId: ctx.state.requestId, route: routeOf(ctx) }, 'request crashed');
    fail(ctx, thrown instanceof StoreUnavailable ? NO_STORE : CRASHED);
  }
  const { requestId: id, merchantId, code } = ctx.state;
  const about = {
    method: methodOf(ctx),
    route: routeOf(ctx),
    status: ctx.status,
    ...(merchantId === undefined ? {} : { merchantId }),
    ...span.noted(),
  };
  span.set(about);
  parts.telemetry.info(
    { requestId: id, ...about, durationMs: parts.clock.now() - startedAt, ...(code === undefined ? {} : { code }) },
    'request answered',
  );
}

/** Twice is as good as never: nobody can say which one was meant. */
function traceparentOf(ctx: EdgeContext): string | null {
  const sent = singleHeader(ctx.req, 'traceparent');
  return sent.kind === 'one' ? sent.value : null;
}

/** Whatever Node's parser takes for a method may be sent; those that nobody serves need no name. */
function methodOf(ctx: EdgeContext): string {
  return METHODS.has(ctx.method) ? ctx.method : 'other';
}

function requestId(ctx: EdgeContext, parts: EdgeParts): string {
  const sent = singleHeader(ctx.req, 'x-request-id');
  if (sent.kind === 'one' && REQUEST_ID.test(sent.value)) return sent.value;
  return `req_${Buffer.from(parts.randomBytes(12)).toString('hex')}`;
}

const OVER_HTTP: readonly (readonly [string, string])[] = Object.entries({
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
});
const OVER_HTTPS = [...OVER_HTTP, ['Strict-Transport-Security', 'max-age=31536000'] as const];

function standardHeaders(publicUrl: string): typeof OVER_HTTP {
  return publicUrl.startsWith('https:') ? OVER_HTTPS : OVER_HTTP;
}

/** The route's pattern: it tells which endpoint it was and holds nothing of the request. */
function routeOf(ctx: EdgeContext): string {
  return ctx._matchedRoute === undefined ? 'none' : String(ctx._matchedRoute);
}
