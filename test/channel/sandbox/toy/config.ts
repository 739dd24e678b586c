import { z } from 'zod';
import { secretSchema } from '../../../../src/channel/index.ts';

export const toyConfigSchema = z.strictObject({
  base_url: z.url({ protocol: /^https?$/ }),
  merchant: z.string().min(1),
  secret: secretSchema(32),
});

export type ToyConfig = z.infer<typeof toyConfigSchema>;
