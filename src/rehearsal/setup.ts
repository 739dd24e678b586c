import type { LoadedConfig } from '../config/index.ts';
import type { Setup } from '../what-if/index.ts';

/** Of a configuration what the routing of payments depends on; no credentials. */
export function setupOf({ settings, channels, merchants }: LoadedConfig): Setup {
  return {
    routing: settings.routing,
    failover: settings.failover,
    channels: channels.map(({ profile, providerId, breaker }) => ({ profile, providerId, breaker })),
    merchantOf: (merchantId) => {
      const merchant = merchants.byId(merchantId);
      return merchant && { channels: merchant.channels, maxAmountMinor: merchant.limits.maxAmountMinor };
    },
  };
}
