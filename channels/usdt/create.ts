import { z } from 'zod';
import { type ChannelAdapter, type Created, type CreateRequest, channelError } from '../../src/channel/index.ts';
import {
  currencyExponent,
  type EpochMs,
  err,
  fromDecimalString,
  ok,
  type Quote,
  toDecimalString,
} from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import type { UsdtConfig } from './config.ts';
import type { Fields } from './json.ts';
import { orderIdOf } from './order-id.ts';
import { readUsdt } from './status.ts';

/** The time of an order that they take; for any other they use a default of their own. */
export const LIFE_S_MIN = 180;
const LIFE_S_MAX = 3_600;
/** From a million on they print numbers with an exponent, and the signature would be another one. */
const AMOUNT_BELOW = 1_000_000;
/** They price in these; USDT itself is priced as dollars at the rate 1. */
const FIATS = new Set(['CNY', 'USD', 'EUR', 'GBP', 'JPY']);

const createdSchema = z.object({
  order_id: z.string(),
  trade_id: z.string().regex(/^[\w-]{1,64}$/),
  status: z.union([z.number(), z.string()]).transform(String),
  amount: z.union([z.number(), z.string()]).transform(String),
  actual_amount: z.union([z.number(), z.string()]).transform(String),
  token: z.string(),
  /** Seconds left, not a time. */
  expiration_time: z.number().positive(),
  payment_url: z.url({ protocol: /^https?$/ }).max(2_000),
});
type WireCreated = z.infer<typeof createdSchema>;

/** Asks for an address and the exact amount to send there; both, and until when, are the order's quote. */
export function create(client: Client, config: UsdtConfig, now: () => EpochMs): ChannelAdapter['create'] {
  return async (wish, signal) => {
    const price = priceOf(wish, config);
    if (price === null) return err(channelError('INVALID_REQUEST', 'no', { providerCode: 'amount or currency' }));
    const left = Math.ceil((wish.expiresAt - now()) / 1_000);
    const fields: Fields = new Map<string, string | number>([
      ['order_id', orderIdOf(wish.providerRef, wish.amount.currency)],
      ...price,
      ['trade_type', `usdt.${config.network}`],
      ['notify_url', wish.callbackUrl],
      ['redirect_url', wish.returnUrl],
      ['timeout', Math.min(LIFE_S_MAX, Math.max(LIFE_S_MIN, left))],
    ]);
    const answer = await client.call('/api/v1/order/create-transaction', fields, signal);
    if (!answer.ok) return answer;
    const created = createdSchema.safeParse(answer.value).data;
    const unusable = err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
    if (created === undefined || created.order_id !== fields.get('order_id')) return unusable;
    if (created.status === '2' || created.status === '5') return err(channelError('ALREADY_PAID', 'maybe'));
    if (created.status !== '1') return err(channelError('ALREADY_CLOSED', 'maybe'));
    const quote = quoteOf(created, wish, config, now());
    return quote === null ? unusable : ok(shown(created, quote, wish));
  };
}

/** The amount as they want it, or null for one that they could not take as it is. */
function priceOf(
  { amount }: CreateRequest,
  config: UsdtConfig,
): readonly (readonly [string, string | number])[] | null {
  const isUsdt = amount.currency === 'USDT';
  // Two decimals are what their amounts have, whatever the currency.
  const cents = fromDecimalString(toDecimalString(amount), isUsdt ? 'USD' : amount.currency);
  if (!cents.ok || !(isUsdt || FIATS.has(amount.currency))) return null;
  const value = Number(toDecimalString(cents.value));
  if (value >= AMOUNT_BELOW || currencyExponent(cents.value.currency) > 2) return null;
  if (isUsdt) return [...pair(value, 'USD'), ['rate', '1']];
  return config.rate === undefined
    ? pair(value, amount.currency)
    : [...pair(value, amount.currency), ['rate', config.rate]];
}

function pair(amount: number, fiat: string): readonly (readonly [string, string | number])[] {
  return [
    ['amount', amount],
    ['fiat', fiat],
  ];
}

function quoteOf(created: WireCreated, wish: CreateRequest, { network }: UsdtConfig, now: EpochMs): Quote | null {
  const asked = fromDecimalString(created.amount, wish.amount.currency);
  const amount = readUsdt(created.actual_amount);
  if (!asked.ok || asked.value.minor !== wish.amount.minor || amount === null) return null;
  if (!isAddress(created.token, network)) return null;
  const expiresAt = now + Math.floor(created.expiration_time * 1_000);
  return { amount, network: network.toUpperCase(), address: created.token, expiresAt };
}

function shown(created: WireCreated, quote: Quote, wish: CreateRequest): Created {
  const channelTradeNo = created.trade_id;
  if (wish.scene === 'qr') return { action: { type: 'qr_code', qrCode: quote.address }, quote, channelTradeNo };
  return { action: { type: 'redirect', url: created.payment_url }, quote, channelTradeNo };
}

/** Money that is sent to a wrong address is gone, so one that is none of its network is shown to nobody. */
function isAddress(text: string, network: UsdtConfig['network']): boolean {
  if (network === 'trc20') return /^T[1-9A-HJ-NP-Za-km-z]{33}$/.test(text);
  if (network === 'solana') return /^[1-9A-HJ-NP-Za-km-z]{32,44}$/.test(text);
  return network === 'aptos' ? /^0x[0-9a-fA-F]{1,64}$/.test(text) : /^0x[0-9a-fA-F]{40}$/.test(text);
}
