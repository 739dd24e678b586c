import type { Provider } from '../../src/channel/index.ts';
import { ok } from '../../src/payment/index.ts';
import { acknowledge, parseCallback } from './callback.ts';
import { openClient } from './client.ts';
import { close } from './close.ts';
import { type ExamplePayConfig, examplePayConfigSchema } from './config.ts';
import { create } from './create.ts';
import { query } from './query.ts';
import { queryRefund, refund } from './refund.ts';

/** ExamplePay, a provider that exists only here: the smallest folder that passes the contract suite. Copy it and change it. */
export const provider: Provider<ExamplePayConfig> = {
  id: 'examplepay',
  capabilities: ['close', 'refund', 'partial_refund'],
  callbackUrl: 'per_request',
  configSchema: examplePayConfigSchema,
  openAdapter(config, ports) {
    const client = openClient(config, ports);
    const ask = query(client, config);
    return {
      account: config.account,
      // A create makes the order at once, so "no such order" a few seconds later is the truth.
      absence: 'final',
      createsOffline: () => false,
      needsBuyerIp: () => false,
      providerExpiresAt: (expiresAt) => expiresAt,
      create: create(client),
      query: ask,
      close: close(client, config),
      refund: refund(client, config),
      queryRefund: queryRefund(client, config),
      parseCallback: parseCallback(config),
      acknowledge,
      async probe(signal) {
        // An order that cannot exist: a healthy channel answers, signed, that it knows none.
        const providerRef = `probe${Buffer.from(ports.randomBytes(8)).toString('hex')}`;
        const seen = await ask({ providerRef }, signal);
        return seen.ok ? ok(undefined) : seen;
      },
      dispose: () => client.dispose(),
    };
  },
  openSandbox: async (options) => (await import('./sandbox/index.ts')).openExamplePaySandbox(options),
};
