import type { Command } from 'commander';
import type { Result } from './payment/index.ts';
import type { SimulateOptions } from './simulate.ts';

/** `switchyard simulate`. What it needs is loaded when it is called; the other commands answer the faster for it. */
export function addSimulateCommand(
  program: Command,
  { env, now }: { readonly env: Readonly<Record<string, string | undefined>>; readonly now: () => number },
  told: (story: Result<string, string>) => void,
): void {
  program
    .command('simulate')
    .description('what would move under another configuration; changes nothing')
    .requiredOption(
      '--config <file>',
      'the proposed gateway.yaml; without a merchants.yaml beside it the live one is used',
    )
    .option('--from <time>', 'payments recorded from here on: a time, or how long ago (default: 24h)')
    .option('--to <time>', 'and before this (default: now)')
    .option('--scenario <file>', 'a made-up world instead of recorded payments')
    .option('--json', 'everything as JSON')
    .option('--seed <number>', 'of the draws (default: 1)')
    .option('--max-payments <number>', 'more recorded ones than this are sampled evenly (default: 200000)')
    .action(async (options: SimulateOptions) => {
      const { simulate } = await import('./simulate.ts');
      told(await simulate(env, options, now()));
    });
}
