import { z } from 'zod';
import {
  type AdapterPorts,
  type ChannelAdapter,
  type ChannelError,
  type CreateRequest,
  channelError,
  type Notice,
  type RawCallback,
} from '../../../../src/channel/index.ts';
import {
  ABSENT,
  err,
  isAmountMinor,
  isCurrency,
  type Observation,
  ok,
  parseRefundRef,
} from '../../../../src/payment/index.ts';
import { openToyClient, type ToyAnswer } from './client.ts';
import type { ToyConfig } from './config.ts';
import { observeRefund, readShownRefund, type ShownRefund, toyRefunds } from './refund.ts';
import { toySign } from './sign.ts';

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

/** The adapter of the toy provider, written as a real one has to be. */
export function openToyAdapter(config: ToyConfig, ports: AdapterPorts): ChannelAdapter {
  const client = openToyClient(config, ports);
  const { ask, verify } = client;

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
    ...toyRefunds(client, config),
    close: (order, signal) => askOrder('POST', `/orders/${order.providerRef}/close`, signal),
    async parseCallback(raw) {
      const message = readCallback(raw);
      if (message === null) return err('malformed');
      const good = verify({ ...message, said: 'callback' });
      if (good !== 'genuine') return err(good);
      const shown = readShown(message.body) ?? readShownRefund(message.body);
      if (shown === null) return err('malformed');
      if (shown.merchant !== config.merchant) return err('foreign_account');
      return ok(noticesOf(shown));
    },
    acknowledge: (outcome) =>
      outcome.kind === 'refused'
        ? { status: 400, contentType: 'text/plain', body: 'refused' }
        : { status: 200, contentType: 'text/plain', body: 'OK' },
    async probe(signal) {
      const asked = await askOrder('GET', '/orders/probe', signal);
      return asked.ok ? ok(undefined) : asked;
    },
    dispose: () => client.dispose(),
  };
}

function noticesOf(shown: Shown | ShownRefund): readonly Notice[] {
  if (!('refund_no' in shown)) return [{ kind: 'order', providerRef: shown.ref, observation: observe(shown) }];
  if (parseRefundRef(shown.refund_no) === null) return []; // made by hand at the toy: none of ours
  const { ref: providerRef, refund_no: refundRef } = shown;
  return [{ kind: 'refund', providerRef, refundRef, observation: observeRefund(shown) }];
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

function refusalOf(answer: ToyAnswer): ChannelError {
  if (answer.status === 401) return channelError('AUTH_MISCONFIGURED', 'no', { providerCode: 'SIGN' });
  if (answer.status === 409) return channelError('DUPLICATE', 'maybe', { providerCode: 'OTHER_AMOUNT' });
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code' });
}
