import { Router } from '@koa/router';
import Koa from 'koa';
import { type AlertParts, addAlertRoutes } from './admin-alerts.ts';
import { addConfigRoutes, type ConfigParts } from './admin-config.ts';
import { addDryRunRoute, type DryRunParts } from './admin-dry-run.ts';
import { addWebhookRoutes, type WebhookParts } from './admin-events.ts';
import { type AdminGuard, adminGuard } from './admin-guard.ts';
import { addHeldMoneyRoutes, type HeldMoneyParts } from './admin-payments.ts';
import { addEpayDoctorRoutes, type EpayDoctorParts } from './epay-doctor/index.ts';
import { addStatusRoutes, type StatusParts } from './status/index.ts';

export interface Readiness {
  readonly ok: boolean;
  /** One word per part, `ok` or the reason why it is not. */
  readonly checks: Readonly<Record<string, string>>;
}

export interface AdminAppParts
  extends HeldMoneyParts,
    WebhookParts,
    StatusParts,
    AlertParts,
    ConfigParts,
    DryRunParts,
    EpayDoctorParts {
  readonly guard: AdminGuard;
  /** In the format that the `Accept` header of the scraper asks for. */
  readonly metrics: (accept: string) => Promise<{ readonly contentType: string; readonly body: string }>;
  readonly ready: () => Promise<Readiness>;
  readonly onError: (thrown: unknown) => void;
}

/** The application of the admin listener: metrics for Prometheus, health for whoever restarts and balances processes. */
export function createAdminApp(parts: AdminAppParts): Koa {
  const app = new Koa();
  app.on('error', parts.onError);
  const router = new Router({ sensitive: true, strict: true });

  /** The process is up; deliberately asks nothing else, or an outage of the store would restart every replica. */
  router.get('/healthz', (ctx) => sendJson(ctx, 200, { ok: true }));

  router.get('/readyz', async (ctx) => {
    const { ok, checks } = await parts.ready();
    sendJson(ctx, ok ? 200 : 503, { ok, checks });
  });

  addStatusRoutes(router, parts);
  addHeldMoneyRoutes(router, parts);
  addWebhookRoutes(router, parts);
  addDryRunRoute(router, parts);
  addAlertRoutes(router, parts);
  addConfigRoutes(router, parts);
  addEpayDoctorRoutes(router, parts);

  router.get('/metrics', async (ctx) => {
    const { contentType, body } = await parts.metrics(ctx.get('Accept'));
    ctx.set('Content-Type', contentType);
    ctx.body = body;
  });

  app.use(async (ctx, next) => {
    ctx.set({
      ...{ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' },
      ...{ 'Cross-Origin-Resource-Policy': 'same-origin', 'X-Frame-Options': 'DENY' },
    });
    try {
      await next();
    } catch (thrown) {
      parts.onError(thrown);
      sendJson(ctx, ctx.path === '/readyz' ? 503 : 500, { ok: false, checks: { self: 'crashed; see the log' } });
    }
  });
  app.use(adminGuard(parts.guard));
  app.use(router.routes());
  app.use((ctx) => sendJson(ctx, 404, { error: 'not_found' }));
  return app;
}

function sendJson(ctx: Koa.Context | Koa.ParameterizedContext, status: number, body: unknown): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.body = JSON.stringify(body);
}
