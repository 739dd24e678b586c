import type { Provider } from '../../src/channel/index.ts';
import { balance } from './balance.ts';
import { acknowledge, parseCallback } from './callback.ts';
import { openClient } from './client.ts';
import { close } from './close.ts';
import { type WechatPayConfig, wechatPayConfigSchema } from './config.ts';
import { create, providerExpiresAt } from './create.ts';
import { probe } from './probe.ts';
import { query } from './query.ts';
import { queryRefund, refund } from './refund.ts';

/** WeChat Pay API v3, direct merchants: native (QR) and H5 orders in CNY. */
export const provider: Provider<WechatPayConfig> = {
  id: 'wechatpay',
  capabilities: ['close', 'refund', 'partial_refund', 'balance'],
  callbackUrl: 'per_request',
  configSchema: wechatPayConfigSchema,
  openAdapter: (config, ports) => {
    const client = openClient(config, ports);
    return {
      account: config.mchid,
      // A create makes the order at once, so "no such order" a few seconds later is the truth.
      absence: 'final',
      createsOffline: () => false,
      needsBuyerIp: (scene) => scene === 'wap',
      providerExpiresAt,
      create: create(client),
      query: query(client, config),
      close: close(client, config),
      refund: refund(client),
      queryRefund: queryRefund(client),
      parseCallback: parseCallback(client, config),
      acknowledge,
      probe: probe(client, config, ports),
      balance: balance(client),
      dispose: () => client.dispose(),
    };
  },
  openSandbox: async (options) => (await import('./sandbox/index.ts')).startWechatPaySandbox(options),
};
