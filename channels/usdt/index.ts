import { channelError, type Provider } from '../../src/channel/index.ts';
import { err, ok } from '../../src/payment/index.ts';
import { acknowledge, parseCallback } from './callback.ts';
import { openClient } from './client.ts';
import { type UsdtConfig, usdtConfigSchema } from './config.ts';
import { create, LIFE_S_MIN } from './create.ts';
import { close, query } from './query.ts';
import { accountOf } from './status.ts';

const NO_REFUNDS = err(channelError('INVALID_REQUEST', 'no', { providerCode: 'no refunds' }));

/** USDT over a BEpusdt instance of one's own: the buyer sends an exact amount to an address, and the instance watches the chain. */
export const provider: Provider<UsdtConfig> = {
  id: 'usdt',
  capabilities: ['close'],
  callbackUrl: 'per_request',
  configSchema: usdtConfigSchema,
  openAdapter(config, ports) {
    const client = openClient(config, ports);
    const ask = query(client, config);
    return {
      account: accountOf(config),
      // A create whose answer got lost cannot be asked about, see query.ts.
      absence: 'until_expiry',
      createsOffline: () => false,
      needsBuyerIp: () => false,
      providerExpiresAt: (expiresAt, now) => Math.max(expiresAt, now + LIFE_S_MIN * 1_000),
      create: create(client, config, ports.now),
      query: ask,
      close: close(client, ask),
      refund: async () => NO_REFUNDS,
      queryRefund: async () => NO_REFUNDS,
      parseCallback: parseCallback(config, ask),
      acknowledge,
      async probe(signal) {
        // Queries are not signed; to cancel an order that cannot exist tries the token as well.
        const tradeId = `probe${Buffer.from(ports.randomBytes(8)).toString('hex')}`;
        const seen = await client.call('/api/v1/order/cancel-transaction', new Map([['trade_id', tradeId]]), signal);
        return seen.ok || seen.error.kind === 'NOT_FOUND' ? ok(undefined) : seen;
      },
      dispose: () => client.dispose(),
    };
  },
  openSandbox: async (options) => (await import('./sandbox/index.ts')).openUsdtSandbox(options),
};
