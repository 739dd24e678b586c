import type { EdgeContext } from './context.ts';
import { type EdgeError, problemOf } from './problem.ts';

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Answers JSON. */
export function sendJson(ctx: EdgeContext, reply: Reply): void {
  ctx.status = reply.status;
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.body = JSON.stringify(reply.body);
}

/** Answers a refusal as problem+json. */
export function sendProblem(ctx: EdgeContext, error: EdgeError): void {
  const problem = problemOf(error, ctx.state.requestId);
  ctx.state.code = error.code;
  ctx.status = problem.status;
  ctx.set({ ...problem.headers });
  ctx.body = problem.body;
}

/** Answers plain text, for callers that are machines with words of their own (providers, probes). */
export function sendText(ctx: EdgeContext, status: number, text: string): void {
  ctx.status = status;
  ctx.set('Content-Type', 'text/plain; charset=utf-8');
  ctx.body = text;
}
