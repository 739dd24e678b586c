import type { AdapterPorts, ChannelAdapter, Provider } from '../../src/channel/index.ts';
import { ok } from '../../src/payment/index.ts';
import { balance } from './balance.ts';
import { acknowledge, parseCallback } from './callback.ts';
import { openClient } from './client.ts';
import { close } from './close.ts';
import { type AlipayConfig, alipayConfigSchema } from './config.ts';
import { create } from './create.ts';
import { query } from './query.ts';
import { queryRefund, refund } from './refund.ts';

export type { AlipayConfig } from './config.ts';

/** Alipay: page, wap and QR payments over the v2 gateway, on Alipay's own SDK. MAPPING.md has their words and ours. */
export const provider: Provider<AlipayConfig> = {
  id: 'alipay',
  capabilities: ['close', 'refund', 'partial_refund', 'balance'],
  callbackUrl: 'per_request',
  configSchema: alipayConfigSchema,
  openAdapter,
  openSandbox: async (options) => (await import('./sandbox/index.ts')).startAlipaySandbox(options),
};

function openAdapter(config: AlipayConfig, ports: AdapterPorts): ChannelAdapter {
  const client = openClient(config, ports);
  const ask = query(client, config.app_id);
  return {
    account: config.app_id,
    absence: 'until_expiry',
    createsOffline: (scene) => scene === 'redirect' || scene === 'wap',
    needsBuyerIp: () => false,
    providerExpiresAt: (expiresAt) => expiresAt,
    create: create(client, ports.now),
    query: ask,
    close: close(client, config.app_id),
    refund: refund(client, config.app_id),
    queryRefund: queryRefund(client, config.app_id),
    parseCallback: parseCallback(client, config),
    acknowledge,
    async probe(signal) {
      // Nobody has ever paid this number; that Alipay says so, signed, is all that is asked.
      const providerRef = `probe_${Buffer.from(ports.randomBytes(12)).toString('hex')}`;
      const seen = await ask({ providerRef }, signal);
      return seen.ok ? ok(undefined) : seen;
    },
    balance: balance(client),
    dispose: () => client.close(),
  };
}
