import { Agent, request } from 'undici';
import { type ChannelError, channelError } from '../../src/channel/index.ts';
import { type EpochMs, err, ok, type Result } from '../../src/payment/index.ts';
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

export function openClient(config: ExamplePayConfig, now: () => EpochMs): Client {
  const agent = new Agent({ connect: { timeout: CONNECT_MS_MAX }, maxResponseSize: ANSWER_BYTES_MAX });

  async function send(method: 'GET' | 'POST', url: URL, body: string, signal: AbortSignal) {
    const timeMs = now();
    const sign = signatureOf(config.secret, { timeMs, said: `${method} ${url.pathname}`, body });
    const headers = { 'ex-account': config.account, 'ex-time': String(timeMs), 'ex-sign': sign };
    const answer = await request(url, { dispatcher: agent, method, signal, headers, body: body === '' ? null : body });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  }

  return {
    async call(method, path, body, signal) {
      if (signal.aborted) return err(channelError('CHANNEL_UNAVAILABLE', 'no', { reason: 'timeout' }));
      const text = body === null ? '' : JSON.stringify(body);
      const answer = await send(method, new URL(`${config.base_url}${path}`), text, signal).catch(
        (thrown: unknown): ChannelError => lost(thrown, signal),
      );
      if ('kind' in answer) return err(answer);
      const proof = { time: one(answer.headers['ex-time']), sign: one(answer.headers['ex-sign']) };
      // They cannot sign for a caller whose key they do not know, and to believe that nothing was done is safe.
      if (answer.status === 401) return err(channelError('AUTH_MISCONFIGURED', 'no', { providerCode: 'http_401' }));
      if (answer.status >= 500) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
      if (verify(config.secret, proof, { said: 'answer', body: answer.text, nowMs: now() }) !== 'genuine')
        return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
      return answer.status === 200 ? ok(answer.text) : err(errorOf(answer.text));
    },
    dispose: () => agent.destroy(),
  };
}

function lost(thrown: unknown, signal: AbortSignal): ChannelError {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const why = signal.aborted ? { reason: 'timeout' as const } : {};
  return NOTHING_SENT.has(code)
    ? channelError('CHANNEL_UNAVAILABLE', 'no', why)
    : channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', why);
}

function one(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
