import type { WireExchange } from './contract.ts';

/** An exchange as it may be kept: without its `Authorization`, and with every other text of it as `clean` leaves it. */
export function cleanExchange(exchange: WireExchange, clean: (text: string) => string): WireExchange {
  const cleanAll = (headers: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, clean(value)]));
  const { authorization: _key, ...requestHeaders } = exchange.requestHeaders;
  return {
    ...exchange,
    url: clean(exchange.url),
    requestHeaders: cleanAll(requestHeaders),
    requestBody: clean(exchange.requestBody),
    responseHeaders: cleanAll(exchange.responseHeaders),
    responseBody: exchange.responseBody === null ? null : clean(exchange.responseBody),
  };
}
