import { z } from 'zod';
import {
  type AdapterPorts,
  type ChannelError,
  channelError,
  errorOfSending,
  openHttpTransport,
} from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import type { UsdtConfig } from './config.ts';
import { errorOf } from './errors.ts';
import { type Fields, parseJson } from './json.ts';
import { signatureOf } from './signature.ts';

const answerSchema = z.object({
  status_code: z.union([z.number(), z.string()]).transform(String),
  message: z.string().default(''),
  data: z.unknown().optional(),
});

export interface Client {
  /** One signed request, one try: the `data` of a success. Answers are not signed, so they are worth what TLS is. */
  call(path: string, fields: Fields, signal: AbortSignal): Promise<Result<unknown, ChannelError>>;
  dispose(): Promise<void>;
}

/** The token never leaves: requests carry a signature made with it, which may be kept. */
export function openClient(config: UsdtConfig, ports: AdapterPorts): Client {
  const transport = openHttpTransport(config.base_url, ports.record);
  const { pathname } = new URL(config.base_url);
  const prefix = pathname === '/' ? '' : pathname;
  return {
    async call(path, fields, signal) {
      const signature = signatureOf(fields, config.api_token);
      const body = JSON.stringify({ ...Object.fromEntries(fields), signature });
      const headers = { 'content-type': 'application/json' };
      const sent = await transport.send({ method: 'POST', path: `${prefix}${path}`, headers, body }, signal);
      if (!sent.ok) return err(errorOfSending(sent.error));
      if (sent.value.status === 429) return err(channelError('RATE_LIMITED', 'no', { providerCode: 'http_429' }));
      const text = Buffer.from(sent.value.body).toString('utf8');
      const answer = sent.value.status < 500 ? answerSchema.safeParse(parseJson(text)).data : undefined;
      if (answer === undefined) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
      return answer.status_code === '200' ? ok(answer.data) : err(errorOf(answer.status_code, answer.message));
    },
    dispose: () => transport.dispose(),
  };
}

/** An answer that is about something else: its content is never used. */
export function forgedAnswer(): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' });
}
