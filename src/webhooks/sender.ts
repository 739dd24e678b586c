import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, request } from 'undici';
import type { SendWebhook, WebhookAnswer } from '../gateway/index.ts';
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
 * Posts events to merchants. The address is checked at the moment of connecting, after resolution, so neither a redirect (none
 * is followed) nor a name that resolves differently the second time leads inside (SSRF). How many connections there are is for
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
  const open = new Agent({ ...common, connect: { lookup } });
  const guarded = new Agent({ ...common, connect: { lookup: publicOnly(resolve) } });

  const send: SendWebhook = async (webhook, signal) => {
    const refusal = refusalOf(webhook);
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
