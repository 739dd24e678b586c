import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type Koa from 'koa';

/** Why a request to the admin listener was turned away. */
export type AdminRefusal = 'no_token' | 'wrong_token' | 'too_many_tries' | 'cross_site' | 'foreign_host' | 'not_json';

export interface AdminGuard {
  /** What whoever asks has to show; null: nobody is asked, since only this machine can reach the listener. */
  readonly token: string | null;
  /** The configured host: a name that a request may use besides IP addresses and localhost. */
  readonly host: string;
  readonly now: () => number;
  /** Counts; what was tried is never told. */
  readonly onRefused: (why: AdminRefusal) => void;
}

/** Health is asked by whoever restarts and balances processes, and tells nothing but that. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz']);
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const TRIES_MAX = 10;
const WINDOW_MS = 60_000;
/** The oldest are forgotten beyond this. */
const ADDRESSES_MAX = 1_000;
const CREDENTIALS_CHARS_MAX = 1_024;

/**
 * Who may ask the admin listener: whoever shows the token, as `Authorization: Bearer` or as the password of HTTP Basic (so that a
 * browser can ask its user). A page of another site may not, even in the browser of an operator: what changes something takes JSON
 * from the same origin alone, and without a token a name that leads here from elsewhere (DNS rebinding) is not answered.
 */
export function adminGuard(guard: AdminGuard): Koa.Middleware {
  const expected = guard.token === null ? null : digest(guard.token);
  const tries = countTries(guard.now);

  function refusalOf(ctx: Koa.Context): AdminRefusal | null {
    if (expected === null) {
      if (!isOwnName(ctx.get('host'), guard.host)) return 'foreign_host';
    } else {
      const address = networkOf(ctx.req.socket.remoteAddress ?? '');
      // A try above the limit is not even looked at, so that nobody learns anything from it.
      if (tries.left(address) <= 0) return 'too_many_tries';
      const shown = tokenOf(ctx.get('authorization'));
      if (shown === null) return 'no_token';
      if (!timingSafeEqual(digest(shown), expected)) {
        tries.failed(address);
        return 'wrong_token';
      }
    }
    if (READING.has(ctx.method)) return null;
    if (isCrossSite(ctx)) return 'cross_site';
    return isJson(ctx.get('content-type')) ? null : 'not_json';
  }

  return async (ctx, next) => {
    const refusal = OPEN_PATHS.has(ctx.path) ? null : refusalOf(ctx);
    if (refusal === null) return next();
    guard.onRefused(refusal);
    const { status, error, detail } = ANSWERS[refusal];
    ctx.status = status;
    if (status === 401) ctx.set('WWW-Authenticate', 'Basic realm="switchyard admin", charset="UTF-8"');
    if (status === 429) ctx.set('Retry-After', String(WINDOW_MS / 1_000));
    ctx.set('Content-Type', 'application/json; charset=utf-8');
    ctx.body = JSON.stringify({ error, detail });
  };
}

const ANSWERS: Readonly<Record<AdminRefusal, { status: number; error: string; detail: string }>> = {
  no_token: {
    ...{ status: 401, error: 'unauthorized' },
    detail: 'Send Authorization: Bearer <ADMIN_TOKEN of the gateway>, or it as a password.',
  },
  wrong_token: { status: 401, error: 'unauthorized', detail: 'This is not the ADMIN_TOKEN of the gateway.' },
  too_many_tries: { status: 429, error: 'rate_limited', detail: 'Too many wrong tokens from there; wait a minute.' },
  cross_site: { status: 403, error: 'forbidden', detail: 'A page of another site may not ask for this.' },
  foreign_host: {
    ...{ status: 403, error: 'forbidden' },
    detail: 'Ask by IP address, by localhost or by the name in ADMIN_HOST; other names take an ADMIN_TOKEN.',
  },
  not_json: { status: 415, error: 'unsupported_media_type', detail: 'Send Content-Type: application/json.' },
};

/** Null where nothing was shown that could be a token. Any user name goes with HTTP Basic. */
function tokenOf(header: string): string | null {
  if (header.length > CREDENTIALS_CHARS_MAX) return null;
  const bearer = /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header)?.[1];
  if (basic === undefined) return null;
  const pair = Buffer.from(basic, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon < 0 ? null : pair.slice(colon + 1);
}

/** Hashes have one length, so their comparison tells nothing of the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Browsers say where a request comes from; programs say nothing, and are not led by pages. */
function isCrossSite(ctx: Koa.Context): boolean {
  const site = ctx.get('sec-fetch-site');
  if (site !== '' && site !== 'same-origin' && site !== 'none') return true;
  const origin = ctx.get('origin');
  return origin !== '' && URL.parse(origin)?.host !== ctx.get('host').toLowerCase();
}

function isJson(contentType: string): boolean {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
}

function isOwnName(hostHeader: string, ownHost: string): boolean {
  const [, name = ''] = /^\[?([0-9a-z.:-]*?)\]?(?::\d*)?$/.exec(hostHeader.toLowerCase()) ?? [];
  return isIP(name) !== 0 || name === 'localhost' || name === ownHost.toLowerCase();
}

/** One client has one IPv4 address, but a whole /64 of IPv6. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::', 2);
  const groups = head.split(':').filter((group) => group !== '');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(Boolean).length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}

/** Wrong tokens per address within a minute. */
function countTries(now: () => number) {
  const windows = new Map<string, { readonly startedAt: number; readonly count: number }>();
  const current = (address: string) => {
    const window = windows.get(address);
    return window !== undefined && Math.abs(now() - window.startedAt) < WINDOW_MS ? window : undefined;
  };
  return {
    left: (address: string): number => TRIES_MAX - (current(address)?.count ?? 0),
    failed: (address: string): void => {
      const { startedAt, count } = current(address) ?? { startedAt: now(), count: 0 };
      windows.delete(address);
      windows.set(address, { startedAt, count: count + 1 });
      for (const oldest of windows.keys()) {
        if (windows.size <= ADDRESSES_MAX) break;
        windows.delete(oldest);
      }
    },
  };
}
