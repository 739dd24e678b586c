import { timingSafeEqual } from 'node:crypto';
import { Agent, request } from 'undici';
import { z } from 'zod';
import {
  type AdapterPorts,
  type ChannelAdapter,
  type ChannelError,
  type CreateRequest,
  channelError,
  type RawCallback,
} from '../../../../src/channel/index.ts';
import {
  ABSENT,
  err,
  isAmountMinor,
  isCurrency,
  type Observation,
  ok,
  type Result,
} from '../../../../src/payment/index.ts';
import type { ToyConfig } from './config.ts';
import { toySign } from './sign.ts';

const WINDOW_MS = 300_000;
const CALLBACK_BYTES_MAX = 64 * 1024;

const shownSchema = z.strictObject({
  merchant: z.string(),
  ref: z.string(),
  trade_no: z.string(),
  state: z.enum(['open', 'paid', 'closed', 'failed']),
  amount: z.int().refine(isAmountMinor),
  currency: z.string().refine(isCurrency),
  paid_at: z.number().nullable(),
});
type Shown = z.infer<typeof shownSchema>;
type Answer = { readonly status: number; readonly body: string };

/** The adapter of the toy provider, written as a real one has to be. */
export function openToyAdapter(config: ToyConfig, { now }: AdapterPorts): ChannelAdapter {
  const agent = new Agent();

  const ask = async (
    method: 'GET' | 'POST',
    path: string,
    value: unknown,
    signal: AbortSignal,
  ): Promise<Result<Answer, ChannelError>> => {
    if (signal.aborted) return err(channelError('CHANNEL_UNAVAILABLE', 'no'));
    const url = new URL(`${config.base_url}${path}`);
    const body = value === null ? '' : JSON.stringify(value);
    const time = now();
    const sign = toySign(config.secret, time, `${method} ${url.pathname}`, body);
    const headers = { 'toy-merchant': config.merchant, 'toy-time': String(time), 'toy-sign': sign };
    try {
      const got = await request(url.href, {
        dispatcher: agent,
        method,
        signal,
        headers,
        body: body === '' ? null : body,
      });
      const text = await got.body.text();
      const good = verify({ time: got.headers['toy-time'], sign: got.headers['toy-sign'], said: 'answer', body: text });
      if (got.statusCode === 401) return ok({ status: 401, body: text }); // with a wrong key nothing could be verified
      if (got.statusCode >= 500) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
      if (good !== 'genuine')
        return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
      return ok({ status: got.statusCode, body: text });
    } catch (error) {
      const refused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
      return err(
        refused ? channelError('CHANNEL_UNAVAILABLE', 'no') : channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'),
      );
    }
  };

  const verify = (message: { time: unknown; sign: unknown; said: string; body: string }) => {
    if (typeof message.time !== 'string' || typeof message.sign !== 'string') return 'bad_signature';
    if (!/^\d{13}$/.test(message.time) || !/^[0-9a-f]{64}$/.test(message.sign)) return 'bad_signature';
    const expected = Buffer.from(toySign(config.secret, Number(message.time), message.said, message.body), 'hex');
    if (!timingSafeEqual(Buffer.from(message.sign, 'hex'), expected)) return 'bad_signature';
    return Math.abs(now() - Number(message.time)) > WINDOW_MS ? 'stale' : 'genuine';
  };

  const askOrder = async (method: 'GET' | 'POST', path: string, signal: AbortSignal) => {
    const answer = await ask(method, path, null, signal);
    if (!answer.ok) return answer;
    if (answer.value.status === 404) return ok(ABSENT);
    const shown = readShown(answer.value.body);
    if (answer.value.status === 200 && shown !== null) return ok(observe(shown));
    return err(refusalOf(answer.value));
  };

  return {
    account: config.merchant,
    absence: 'until_expiry',
    createsOffline: (scene) => scene === 'redirect',
    needsBuyerIp: () => false,
    providerExpiresAt: (expiresAt) => expiresAt,
    async create(wish, signal) {
      if (wish.scene === 'redirect')
        return ok({ action: { type: 'redirect', url: pageUrl(config, wish) }, channelTradeNo: null });
      const { minor: amount, currency } = wish.amount;
      const order = {
        ref: wish.providerRef,
        amount,
        currency,
        expires_at: wish.expiresAt,
        notify_url: wish.callbackUrl,
      };
      const answer = await ask('POST', '/orders', order, signal);
      if (!answer.ok) return answer;
      const shown = readShown(answer.value.body);
      if (answer.value.status !== 200 || shown === null) return err(refusalOf(answer.value));
      const qrCode = `${config.base_url}/pages/qr/${shown.ref}`;
      return ok({ action: { type: 'qr_code', qrCode }, channelTradeNo: shown.trade_no });
    },
    query: (order, signal) => askOrder('GET', `/orders/${order.providerRef}`, signal),
    close: (order, signal) => askOrder('POST', `/orders/${order.providerRef}/close`, signal),
    async parseCallback(raw) {
      const message = readCallback(raw);
      if (message === null) return err('malformed');
      const good = verify({ ...message, said: 'callback' });
      if (good !== 'genuine') return err(good);
      const shown = readShown(message.body);
      if (shown === null) return err('malformed');
      if (shown.merchant !== config.merchant) return err('foreign_account');
      return ok([{ providerRef: shown.ref, observation: observe(shown) }]);
    },
    acknowledge: (outcome) =>
      outcome.kind === 'refused'
        ? { status: 400, contentType: 'text/plain', body: 'refused' }
        : { status: 200, contentType: 'text/plain', body: 'OK' },
    async probe(signal) {
      const asked = await askOrder('GET', '/orders/probe', signal);
      return asked.ok ? ok(undefined) : asked;
    },
    dispose: () => agent.close(),
  };
}

function pageUrl(config: ToyConfig, wish: CreateRequest): string {
  const { minor: amount, currency } = wish.amount;
  const fields = `${amount}${currency}${wish.expiresAt}${wish.callbackUrl}`;
  const query = new URLSearchParams({
    ref: wish.providerRef,
    amount: String(amount),
    currency,
    expires_at: String(wish.expiresAt),
    notify_url: wish.callbackUrl,
    sign: toySign(config.secret, 0, wish.providerRef, fields),
  });
  return `${config.base_url}/pages/pay?${query}`;
}

function readCallback(raw: RawCallback): { time: string; sign: string; body: string } | null {
  const [time, ...moreTimes] = raw.headers.get('toy-time') ?? [];
  const [sign, ...moreSigns] = raw.headers.get('toy-sign') ?? [];
  if (time === undefined || sign === undefined || moreTimes.length + moreSigns.length > 0) return null;
  if (raw.method !== 'POST' || raw.body.length === 0 || raw.body.length > CALLBACK_BYTES_MAX) return null;
  return { time, sign, body: Buffer.from(raw.body).toString('utf8') };
}

function readShown(text: string): Shown | null {
  try {
    return shownSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function observe(shown: Shown): Observation {
  const state = shown.state === 'paid' ? 'succeeded' : shown.state;
  const { merchant: account, trade_no: channelTradeNo, paid_at: paidAt, amount: minor, currency } = shown;
  return { state, account, amount: { minor, currency }, channelTradeNo, paidAt, error: null };
}

function refusalOf(answer: Answer): ChannelError {
  if (answer.status === 401) return channelError('AUTH_MISCONFIGURED', 'no', { providerCode: 'SIGN' });
  if (answer.status === 409) return channelError('DUPLICATE', 'maybe', { providerCode: 'OTHER_AMOUNT' });
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code' });
}
