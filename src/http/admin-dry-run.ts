import type { Router, RouterContext } from '@koa/router';
import { z } from 'zod';
import { err, ok, type Result } from '../payment/index.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { readJson } from './json-body.ts';
import { type EdgeError, type FieldError, statusOf, validationFailed } from './problem.ts';

/** A configuration that somebody thinks of, and the traffic to try it with; YAML texts. */
export interface DryRunRequest {
  readonly gateway: string;
  /** Absent: the live one. */
  readonly merchants?: string | undefined;
  /** A time (RFC 3339) or how long ago (`24h`). */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** A made-up world instead of recorded payments. */
  readonly scenario?: string | undefined;
  readonly seed?: number | undefined;
}

export type DryRunAnswer =
  /** The report as JSON text. */
  | { readonly outcome: 'done'; readonly report: string }
  /** The proposed files or the scenario have faults; `detail` says them in words. */
  | { readonly outcome: 'refused'; readonly faults: readonly unknown[]; readonly detail: string }
  | { readonly outcome: 'invalid'; readonly errors: readonly FieldError[] }
  | { readonly outcome: 'busy' | 'too_long' }
  | { readonly outcome: 'failed'; readonly detail: string };

export interface DryRunParts {
  /** Never rejects for what a proposal can do to it; gives up when the signal is aborted. */
  readonly dryRun: (request: DryRunRequest, signal: AbortSignal) => Promise<DryRunAnswer>;
}

/** Two files and a scenario of the largest size that an operator would write by hand, as JSON strings. */
const BODY_BYTES_MAX = 1024 * 1024;
const RETRY_AFTER_S = 10;

const text = () => z.string('must be a text');
const requestSchema = z.strictObject(
  {
    gateway: text(),
    merchants: text().optional(),
    from: text().max(64, 'is too long').optional(),
    to: text().max(64, 'is too long').optional(),
    scenario: text().optional(),
    seed: z
      .int('must be a whole number from 0 to 4294967295')
      .min(0, 'must not be negative')
      .max(2 ** 32 - 1, 'is too large')
      .optional(),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);

/** How recorded payments would be routed under a proposed configuration. Changes nothing. */
export function addDryRunRoute(router: Router, { dryRun }: DryRunParts): void {
  router.post('/admin/config/dry-run', async (ctx) => {
    const body = await readJson(ctx.req, BODY_BYTES_MAX);
    const request = body.ok ? parseRequest(body.value) : body;
    if (!request.ok) {
      refuse(ctx, request.error);
      return;
    }
    const gone = new AbortController();
    ctx.res.once('close', () => gone.abort());
    answer(ctx, await dryRun(request.value, gone.signal));
  });
}

function parseRequest(body: unknown): Result<DryRunRequest, EdgeError> {
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) return err(validationFailed(fieldErrorsOf(parsed.error, { '': KNOWN })));
  const { scenario, from, to } = parsed.data;
  if (scenario === undefined || (from ?? to) === undefined) return ok(parsed.data);
  return err(validationFailed([{ path: 'scenario', message: 'cannot be given together with from or to' }]));
}

const KNOWN = ['gateway', 'merchants', 'from', 'to', 'scenario', 'seed'];

function answer(ctx: RouterContext, done: DryRunAnswer): void {
  if (done.outcome === 'done') send(ctx, 200, done.report);
  else if (done.outcome === 'invalid') refuse(ctx, validationFailed(done.errors));
  else {
    if (done.outcome === 'busy') ctx.set('Retry-After', String(RETRY_AFTER_S));
    const { status, ...body } = refusalOf(done);
    send(ctx, status, JSON.stringify(body));
  }
}

type Refused = Exclude<DryRunAnswer, { outcome: 'done' | 'invalid' }>;

function refusalOf(done: Refused): { readonly status: number; readonly error: string; readonly detail: string } {
  switch (done.outcome) {
    case 'refused': {
      const { detail, faults } = done;
      const body = { error: 'config_refused', detail, faults };
      return { status: 422, ...body };
    }
    case 'busy':
      return { status: 429, error: 'busy', detail: 'Another dry run is under way; try again later.' };
    case 'too_long':
      return { status: 503, error: 'too_long', detail: 'It took too long; ask for a shorter time.' };
    case 'failed':
      return { status: 503, error: 'failed', detail: done.detail };
  }
}

function refuse(ctx: RouterContext, { code, detail, errors }: EdgeError): void {
  send(ctx, statusOf(code), JSON.stringify({ error: code, detail, ...(errors === undefined ? {} : { errors }) }));
}

function send(ctx: RouterContext, status: number, body: string): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.body = body;
}
