import type { Router, RouterContext } from '@koa/router';
import { readJson } from './json-body.ts';
import { statusOf } from './problem.ts';

/** Of the configuration, as far as the admin listener shows and changes it. */
export interface ConfigParts {
  readonly config: {
    /**
     * Reads the files again; `faults` only when they are refused, with `detail` in words. `replicas_told`: how many other replicas
     * now read theirs; null where there is nothing to tell them through.
     */
    reload(): Promise<
      { readonly replicas_told: number | null } & (
        | { readonly outcome: 'accepted' | 'unchanged'; readonly changes: readonly unknown[] }
        | { readonly outcome: 'refused'; readonly faults: readonly unknown[]; readonly detail: string }
      )
    >;
    /** What is in force, without a secret; JSON. */
    shown(): unknown;
  };
}

/** What an operator sees of the configuration in force, and how the files are taken without waiting for them to be noticed. */
export function addConfigRoutes(router: Router, { config }: ConfigParts): void {
  router.get('/admin/config', (ctx) => send(ctx, 200, config.shown()));

  router.post('/admin/config/reload', async (ctx) => {
    // A page in the operator's browser cannot send this body from another site.
    const body = await readJson(ctx.req);
    if (!body.ok) return send(ctx, statusOf(body.error.code), { error: body.error.code, detail: body.error.detail });
    const answer = await config.reload();
    if (answer.outcome !== 'refused') return send(ctx, 200, answer);
    const { faults, detail, replicas_told } = answer;
    send(ctx, 422, { error: 'config_refused', detail, faults, replicas_told });
  });
}

function send(ctx: RouterContext, status: number, body: unknown): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.body = JSON.stringify(body);
}
