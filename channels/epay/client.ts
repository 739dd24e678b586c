import {
  type AdapterPorts,
  type ChannelError,
  channelError,
  cleanExchange,
  errorOfSending,
  openHttpTransport,
  type WireExchange,
} from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import type { EpayConfig } from './config.ts';
import { errorOf } from './errors.ts';
import { encodeFields, type Fields, parseAnswer } from './fields.ts';
import { openSigner, type Signer } from './signature.ts';

/** Stands where the key was in whatever is kept. */
const LEFT_OUT = 'left-out';

export interface Client {
  readonly signer: Signer;
  /** A signed form. The fields of a success, in V2 of one that they signed. */
  post(path: string, fields: Fields, signal: AbortSignal): Promise<Result<Fields, ChannelError>>;
  /** V1's api.php, which wants the key itself in its address; it is kept nowhere. */
  askWithKey(fields: Fields, signal: AbortSignal): Promise<Result<Fields, ChannelError>>;
  /** An address of theirs that the buyer opens, signed. */
  link(path: string, fields: Fields): Promise<string>;
  dispose(): Promise<void>;
}

export function openClient(config: EpayConfig, ports: AdapterPorts): Client {
  const transport = openHttpTransport(config.base_url, (exchange) => ports.record(withoutKey(exchange, config)));
  const signer = openSigner(config);
  const { pathname } = new URL(config.base_url);
  const prefix = pathname === '/' ? '' : pathname;
  const withPid = (fields: Fields): Fields => new Map([['pid', config.pid], ...fields]);

  async function send(
    request: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body: string | null },
    signal: AbortSignal,
  ): Promise<Result<Fields, ChannelError>> {
    const headers: Record<string, string> =
      request.body === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await transport.send({ ...request, path: `${prefix}/${request.path}`, headers }, signal);
    if (!answer.ok) return err(errorOfSending(answer.error));
    const { status, body } = answer.value;
    if (status === 429) return err(channelError('RATE_LIMITED', 'no', { providerCode: 'http_429' }));
    // A warning of PHP before the JSON, an HTML page: who knows what was done before it.
    const fields = status < 500 ? parseAnswer(Buffer.from(body).toString('utf8')) : null;
    const code = fields?.get('code');
    if (fields === null || code === undefined) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
    return judge(fields, code);
  }

  /** V1 signs no answer. In V2 refusals are not signed either, so to believe one is safe only as far as TLS is. */
  function judge(fields: Fields, code: string): Result<Fields, ChannelError> {
    if (code !== (config.version === 'v1' ? '1' : '0')) return err(errorOf(fields, config.error_words));
    if (config.version === 'v2' && signer.verify(fields, ports.now()) !== 'genuine') return err(forgedAnswer());
    return ok(fields);
  }

  return {
    signer,
    post: async (path, fields, signal) =>
      send({ method: 'POST', path, body: encodeFields(await signer.sign(withPid(fields), ports.now())) }, signal),
    async askWithKey(fields, signal) {
      if (config.version !== 'v1') throw new Error('epay: only V1 asks with its key');
      const query = encodeFields(new Map([...withPid(fields), ['key', config.key]]));
      return send({ method: 'GET', path: `api.php?${query}`, body: null }, signal);
    },
    link: async (path, fields) =>
      `${config.base_url}/${path}?${encodeFields(await signer.sign(withPid(fields), ports.now()))}`,
    dispose: () => transport.dispose(),
  };
}

/** An answer that is about something else, or that nobody vouches for: its content is never used. */
export function forgedAnswer(): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' });
}

/** V1's key is in addresses, and some forks repeat it in answers. V2 sends none. */
function withoutKey(exchange: WireExchange, config: EpayConfig): WireExchange {
  if (config.version === 'v2') return exchange;
  const clean = (text: string): string =>
    text.replaceAll(encodeURIComponent(config.key), LEFT_OUT).replaceAll(config.key, LEFT_OUT);
  return cleanExchange(exchange, clean);
}
