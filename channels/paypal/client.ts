import type { z } from 'zod';
import { type AdapterPorts, type ChannelError, channelError } from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import { baseUrlOf, type PayPalConfig } from './config.ts';
import { errorOfAnswer, errorOfSending, unreadable } from './errors.ts';
import { withoutSecrets } from './evidence.ts';
import { parseJson } from './json.ts';
import { openTokens } from './tokens.ts';
import { type Answer, openTransport, type SendFailure, type Transport } from './transport.ts';

export interface PayPalCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** `PayPal-Request-Id`: a call that is repeated under it answers what became of the first. */
  readonly requestId?: string;
}

export interface PayPalClient {
  /** For what needs no token: certificates. */
  readonly transport: Transport;
  /**
   * Asks PayPal once. An answer that does not fit `schema` is an unreadable one: something may have happened there. Only when
   * PayPal refuses our access token, and so has done nothing, the call goes out a second time, under a new one.
   */
  ask<T>(schema: z.ZodType<T>, call: PayPalCall, signal: AbortSignal): Promise<Result<T, ChannelError>>;
  close(): Promise<void>;
}

export function openClient(config: PayPalConfig, { now, record }: AdapterPorts): PayPalClient {
  const transport = openTransport((seen) => record(withoutSecrets(seen, config)));
  const tokens = openTokens(config, transport, now);

  const send = (call: PayPalCall, token: string, signal: AbortSignal): Promise<Result<Answer, SendFailure>> => {
    const { method, path, body, requestId } = call;
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      ...(method === 'POST' ? { 'content-type': 'application/json', prefer: 'return=representation' } : {}),
      ...(requestId === undefined ? {} : { 'paypal-request-id': requestId }),
    };
    const text = body === undefined ? '' : JSON.stringify(body);
    return transport.send({ method, url: `${baseUrlOf(config)}${path}`, headers, body: text }, signal);
  };

  return {
    transport,
    async ask(schema, call, signal) {
      if (signal.aborted) return err(channelError('CHANNEL_UNAVAILABLE', 'no', { reason: 'timeout' }));
      const token = await tokens.get(signal);
      if (!token.ok) return token;
      let answer = await send(call, token.value, signal);
      if (answer.ok && answer.value.status === 401) {
        tokens.drop(token.value);
        const fresh = await tokens.get(signal);
        if (!fresh.ok) return fresh;
        answer = await send(call, fresh.value, signal);
      }
      if (!answer.ok) return err(errorOfSending(answer.error));
      const { status, text } = answer.value;
      if (status < 200 || status > 299) return err(errorOfAnswer(status, text));
      const parsed = schema.safeParse(parseJson(text));
      return parsed.success ? ok(parsed.data) : err(unreadable('unmapped_code'));
    },
    close() {
      tokens.dispose();
      return transport.close();
    },
  };
}
