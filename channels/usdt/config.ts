import { z } from 'zod';
import { secretSchema } from '../../src/channel/index.ts';

/** The networks that USDT is offered on; the name is the second part of the provider's `trade_type`. */
const NETWORKS = ['trc20', 'erc20', 'bep20', 'polygon', 'arbitrum', 'solana', 'aptos', 'xlayer', 'plasma'] as const;

/** The `credentials` of a USDT channel in `gateway.yaml`: one instance of BEpusdt, one network. */
export interface UsdtConfig {
  /** Without a slash at its end. */
  readonly base_url: string;
  /** Signs requests and notices. */
  readonly api_token: string;
  readonly network: (typeof NETWORKS)[number];
  /** The provider's own rate when absent: a fixed one (`7.2`), or a shift of it (`~1.02`, `+0.3`). Payments in USDT need none. */
  readonly rate?: string | undefined;
  /** Whether a notice is believed only when a query says the same. */
  readonly confirm_by_query: boolean;
}

/** Strict: a misspelt key is a fault. */
export const usdtConfigSchema: z.ZodType<UsdtConfig> = z.strictObject({
  base_url: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !text.endsWith('/'), 'must not end in a slash')
    .refine(isSafe, 'must be https: answers are not signed, and name the address that buyers send money to'),
  api_token: secretSchema(16),
  network: z.enum(NETWORKS).default('trc20'),
  rate: z
    .string()
    .regex(/^[~+-]?\d{1,6}(\.\d{1,6})?$/, 'must be a rate such as 7.2, ~1.02 or +0.3')
    .optional(),
  confirm_by_query: z.boolean().default(true),
});

/** Plain http only to this machine, where the sandbox is. */
function isSafe(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(url?.hostname ?? '');
}
