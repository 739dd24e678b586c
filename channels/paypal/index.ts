import type { Provider } from '../../src/channel/index.ts';
import { balance } from './balance.ts';
import { acknowledge, parseCallback } from './callback.ts';
import { capture } from './capture.ts';
import { openCertificates } from './certificates.ts';
import { openClient } from './client.ts';
import { close } from './close.ts';
import { type PayPalConfig, paypalConfigSchema } from './config.ts';
import { create } from './create.ts';
import { probe, query } from './query.ts';
import { queryRefund, refund } from './refund.ts';

export type { PayPalConfig } from './config.ts';

/** PayPal Orders v2: the buyer approves on PayPal's page, and money moves when we capture. See MAPPING.md. */
export const provider: Provider<PayPalConfig> = {
  id: 'paypal',
  capabilities: ['close', 'refund', 'partial_refund', 'balance'],
  callbackUrl: 'per_account',
  configSchema: paypalConfigSchema,
  openAdapter(config, ports) {
    const client = openClient(config, ports);
    const certificates = openCertificates(config, client.transport, ports.now);
    return {
      account: config.merchant_id,
      // An order that PayPal does not know, or whose id we never got, cannot be paid (see query.ts).
      absence: 'final',
      createsOffline: () => false,
      needsBuyerIp: () => false,
      // PayPal keeps an order payable for hours, but takes money only by our capture, which does not come after our time.
      providerExpiresAt: (expiresAt) => expiresAt,
      create: create(client, config),
      query: query(client),
      capture: capture(client),
      close: close(client),
      refund: refund(client, config),
      queryRefund: queryRefund(client, config),
      parseCallback: parseCallback(config, certificates),
      acknowledge,
      probe: probe(client),
      balance: balance(client),
      async dispose() {
        certificates.dispose();
        await client.close();
      },
    };
  },
  openSandbox: async (options) => (await import('./sandbox/index.ts')).openPayPalSandbox(options),
};
