import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WireAnswer, WireRequest } from './contract.ts';
import { pause } from './pause.ts';

export const BODY_BYTES_MAX = 1024 * 1024;

/** The whole body; `too_large` beyond the cap, `broken` when the client went away half-way. */
export async function readBody(incoming: IncomingMessage): Promise<Buffer | 'too_large' | 'broken'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) return 'too_large';
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch {
    return 'broken';
  }
}

/** Splits `/<channel id>/path?query`; null when the target does not look so. */
export function splitTarget(target: string): { channelId: string; path: string; query: URLSearchParams } | null {
  const match = /^\/([A-Za-z0-9_-]+)(\/[^?#]*)?(?:\?(.*))?$/.exec(target);
  if (match === null) return null;
  return { channelId: match[1] ?? '', path: match[2] ?? '/', query: new URLSearchParams(match[3] ?? '') };
}

export function toWireRequest(incoming: IncomingMessage, body: Buffer): WireRequest {
  const target = incoming.url ?? '/';
  const { path, query } = splitTarget(target) ?? { path: '/', query: new URLSearchParams() };
  return { method: incoming.method ?? 'GET', target, path, query, headers: incoming.headers, body };
}

export function answerWith(response: ServerResponse, answer: WireAnswer): void {
  if (response.destroyed) return;
  response.writeHead(answer.status, headersOf(answer)).end(answer.body);
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  answerWith(response, { status, headers: { 'content-type': type }, body: JSON.stringify(value) });
}

/** A TCP reset, as a firewall or a crashed process makes it. */
export function reset(incoming: IncomingMessage): void {
  incoming.socket.resetAndDestroy();
}

/** Promises the whole body, sends half of it and hangs up. */
export function answerHalf(response: ServerResponse, answer: WireAnswer): void {
  const whole = Buffer.from(answer.body);
  response.writeHead(answer.status, headersOf(answer));
  response.write(whole.subarray(0, Math.floor(whole.length / 2)), () => response.destroy());
}

/** Sends the body a byte at a time, so slowly that no client waits for its end; hangs up after `limitMs`. */
export async function drip(
  response: ServerResponse,
  answer: WireAnswer,
  over: AbortSignal,
  limitMs: number,
): Promise<void> {
  const everyMs = 250;
  response.writeHead(answer.status, headersOf(answer));
  const slow = Buffer.from(answer.body).subarray(0, Math.floor(limitMs / everyMs));
  for (const byte of slow.subarray(0, -1)) {
    response.write(Buffer.of(byte));
    if ((await pause(everyMs, over)) === 'aborted') return;
  }
  response.destroy();
}

/** What a provider's front says when the machine behind it is gone. */
export function badGateway(): WireAnswer {
  const body =
    '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n';
  return { status: 502, headers: { 'content-type': 'text/html' }, body };
}

function headersOf(answer: WireAnswer): Record<string, string | number> {
  const bodiless = answer.status === 204 || answer.status === 304;
  return bodiless ? { ...answer.headers } : { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) };
}
