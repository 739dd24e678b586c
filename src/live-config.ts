import type { LoadedConfig } from './config/index.ts';
import type { Merchants } from './gateway/index.ts';

/** The one place that holds the configuration in force. Whoever asks per request sees a new one with the next request. */
export interface LiveConfig {
  current(): LoadedConfig;
  /** Those of the configuration in force, whichever it is when they are asked. */
  readonly merchants: Merchants;
  /** Puts another one in its place, whole. */
  replace(next: LoadedConfig): void;
}

export function createLiveConfig(first: LoadedConfig): LiveConfig {
  let current = first;
  return {
    current: () => current,
    merchants: {
      byId: (id) => current.merchants.byId(id),
      byEpayPid: (pid) => current.merchants.byEpayPid(pid),
      epayMerchants: () => current.merchants.epayMerchants(),
      bySecretKey: (key) => current.merchants.bySecretKey(key),
    },
    replace: (next) => {
      current = next;
    },
  };
}
