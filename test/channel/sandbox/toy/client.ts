import { timingSafeEqual } from 'node:crypto';
import { Agent, request } from 'undici';
import {
  type AdapterPorts,
  type ChannelError,
  channelError,
  type WireExchange,
} from '../../../../src/channel/index.ts';
import { err, ok, type Result } from '../../../../src/payment/index.ts';
import type { ToyConfig } from './config.ts';
import { toySign } from './sign.ts';

const WINDOW_MS = 300_000;

export interface ToyAnswer {
  readonly status: number;
  readonly body: string;
}

/** Signed requests to the toy, one try each, their answers verified and recorded. */
export interface ToyClient {
  ask(
    method: 'GET' | 'POST',
    path: string,
    value: unknown,
    signal: AbortSignal,
  ): Promise<Result<ToyAnswer, ChannelError>>;
  verify(message: { time: unknown; sign: unknown; said: string; body: string }): 'genuine' | 'bad_signature' | 'stale';
  dispose(): Promise<void>;
}

type Asked = Pick<WireExchange, 'method' | 'url' | 'requestHeaders' | 'requestBody'>;
type Got = Pick<WireExchange, 'status' | 'responseHeaders' | 'responseBody'>;

export function openToyClient(config: ToyConfig, { now, record }: AdapterPorts): ToyClient {
  const agent = new Agent();

  const verify: ToyClient['verify'] = (message) => {
    if (typeof message.time !== 'string' || typeof message.sign !== 'string') return 'bad_signature';
    if (!/^\d{13}$/.test(message.time) || !/^[0-9a-f]{64}$/.test(message.sign)) return 'bad_signature';
    const expected = Buffer.from(toySign(config.secret, Number(message.time), message.said, message.body), 'hex');
    if (!timingSafeEqual(Buffer.from(message.sign, 'hex'), expected)) return 'bad_signature';
    return Math.abs(now() - Number(message.time)) > WINDOW_MS ? 'stale' : 'genuine';
  };

  const send = async (asked: Asked, signal: AbortSignal): Promise<Got | { code: unknown }> => {
    const chunks: Uint8Array[] = [];
    const { method, url, requestHeaders: headers, requestBody } = asked;
    const body = requestBody === '' ? null : requestBody;
    let responseHeaders = {};
    try {
      const got = await request(url, { dispatcher: agent, method, signal, headers, body });
      responseHeaders = plain(got.headers);
      for await (const chunk of got.body) chunks.push(chunk);
      const answer = { status: got.statusCode, responseHeaders, responseBody: textOf(chunks) };
      record({ ...asked, ...answer, failure: null });
      return answer;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null;
      const failure = signal.aborted ? 'aborted' : String(code ?? 'broken').toLowerCase();
      const responseBody = chunks.length === 0 ? null : textOf(chunks);
      record({ ...asked, status: null, responseHeaders, responseBody, failure });
      return { code };
    }
  };

  return {
    verify,
    async ask(method, path, value, signal) {
      if (signal.aborted) return err(channelError('CHANNEL_UNAVAILABLE', 'no'));
      const url = new URL(`${config.base_url}${path}`);
      const requestBody = value === null ? '' : JSON.stringify(value);
      const time = now();
      const sign = toySign(config.secret, time, `${method} ${url.pathname}`, requestBody);
      const requestHeaders = { 'toy-merchant': config.merchant, 'toy-time': String(time), 'toy-sign': sign };
      const got = await send({ method, url: url.href, requestHeaders, requestBody }, signal);
      if ('code' in got) return err(lost(got.code));
      const { status, responseHeaders, responseBody } = got;
      const body = responseBody ?? '';
      if (status === 401) return ok({ status, body }); // with a wrong key nothing could be verified
      if (status === null || status >= 500) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
      const proof = { time: responseHeaders['toy-time'], sign: responseHeaders['toy-sign'] };
      if (verify({ ...proof, said: 'answer', body }) === 'genuine') return ok({ status, body });
      return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
    },
    dispose: () => agent.close(),
  };
}

function lost(code: unknown): ChannelError {
  return code === 'ECONNREFUSED'
    ? channelError('CHANNEL_UNAVAILABLE', 'no')
    : channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe');
}

function plain(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

function textOf(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
