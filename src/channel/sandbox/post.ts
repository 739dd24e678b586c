import { Agent, request } from 'undici';
import type { CallbackMessage } from './contract.ts';

const ANSWER_BYTES_MAX = 64 * 1024;

export type BuiltCallback = ReturnType<CallbackMessage['build']>;

export interface Post {
  /** Null: refused, reset, timed out or an unusable URL; to a provider all the same. */
  deliver(url: string, built: BuiltCallback, timeoutMs: number): Promise<{ status: number; body: string } | null>;
  close(): Promise<void>;
}

/** HTTP as providers do it: keep-alive, no redirects, a time-out, and no more of the answer read than is needed. */
export function openPost(closing: AbortSignal, connections: number): Post {
  const agent = new Agent({ connections, connect: { timeout: 5_000 } });
  return {
    async deliver(url, built, timeoutMs) {
      const signal = AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]);
      const { method, headers } = built;
      try {
        const answer = await request(withQuery(url, built.query), {
          dispatcher: agent,
          signal,
          method,
          headers,
          body: method === 'POST' ? built.body : null,
        });
        return { status: answer.statusCode, body: await readCapped(answer.body) };
      } catch {
        return null;
      }
    },
    // Not destroy(): it hands one error to all sockets, which urllib, once anybody has loaded it, cannot bear.
    close: () => agent.close(),
  };
}

function withQuery(url: string, query: string | undefined): string {
  if (query === undefined || query === '') return url;
  return `${url}${url.includes('?') ? '&' : '?'}${query}`;
}

async function readCapped(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
