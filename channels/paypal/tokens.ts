import { z } from 'zod';
import { type ChannelError, channelError } from '../../src/channel/index.ts';
import { type EpochMs, err, ok, type Result } from '../../src/payment/index.ts';
import { baseUrlOf, type PayPalConfig } from './config.ts';
import { errorOfAnswer, errorOfSending } from './errors.ts';
import { basicOf } from './evidence.ts';
import { parseJson } from './json.ts';
import type { Answer, SendFailure, Transport } from './transport.ts';

/** A token is renewed so long before it ends. */
const MARGIN_MS = 60_000;
const FETCH_MS_MAX = 10_000;

/** @see https://developer.paypal.com/api/rest/authentication/ */
const tokenSchema = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]{1,4096}$/),
  expires_in: z.int().min(0),
});

type Token = Result<string, ChannelError>;

export interface Tokens {
  /** The token in use, or a new one. An error means that the caller's own request was never sent. */
  get(signal: AbortSignal): Promise<Token>;
  /** PayPal does not take this one any more. */
  drop(token: string): void;
  dispose(): void;
}

/** One access token for all calls; whoever needs a new one at the same time waits for the same one. */
export function openTokens(config: PayPalConfig, transport: Transport, now: () => EpochMs): Tokens {
  const disposed = new AbortController();
  let current: { readonly token: string; readonly until: EpochMs } | null = null;
  let running: Promise<Token> | null = null;

  async function fetchNow(): Promise<Token> {
    const askedAt = now();
    const headers = { authorization: `Basic ${basicOf(config)}`, 'content-type': 'application/x-www-form-urlencoded' };
    const asked = {
      method: 'POST',
      url: `${baseUrlOf(config)}/v1/oauth2/token`,
      headers,
      body: 'grant_type=client_credentials',
    } as const;
    const answer = await transport.send(asked, AbortSignal.any([disposed.signal, AbortSignal.timeout(FETCH_MS_MAX)]));
    const parsed =
      answer.ok && answer.value.status === 200 ? tokenSchema.safeParse(parseJson(answer.value.text)) : null;
    if (!parsed?.success) return err(problemOf(answer));
    current = { token: parsed.data.access_token, until: askedAt + parsed.data.expires_in * 1_000 - MARGIN_MS };
    return ok(current.token);
  }

  return {
    async get(signal) {
      if (current !== null && now() < current.until) return ok(current.token);
      running ??= fetchNow().finally(() => {
        running = null;
      });
      return unlessAborted(running, signal);
    },
    drop(token) {
      if (current?.token === token) current = null;
    },
    dispose: () => disposed.abort(),
  };
}

/** In the caller's terms: its own request was not sent, so there is no order, whatever went wrong. */
function problemOf(answer: Result<Answer, SendFailure>): ChannelError {
  const error = answer.ok ? errorOfAnswer(answer.value.status, answer.value.text) : errorOfSending(answer.error);
  if (error.kind === 'AUTH_MISCONFIGURED' || error.kind === 'RATE_LIMITED') return error;
  return { ...error, kind: 'CHANNEL_UNAVAILABLE', created: 'no' };
}

function unlessAborted(work: Promise<Token>, signal: AbortSignal): Promise<Token> {
  const late = err(channelError('CHANNEL_UNAVAILABLE', 'no', { reason: 'timeout' }));
  if (signal.aborted) return Promise.resolve(late);
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(late);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
