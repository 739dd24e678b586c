import { cleanExchange, type WireExchange } from '../../src/channel/index.ts';
import type { PayPalConfig } from './config.ts';

const LEFT_OUT = '[left out]';
const ACCESS_TOKEN = /("access_token"\s*:\s*")[^"]*/g;

/** `user:password` as HTTP's Basic authorization has it. */
export function basicOf({ client_id, client_secret }: PayPalConfig): string {
  return Buffer.from(`${client_id}:${client_secret}`).toString('base64');
}

/** An exchange as it may be kept: without `Authorization`, without access tokens, and without the secret wherever it is repeated. */
export function withoutSecrets(exchange: WireExchange, config: PayPalConfig): WireExchange {
  const bearer = /^Bearer (.+)$/.exec(exchange.requestHeaders.authorization ?? '')?.[1];
  const secrets = [config.client_secret, basicOf(config), ...(bearer === undefined ? [] : [bearer])];
  const clean = (text: string): string =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, LEFT_OUT), text).replace(ACCESS_TOKEN, `$1${LEFT_OUT}`);
  return cleanExchange(exchange, clean);
}
