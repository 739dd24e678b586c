import { lookup as dnsLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { Agent, request } from 'undici';
import type { SendWebhook, WebhookAnswer } from '../gateway/index.ts';
import { isPublicAddress } from './address.ts';

/** Resolves a name to all of its addresses, as `dns.lookup` does with `all`. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** A shop's answer is read so far and no further; only a small JSON object in it means anything. */
const ANSWER_BYTES_MAX = 4_096;
/** Below this, ports belong to services that are not webhooks (mail, shells); only the two of the web are called. */
const FREE_PORTS_FROM = 1_024;
const WEB_PORTS = new Set([80, 443]);
const WEB_PORT_BY_PROTOCOL: ReadonlyMap<string, number> = new Map([
  ['http:', 80],
  ['https:', 443],
]);

class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/**
 * Posts events to merchants. The address is checked at the moment of connecting, after resolution, so neither a redirect (none
 * is followed) nor a name that resolves differently the second time leads inside (SSRF).
 */
export function createWebhookSender(resolve: Resolve = dnsLookup): { send: SendWebhook; close(): Promise<void> } {
  const common = { keepAliveTimeout: 10_000, connections: 16, pipelining: 1 };
  const open = new Agent(common);
  const guarded = new Agent({ ...common, connect: { lookup: publicOnly(resolve) } });

  const send: SendWebhook = async (webhook, signal) => {
    const refusal = webhook.allowPrivateAddresses ? null : refusalOf(webhook.url);
    if (refusal !== null) return { outcome: 'refused', reason: refusal };
    try {
      const response = await request(webhook.url, {
        method: 'POST',
        headers: { ...webhook.headers, 'user-agent': 'switchyard-webhooks/1' },
        body: webhook.body,
        dispatcher: webhook.allowPrivateAddresses ? open : guarded,
        signal: AbortSignal.any([signal, AbortSignal.timeout(webhook.timeoutMs)]),
      });
      return { outcome: 'answered', status: response.statusCode, body: await readStart(response.body) };
    } catch (thrown) {
      return failure(thrown);
    }
  };

  return {
    send,
    close: async () => {
      await Promise.all([open.destroy(), guarded.destroy()]);
    },
  };
}

/** What can be told from the URL alone. A literal address is never looked up, so the guard of the agent would not see it. */
function refusalOf(text: string): string | null {
  const url = URL.parse(text);
  if (url === null) return 'bad_url';
  const port = Number(url.port || WEB_PORT_BY_PROTOCOL.get(url.protocol));
  if (!(port >= FREE_PORTS_FROM || WEB_PORTS.has(port))) return 'port';
  // The parser has brought every spelling of an IPv4 address (hex, octal, one number) into its usual form.
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(literal) !== 0 && !isPublicAddress(literal) ? 'private_address' : null;
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
