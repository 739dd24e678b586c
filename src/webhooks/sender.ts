import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import type { SendWebhook, WebhookAnswer, WebhookRequest } from '../gateway/index.ts';
import { isPublicAddress } from './address.ts';
import { askNameServers, type Resolve } from './resolve.ts';
import { refusalOf } from './target.ts';

/** A shop's answer is read so far and no further; only a small JSON object in it means anything. */
const ANSWER_BYTES_MAX = 4_096;
const ANSWER_HEADER_BYTES_MAX = 16_384;

class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/**
 * Sends events to merchants. The address is checked at the moment of connecting, after resolution, so neither a redirect (none is
 * followed, but for one to https of the same address where that is asked for) nor a name that resolves differently the second time leads inside (SSRF). How many connections there are is for
 * whoever sends to decide: a limit here would let requests wait while their time runs.
 */
export function createWebhookSender(resolve: Resolve = askNameServers()): {
  send: SendWebhook;
  close(): Promise<void>;
} {
  const common = {
    ...{ keepAliveTimeout: 10_000, connections: null, pipelining: 1, allowH2: false },
    maxHeaderSize: ANSWER_HEADER_BYTES_MAX,
  };
  const guard = publicOnly(resolve);
  const agents = {
    open: new Agent({ ...common, connect: { lookup } }),
    guarded: new Agent({ ...common, connect: { lookup: guard } }),
    // For shops whose certificate proves nothing, where their merchant is configured so.
    openUnverified: new Agent({ ...common, connect: { lookup, rejectUnauthorized: false } }),
    guardedUnverified: new Agent({ ...common, connect: { lookup: guard, rejectUnauthorized: false } }),
  };

  function agentFor({ allowPrivateAddresses, verifyTls }: WebhookRequest): Agent {
    if (verifyTls === false) return allowPrivateAddresses ? agents.openUnverified : agents.guardedUnverified;
    return allowPrivateAddresses ? agents.open : agents.guarded;
  }

  /** One signal whose timer ends with the delivery; that of `AbortSignal.timeout` would run on, and keep all that hangs on it. */
  const send: SendWebhook = async (webhook, outer) => {
    const over = new AbortController();
    const stop = (): void => over.abort(outer.reason);
    const late = (): void => over.abort(new DOMException('no answer in time', 'TimeoutError'));
    const timer = setTimeout(late, webhook.timeoutMs);
    outer.addEventListener('abort', stop, { once: true });
    if (outer.aborted) stop();
    try {
      return await sendOnce(webhook, over.signal);
    } finally {
      clearTimeout(timer);
      outer.removeEventListener('abort', stop);
    }
  };

  /** `signal` ends the delivery as a whole, also where it takes two requests. */
  const sendOnce: SendWebhook = async (webhook, signal) => {
    const refusal = refusalOf(webhook);
    if (refusal !== null) return { outcome: 'refused', reason: refusal };
    try {
      const response = await request(webhook.url, {
        method: webhook.method ?? 'POST',
        headers: { 'user-agent': 'switchyard-webhooks/1', ...webhook.headers },
        body: webhook.method === 'GET' ? null : webhook.body,
        dispatcher: agentFor(webhook),
        signal,
      });
      const secure = webhook.followsToHttps
        ? upgraded(webhook.url, response.statusCode, response.headers.location)
        : null;
      if (secure !== null) {
        await response.body.dump();
        const { followsToHttps: _once, ...again } = webhook;
        return await sendOnce({ ...again, url: secure }, signal);
      }
      const told = headersToTell(webhook.url, response);
      return { outcome: 'answered', status: response.statusCode, body: await readStart(response.body), ...told };
    } catch (thrown) {
      return failure(thrown);
    }
  };

  return {
    send,
    close: async () => {
      await Promise.all(Object.values(agents).map((agent) => agent.destroy()));
    },
  };
}

/** The one redirect that is followed: shops that want https send the very same request there. */
function upgraded(from: string, status: number, location: string | string[] | undefined): string | null {
  if (![301, 302, 303, 307, 308].includes(status) || typeof location !== 'string') return null;
  const [before, after] = [URL.parse(from), URL.parse(location, from)];
  if (before?.protocol !== 'http:' || after?.protocol !== 'https:') return null;
  const isSame =
    before.hostname === after.hostname && before.pathname === after.pathname && before.search === after.search;
  return isSame ? after.href : null;
}

const HEADER_CHARS_MAX = 300;

/** What helps to tell who answered: the shop, or something in front of it. */
function headersToTell(
  from: string,
  { statusCode, headers: { location, server } }: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>,
): { location?: string; server?: string } {
  const isRedirect = statusCode >= 300 && statusCode < 400;
  const to = isRedirect && typeof location === 'string' ? URL.parse(location, from) : null;
  return {
    ...(to === null ? {} : { location: `${to.origin}${to.pathname}`.slice(0, HEADER_CHARS_MAX) }),
    ...(typeof server === 'string' ? { server: server.slice(0, HEADER_CHARS_MAX) } : {}),
  };
}

/** The guard at the moment of connecting: a name that leads to any private address is not called at all. */
function publicOnly(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const [first] = addresses;
      if (!first || addresses.some(({ address }) => !isPublicAddress(address))) {
        return callback(new AddressRefused('private_address'), '', 0);
      }
      return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}

/** The answer as it came over the wire: nothing is unpacked, so a small body cannot become a large one. */
async function readStart(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    parts.push(chunk);
    bytes += chunk.byteLength;
    if (bytes >= ANSWER_BYTES_MAX) {
      body.destroy();
      break;
    }
  }
  return Buffer.concat(parts).subarray(0, ANSWER_BYTES_MAX).toString('utf8');
}

/** The reason as a short word; an error's text may carry the URL. */
function failure(thrown: unknown): WebhookAnswer {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof AddressRefused) return { outcome: 'refused', reason: 'private_address' };
  }
  if (!(thrown instanceof Error)) return { outcome: 'failed', reason: 'unknown' };
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.name;
  return { outcome: 'failed', reason: code };
}
