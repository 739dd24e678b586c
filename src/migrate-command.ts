import { type Command, Option } from 'commander';

/** The two sides differ, or a migration could not be begun. */
const FAILED = 1;
/** All is well, and not finished: a gateway still has the data directory. */
const UNFINISHED = 3;

interface Options {
  readonly check?: boolean;
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** `switchyard migrate`. What it needs is loaded when it is called; the other commands answer the faster for it. */
export function addMigrateCommand(program: Command, env: Readonly<Record<string, string | undefined>>): void {
  program
    .command('migrate')
    .description(
      'move everything of DATA_DIR into the empty database of MONGO_URL; exit code 3: the gateway has to stop first',
    )
    .addOption(new Option('--from <store>', 'where the payments are').choices(['sqlite']).makeOptionMandatory())
    .addOption(new Option('--to <store>', 'where they go').choices(['mongo']).makeOptionMandatory())
    .option('--check', 'only compare both sides, document by document')
    .option('--wait', 'copy beside the running gateway, and finish by itself when that is stopped')
    .option('--json', 'the result as JSON')
    .action(async ({ check, wait, json }: Options) => {
      const { migrate, describeReport } = await import('./migrate.ts');
      const say = (line: string): void => void process.stderr.write(`${line}\n`);
      const mode = check ? 'check' : wait ? 'wait' : 'move';
      const report = await migrate(env, { mode, say, now: Date.now });
      if (!report.ok) {
        say(report.error);
        process.exitCode = FAILED;
        return;
      }
      const { outcome } = report.value;
      process.stdout.write(`${json ? JSON.stringify(report.value, null, 2) : describeReport(report.value)}\n`);
      if (outcome === 'different') process.exitCode = FAILED;
      if (outcome === 'gateway_runs') process.exitCode = UNFINISHED;
    });
}
