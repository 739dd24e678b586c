import { cleanExchange, type WireExchange } from '../../src/channel/index.ts';
import type { StripeConfig } from './config.ts';

const LEFT_OUT = '[left out]';
/** Whoever holds a client secret can pay with the PaymentIntent or Session that it belongs to. */
const CLIENT_SECRET = /_secret_[A-Za-z0-9]+/g;

/**
 * An exchange as it may be kept: without the header that carries our key, without client secrets, and without the key
 * itself wherever somebody on the way may have repeated it.
 */
export function withoutSecrets(exchange: WireExchange, config: StripeConfig): WireExchange {
  const clean = (text: string): string =>
    text.replaceAll(config.secret_key, LEFT_OUT).replace(CLIENT_SECRET, `_secret_${LEFT_OUT}`);
  return cleanExchange(exchange, clean);
}
