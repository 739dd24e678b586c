import type { RouterContext } from '@koa/router';
import type { Result } from '../payment/index.ts';
import { readJson } from './json-body.ts';
import { type EdgeError, statusOf } from './problem.ts';

/** The body of a request, parsed. */
export async function bodyOf<T>(
  ctx: RouterContext,
  parse: (body: unknown) => Result<T, EdgeError>,
): Promise<Result<T, EdgeError>> {
  const body = await readJson(ctx.req);
  return body.ok ? parse(body.value) : body;
}

/** Answers with what was done, or with the code and the sentence of what stood in the way. */
export async function answer(ctx: RouterContext, act: () => Promise<Result<unknown, EdgeError>>): Promise<void> {
  const done = await act();
  ctx.status = done.ok ? 200 : statusOf(done.error.code);
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.body = JSON.stringify(done.ok ? done.value : { error: done.error.code, detail: done.error.detail });
}
