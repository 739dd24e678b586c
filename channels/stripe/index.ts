import type { Provider } from '../../src/channel/index.ts';
import { balance } from './balance.ts';
import { acknowledge, parseCallback } from './callback.ts';
import { openClient } from './client.ts';
import { close } from './close.ts';
import { type StripeConfig, stripeConfigSchema } from './config.ts';
import { create, sessionExpiresAt } from './create.ts';
import { probe, query } from './query.ts';
import { queryRefund, refund } from './refund.ts';

export type { StripeConfig } from './config.ts';

/** Cards through Stripe: a hosted Checkout page for browsers, a PaymentIntent for apps. See MAPPING.md. */
export const provider: Provider<StripeConfig> = {
  id: 'stripe',
  capabilities: ['close', 'refund', 'partial_refund', 'balance'],
  callbackUrl: 'per_account',
  configSchema: stripeConfigSchema,
  openAdapter(config, ports) {
    const client = openClient(config, ports.record);
    return {
      account: config.account,
      // Lists are read-after-write, so an order that they do not show was not made (see locate.ts).
      absence: 'final',
      createsOffline: () => false,
      needsBuyerIp: () => false,
      providerExpiresAt: sessionExpiresAt,
      create: create(client, config, ports.now),
      query: query(client, config, ports.now),
      close: close(client, config, ports),
      refund: refund(client, config, ports.now),
      queryRefund: queryRefund(client, config, ports.now),
      parseCallback: parseCallback(config),
      acknowledge,
      probe: probe(client, config),
      balance: balance(client, config),
      dispose: () => client.close(),
    };
  },
  openSandbox: async (options) => (await import('./sandbox/index.ts')).openStripeSandbox(options),
};
