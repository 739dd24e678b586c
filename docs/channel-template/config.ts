import { z } from 'zod';
import { secretSchema } from '../../src/channel/index.ts';

/** The `credentials` of an ExamplePay channel in `gateway.yaml`. */
export interface ExamplePayConfig {
  /** The account that takes the money; every callback must name it (I12). */
  readonly account: string;
  /** Signs our requests and their answers and callbacks. */
  readonly secret: string;
  /** Without a slash at its end. */
  readonly base_url: string;
}

/** Strict: a misspelt key is a fault. `secretSchema` refuses empty, short and placeholder secrets (I13). */
export const examplePayConfigSchema: z.ZodType<ExamplePayConfig> = z.strictObject({
  account: z.string().regex(/^ex_[0-9a-f]{8}$/, 'must be the account id, ex_ and 8 hex digits'),
  secret: secretSchema(32),
  base_url: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !text.endsWith('/'), 'must not end in a slash')
    .default('https://api.examplepay.invalid'),
});
