import { isIPv6 } from 'node:net';
import { request } from 'undici';
import type { z } from 'zod';
import { describeFaults, readEnvironment } from './config/index.ts';
import { err, ok, type Result } from './payment/index.ts';

/** Above what the largest bulk order takes. */
const TIMEOUT_MS = 60_000;

/** Asks the admin listener of the running gateway (`ADMIN_HOST`, `ADMIN_PORT`, `ADMIN_TOKEN`); a refusal or no answer is a sentence to print. */
export async function askAdmin<S extends z.ZodType>(
  env: Readonly<Record<string, string | undefined>>,
  question: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: unknown; readonly answer: S },
): Promise<Result<z.output<S>, string>> {
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const { adminHost, adminPort, adminToken } = environment.value;
  const url = `http://${isIPv6(adminHost) ? `[${adminHost}]` : adminHost}:${adminPort}${question.path}`;
  const answer = await post(url, adminToken, question).catch(() => null);
  if (answer === null) return err(`no gateway answers at ${url}; start it, or set ADMIN_PORT to its admin port`);
  const parsed = question.answer.safeParse(answer.body);
  if (answer.status < 300 && parsed.success) return ok(parsed.data);
  if (answer.status === 401)
    return err(`the gateway at ${url} asks for its token; set ADMIN_TOKEN or ADMIN_TOKEN_FILE`);
  const detail = detailOf(answer.body);
  return err(detail ?? `${url} is not the admin listener of a gateway; set ADMIN_PORT`);
}

async function post(
  url: string,
  token: string | null,
  { method, body }: { readonly method: 'GET' | 'POST'; readonly body?: unknown },
): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await request(url, {
    method,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
  });
  return { status: answer.statusCode, body: await answer.body.json().catch(() => null) };
}

function detailOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('detail' in body)) return null;
  return typeof body.detail === 'string' ? body.detail : null;
}
