import type { Router, RouterContext } from '@koa/router';
import { z } from 'zod';
import { type Alert, type AlertRelay, SEVERITIES } from '../alerts/index.ts';
import { isoTime } from '../gateway/index.ts';
import { readJson } from './json-body.ts';
import { statusOf } from './problem.ts';

export interface AlertParts {
  readonly alerts: AlertRelay;
}

/** Alertmanager sends a group of alerts at once, each with its annotations. */
const BODY_BYTES_MAX = 1024 * 1024;
const ALERTS_MAX = 1_000;
/** Nothing that a person reads is longer. */
const TEXT_CHARS_MAX = 2_000;

const instant = () =>
  z
    .string()
    .max(64)
    .transform((text, context) => {
      const ms = Date.parse(text);
      if (!Number.isNaN(ms)) return ms;
      context.addIssue({ code: 'custom', message: 'is not a time' });
      return z.NEVER;
    });

const textsSchema = z.record(z.string(), z.string()).default({});

/** @see https://prometheus.io/docs/alerting/latest/configuration/#webhook_config */
const notificationSchema = z.object({ version: z.literal('4'), alerts: z.array(z.unknown()) });
const alertSchema = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: textsSchema,
  annotations: textsSchema,
  startsAt: instant(),
  endsAt: instant().optional(),
  fingerprint: z.string().regex(/^[\w-]{1,64}$/),
});

const testSchema = z.strictObject({ severity: z.enum(SEVERITIES).default('page') });

/** Messages of Alertmanager on their way to people, what became of them, and a test for whoever sets it up. */
export function addAlertRoutes(router: Router, { alerts }: AlertParts): void {
  router.post('/admin/alerts/relay', async (ctx) => {
    const body = await readJson(ctx.req, BODY_BYTES_MAX);
    const parsed = body.ok ? notificationSchema.safeParse(body.value) : null;
    if (!body.ok) {
      alerts.refuse(body.error.code);
      return answer(ctx, statusOf(body.error.code), { error: body.error.code, detail: body.error.detail });
    }
    const readable = parsed?.success ? readableOf(parsed.data.alerts) : [];
    if (readable.length < (parsed?.data?.alerts.length ?? 1)) alerts.refuse(NOT_READ);
    if (!parsed?.success || (readable.length === 0 && parsed.data.alerts.length > 0)) {
      return answer(ctx, 400, {
        error: 'validation_failed',
        detail: 'Not a webhook message of Alertmanager, version 4.',
      });
    }
    const told = await alerts.relay(readable);
    // Alertmanager tries again after a 5xx; whoever has been told already is not told twice.
    return told.ok
      ? answer(ctx, 200, { ok: true })
      : answer(ctx, 503, { error: 'not_told', detail: 'Not every receiver has taken its messages.' });
  });

  router.get('/admin/alerts/sent', (ctx) => {
    const data = alerts
      .sent()
      .map(({ at, errorCode, ...entry }) => ({ at: isoTime(at), ...entry, error_code: errorCode }));
    return answer(ctx, 200, { data });
  });

  router.post('/admin/alerts/test', async (ctx) => {
    const body = await readJson(ctx.req);
    const parsed = body.ok ? testSchema.safeParse(body.value) : null;
    if (!parsed?.success) {
      return answer(ctx, 400, {
        error: 'validation_failed',
        detail: 'Send {"severity":"page"} or {"severity":"ticket"}.',
      });
    }
    const deliveries = await alerts.test(parsed.data.severity);
    return answer(ctx, 200, {
      data: deliveries.map(({ errorCode, ...delivery }) => ({ ...delivery, error_code: errorCode })),
    });
  });
}

const NOT_READ = `not a message of Alertmanager, or alerts in it that cannot be read or are more than ${ALERTS_MAX}`;

/** One that cannot be read keeps nobody from being told of the others: Alertmanager does not bring again what is refused. */
function readableOf(reported: readonly unknown[]): readonly Alert[] {
  return reported
    .slice(0, ALERTS_MAX)
    .map((one) => alertSchema.safeParse(one))
    .flatMap(({ data }) => (data === undefined ? [] : [alertOf(data)]));
}

/** What has no severity is a ticket, as in Alertmanager's routes. */
function alertOf(reported: z.output<typeof alertSchema>): Alert {
  const { status, labels, annotations, startsAt, endsAt = null, fingerprint } = reported;
  return {
    ...{ status, startsAt, fingerprint },
    alert: (labels.alertname ?? 'unnamed').slice(0, 200),
    severity: labels.severity === 'page' ? 'page' : 'ticket',
    summary: bounded(annotations.summary),
    impact: bounded(annotations.impact),
    firstStep: bounded(annotations.step_1),
    runbook: bounded(annotations.runbook_url),
    endsAt: status === 'resolved' ? endsAt : null,
  };
}

function bounded(text = ''): string {
  return text.slice(0, TEXT_CHARS_MAX).toWellFormed();
}

function answer(ctx: RouterContext, status: number, body: unknown): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.body = JSON.stringify(body);
}
