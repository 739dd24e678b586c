import type { Provider } from '../../../../src/channel/index.ts';
import { openToyAdapter } from './adapter.ts';
import { type ToyConfig, toyConfigSchema } from './config.ts';
import { openToySandbox } from './simulator.ts';

export const toy: Provider<ToyConfig> = {
  id: 'toy',
  capabilities: ['close', 'refund', 'partial_refund'],
  callbackUrl: 'per_request',
  configSchema: toyConfigSchema,
  openAdapter: openToyAdapter,
  openSandbox: openToySandbox,
};
