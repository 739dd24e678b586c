import type { ChannelAdapter } from '../../src/channel/index.ts';
import type { Client } from './client.ts';
import type { ExamplePayConfig } from './config.ts';
import { observed } from './query.ts';

/** Asks them to stop taking money. They answer with the order as it then is: closed, or paid if the buyer was faster. */
export function close(client: Client, config: ExamplePayConfig): ChannelAdapter['close'] {
  return async ({ providerRef }, signal) =>
    observed(await client.call('POST', `/orders/${providerRef}/close`, null, signal), providerRef, config);
}
