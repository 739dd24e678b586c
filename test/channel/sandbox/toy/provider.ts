import { z } from 'zod';
import { type Provider, secretSchema } from '../../../../src/channel/index.ts';
import { openToyAdapter } from './adapter.ts';
import { openToySandbox } from './simulator.ts';

const toyConfigSchema = z.strictObject({
  base_url: z.url({ protocol: /^https?$/ }),
  merchant: z.string().min(1),
  secret: secretSchema(32),
});

export type ToyConfig = z.infer<typeof toyConfigSchema>;

export const toy: Provider<ToyConfig> = {
  id: 'toy',
  capabilities: ['close'],
  callbackUrl: 'per_request',
  configSchema: toyConfigSchema,
  openAdapter: openToyAdapter,
  openSandbox: openToySandbox,
};
