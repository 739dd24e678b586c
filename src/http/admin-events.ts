import type { Router } from '@koa/router';
import { z } from 'zod';
import { isoTime, type WebhookOperations } from '../gateway/index.ts';
import { err, ok, type Result } from '../payment/index.ts';
import { answer, bodyOf } from './admin-answer.ts';
import { eventView } from './events.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { type EdgeError, validationFailed } from './problem.ts';
import { merchantSchema, parseDeadEvents } from './query.ts';
import { parseOperatorRedelivery } from './redelivery-order.ts';

export interface WebhookParts {
  readonly webhooks: WebhookOperations;
}

const ENDPOINT_CHARS_MAX = 2_048;
const resumeSchema = z.strictObject(
  {
    merchant: merchantSchema,
    endpoint: z.string('must be an address').max(ENDPOINT_CHARS_MAX, 'is too long').optional(),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);

/** What an operator can do about events: see those that were given up, send them again, end the pause of an address. */
export function addWebhookRoutes(router: Router, { webhooks }: WebhookParts): void {
  router.get('/admin/events', (ctx) =>
    answer(ctx, async () => {
      const page = parseDeadEvents(ctx.querystring);
      if (!page.ok) return page;
      const events = await webhooks.listDead(page.value);
      const last = events.length === page.value.limit ? (events.at(-1)?.event.id ?? null) : null;
      return ok({ data: events.map(operatorEventView), next_cursor: last });
    }),
  );

  router.post('/admin/events/redeliver', (ctx) =>
    answer(ctx, async () => {
      const filter = await bodyOf(ctx, parseOperatorRedelivery);
      return filter.ok ? ok(await webhooks.redeliverDead(filter.value)) : filter;
    }),
  );

  router.post('/admin/events/:id/redeliver', (ctx) =>
    answer(ctx, async () => {
      const body = await bodyOf(ctx, ok);
      const event = body.ok ? await webhooks.redeliver(ctx.params.id ?? '') : body;
      return event.ok ? ok(operatorEventView(event.value)) : event;
    }),
  );

  router.post('/admin/webhooks/resume', (ctx) =>
    answer(ctx, async () => {
      const wanted = await bodyOf(ctx, parseResume);
      if (!wanted.ok) return wanted;
      const { merchant, endpoint = null } = wanted.value;
      const resumed = webhooks.resume(merchant, endpoint);
      return resumed > 0 ? ok({ resumed }) : err(NOT_PAUSED);
    }),
  );
}

/** The failing addresses as `/admin/status` shows them. */
export function endpointStates(webhooks: WebhookOperations) {
  return webhooks.endpoints().map(({ merchantId, endpoint, failingSince, pausedAt, nextTrialAt, reason }) => ({
    merchant: merchantId,
    endpoint,
    failing_since: isoTime(failingSince),
    paused_at: pausedAt === null ? null : isoTime(pausedAt),
    next_trial_at: nextTrialAt === null ? null : isoTime(nextTrialAt),
    reason,
  }));
}

const NOT_PAUSED: EdgeError = { code: 'not_found', detail: 'No such address of this merchant is paused.' };

/** An event without what the merchant's buyers bought. */
function operatorEventView(listed: Parameters<typeof eventView>[0]) {
  const { data: _data, ...event } = eventView(listed);
  return { ...event, merchant: listed.merchantId };
}

function parseResume(body: unknown): Result<z.output<typeof resumeSchema>, EdgeError> {
  const parsed = resumeSchema.safeParse(body);
  return parsed.success
    ? ok(parsed.data)
    : err(validationFailed(fieldErrorsOf(parsed.error, { '': ['merchant', 'endpoint'] })));
}
