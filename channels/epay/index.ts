import type { Provider } from '../../src/channel/index.ts';
import { ok } from '../../src/payment/index.ts';
import { acknowledge, parseCallback } from './callback.ts';
import { openClient } from './client.ts';
import { type EpayConfig, epayConfigSchema } from './config.ts';
import { create } from './create.ts';
import { query } from './query.ts';
import { queryRefund, refund } from './refund.ts';

const MINUTE_MS = 60_000;

/** Another epay gateway (易支付) as a channel, V1 (MD5) or V2 (RSA). What shops speak with us is elsewhere and shares nothing with it. */
export const provider: Provider<EpayConfig> = {
  id: 'epay',
  capabilities: ['refund', 'partial_refund'],
  callbackUrl: 'per_request',
  configSchema: epayConfigSchema,
  openAdapter(config, ports) {
    const client = openClient(config, ports);
    const ask = query(client, config, ports.now);
    const byLink = config.create_by === 'link';
    return {
      account: config.pid,
      capabilities: config.version === 'v2' && config.refunds ? ['refund', 'partial_refund'] : [],
      // A link makes its order when the buyer opens it, whenever that is.
      absence: byLink ? 'until_expiry' : 'final',
      createsOffline: () => byLink,
      needsBuyerIp: () => !byLink,
      providerExpiresAt: (expiresAt, now) => Math.max(expiresAt, now + config.order_life_minutes * MINUTE_MS),
      create: create(client, config),
      query: ask,
      close: ask,
      refund: refund(client, config),
      queryRefund: queryRefund(client, config),
      parseCallback: parseCallback(client.signer, config, ask),
      acknowledge,
      async probe(signal) {
        const providerRef = `probe${Buffer.from(ports.randomBytes(8)).toString('hex')}`;
        // In V2 only a success is signed, and so shows who answers.
        const seen =
          config.version === 'v2'
            ? await client.post('api/merchant/info', new Map(), signal)
            : await ask({ providerRef, channelTradeNo: null, amount: { minor: 1, currency: 'CNY' } }, signal);
        return seen.ok ? ok(undefined) : seen;
      },
      dispose: () => client.dispose(),
    };
  },
  openSandbox: async (options) => (await import('./sandbox/index.ts')).openEpaySandbox(options),
};
