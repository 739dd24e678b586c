import { Agent, request } from 'undici';
import { type AdapterPorts, type ChannelError, channelError, type WireExchange } from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import type { ExamplePayConfig } from './config.ts';
import { errorOf } from './errors.ts';
import { signatureOf, verify } from './signature.ts';

const CONNECT_MS_MAX = 5_000;
const ANSWER_BYTES_MAX = 64 * 1024;

/** Failures after which certainly not a byte of the request has left; after every other one an order may exist (I7). */
const NOTHING_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export interface Client {
  /** One signed request, one try. The text of a verified 200; everything else is an error. */
  call(method: 'GET' | 'POST', path: string, body: unknown, signal: AbortSignal): Promise<Result<string, ChannelError>>;
  dispose(): Promise<void>;
}

type Asked = Pick<WireExchange, 'method' | 'url' | 'requestHeaders' | 'requestBody'> & { method: 'GET' | 'POST' };
type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly text: string };

export function openClient(config: ExamplePayConfig, { now, record }: AdapterPorts): Client {
  const agent = new Agent({ connect: { timeout: CONNECT_MS_MAX }, maxResponseSize: ANSWER_BYTES_MAX });

  function sign(method: 'GET' | 'POST', url: URL, requestBody: string): Asked {
    const timeMs = now();
    const signature = signatureOf(config.secret, { timeMs, said: `${method} ${url.pathname}`, body: requestBody });
    const requestHeaders = { 'ex-account': config.account, 'ex-time': String(timeMs), 'ex-sign': signature };
    return { method, url: url.href, requestHeaders, requestBody };
  }

  /** Recorded once, whatever comes of it. The headers hold a signature, which is evidence, and no secret. */
  async function send(asked: Asked, signal: AbortSignal): Promise<Result<Answer, ChannelError>> {
    const { method, url, requestHeaders: headers, requestBody } = asked;
    const received: Uint8Array[] = [];
    const text = () => Buffer.concat(received).toString('utf8');
    let responseHeaders = {};
    try {
      const body = requestBody === '' ? null : requestBody;
      const answer = await request(url, { dispatcher: agent, method, signal, headers, body });
      responseHeaders = flat(answer.headers);
      for await (const chunk of answer.body) received.push(chunk);
      record({ ...asked, status: answer.statusCode, responseHeaders, responseBody: text(), failure: null });
      return ok({ status: answer.statusCode, headers: responseHeaders, text: text() });
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'broken';
      const responseBody = received.length === 0 ? null : text();
      record({ ...asked, status: null, responseHeaders, responseBody, failure: signal.aborted ? 'aborted' : code });
      return err(lost(code, signal));
    }
  }

  return {
    async call(method, path, body, signal) {
      if (signal.aborted) return err(channelError('CHANNEL_UNAVAILABLE', 'no', { reason: 'timeout' }));
      const text = body === null ? '' : JSON.stringify(body);
      const sent = await send(sign(method, new URL(`${config.base_url}${path}`), text), signal);
      if (!sent.ok) return sent;
      const answer = sent.value;
      // They cannot sign for a caller whose key they do not know, and to believe that nothing was done is safe.
      if (answer.status === 401) return err(channelError('AUTH_MISCONFIGURED', 'no', { providerCode: 'http_401' }));
      if (answer.status >= 500) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
      const proof = { time: answer.headers['ex-time'], sign: answer.headers['ex-sign'] };
      if (verify(config.secret, proof, { said: 'answer', body: answer.text, nowMs: now() }) !== 'genuine')
        return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
      return answer.status === 200 ? ok(answer.text) : err(errorOf(answer.text));
    },
    dispose: () => agent.destroy(),
  };
}

function lost(code: string, signal: AbortSignal): ChannelError {
  const why = signal.aborted ? { reason: 'timeout' as const } : {};
  return NOTHING_SENT.has(code)
    ? channelError('CHANNEL_UNAVAILABLE', 'no', why)
    : channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', why);
}

/** A header that came twice is joined with a comma, and so is no proof of anything. */
function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
