import { Router } from '@koa/router';
import Koa from 'koa';
import { addCallbackRoutes } from './callbacks.ts';
import { addCashierRoutes, sendCashierError } from './cashier/index.ts';
import type { EdgeContext, PublicAppParts, RequestState } from './context.ts';
import { edge } from './edge.ts';
import { epayFacade } from './epay/index.ts';
import { addEventRoutes } from './events.ts';
import { fallback } from './fallback.ts';
import { addDocumentRoutes } from './openapi/index.ts';
import { addPaymentRoutes } from './payments.ts';
import { type EdgeError, statusOf } from './problem.ts';
import { addQuoteRoute } from './quotes.ts';
import { addRefundRoutes } from './refunds.ts';
import { sendProblem, sendText } from './respond.ts';

/** The application of the public listener: merchant API, callbacks, cashier pages (`api.md`). It holds no state of its own. */
export function createPublicApp(parts: PublicAppParts): Koa<RequestState> {
  const app = new Koa<RequestState>();
  // What breaks after the outermost middleware: nearly always the caller's connection. Koa would print it to stderr.
  app.on('error', (thrown: unknown) => parts.telemetry.warn({ err: thrown }, 'answer could not be sent'));
  const fail = failIn(parts);
  const router = new Router<RequestState>({ sensitive: true });
  addPaymentRoutes(router, parts);
  addRefundRoutes(router, parts);
  addQuoteRoute(router, parts);
  addEventRoutes(router, parts);
  addCallbackRoutes(router, parts);
  addCashierRoutes(router, parts);
  addDocumentRoutes(router, parts);
  app.use(edge(parts, fail));
  app.use(epayFacade(parts));
  app.use(router.routes());
  app.use(fallback(fail));
  return app;
}

/** A refusal in the manner of the place: words for buyers, bare text for providers, problem+json for everybody else. */
function failIn(parts: PublicAppParts) {
  return (ctx: EdgeContext, error: EdgeError): void => {
    const status = statusOf(error.code);
    if (ctx.path.startsWith('/pay/')) sendCashierError(ctx, status, parts.settings().publicUrl);
    else if (ctx.path.startsWith('/callbacks/')) sendText(ctx, status, error.code.replaceAll('_', ' '));
    else sendProblem(ctx, error);
  };
}
