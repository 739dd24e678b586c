#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { z } from 'zod';
import { askAdmin } from './admin-client.ts';
import { sentAlerts, testAlerts } from './alert-commands.ts';
import { describeFaults, loadConfig, readEnvironment } from './config/index.ts';
import { type DiffOptions, diffConfig, explainConfig, reloadConfig, sealValue } from './config-commands.ts';
import { type DoctorOptions, doctorAll, doctorEpay } from './doctor-command.ts';
import { demoGreeting } from './greeting.ts';
import { decideHeldMoney } from './held-money.ts';
import { addMerchantsCommand } from './merchants-program.ts';
import { addMigrateCommand } from './migrate-command.ts';
import type { Result } from './payment/index.ts';
import { explainRouting } from './routing-explain.ts';
import { addSimulateCommand } from './simulate-command.ts';
import { type ShowOptions, showPayment, verifyEvidence } from './story.ts';
import { table } from './table.ts';
import { guardOutput, writeNow } from './terminal.ts';
import { deadEvents, failingWebhooks, redeliverEvents, resumeWebhooks } from './webhook-commands.ts';

// What is loaded from here on is compiled once and kept, where that may be written: a third of the time to start. Never in a folder that others
// write to, since what lies there is run.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/switchyard'));

/** SIGTERM must end the process within ten seconds after its time of grace, also when something hangs. */
const STOP_DEADLINE_MS = 9_500;

/** This process serves payments, or simulators, rather than answer a question. */
let serves = false;

guardOutput({ serves: () => serves });

const out = (text: string): void => void process.stdout.write(`${text}\n`);

function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/**
 * Runs until SIGTERM or SIGINT, then stops in order. A further SIGINT, from a person who will not wait, ends at once; a further
 * SIGTERM changes nothing: supervisors repeat it.
 */
function untilSignal(stop: () => Promise<void>, graceMs = 0): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping && signal === 'SIGINT') process.exit(1);
    if (stopping) return;
    stopping = true;
    setTimeout(() => fail('stopping took too long; ended as it was'), STOP_DEADLINE_MS + graceMs).unref();
    stop().then(
      () => process.exit(0),
      (thrown: unknown) => fail(`stopping failed: ${String(thrown)}`),
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/* The gateway and the channels are loaded by the commands that need them: the others answer in half the time. */

async function start(): Promise<void> {
  serves = true;
  // From the first moment on: without a listener the signal would end the process.
  let reload = (): void => {};
  process.on('SIGHUP', () => reload());
  const { startSwitchyard } = await import('./main.ts');
  const started = await startSwitchyard(process.env);
  if (!started.ok) fail(describeFaults(started.error));
  untilSignal(() => started.value.stop(), started.value.stopGraceMs);
  reload = () => void started.value.reload('signal');
  out(demoGreeting(started.value));
}

async function sandbox(): Promise<void> {
  serves = true;
  const { startSandboxAlone } = await import('./sandbox-alone.ts');
  const started = await startSandboxAlone(process.env);
  if (!started.ok) fail(describeFaults(started.error));
  const { url, channelIds, stop } = started.value;
  untilSignal(stop);
  out(`Sandbox for ${channelIds.join(', ')} on ${url}\nStart gateways with SANDBOX_URL=${url}`);
}

async function checkConfig(file: string | undefined): Promise<void> {
  const { PROVIDERS } = await import('../channels/index.ts');
  const environment = readEnvironment({ ...process.env, ...(file === undefined ? {} : { CONFIG: file }) });
  if (!environment.ok) fail(describeFaults(environment.error));
  const { configPath, production } = environment.value;
  const loaded = loadConfig({ path: configPath, env: process.env, providers: PROVIDERS, production });
  if (!loaded.ok) fail(describeFaults(loaded.error));
  if (loaded.value.warnings.length > 0) out(describeFaults(loaded.value.warnings));
  const { channels, merchantIds } = loaded.value;
  out(`${configPath}: ok, ${counted(channels.length, 'channel')}, ${counted(merchantIds.length, 'merchant')}`);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function told(story: Result<string, string>): void {
  if (!story.ok) fail(story.error);
  out(story.value);
}

const statusSchema = z.object({
  channels: z.array(
    z.object({
      channel: z.string(),
      provider: z.string(),
      mode: z.string(),
      enabled: z.boolean(),
      weight: z.number(),
      state: z.string(),
      full: z.array(z.unknown()).nullish(),
      methods: z.array(z.string()),
      breaker: z.record(z.string(), z.string()),
      technical_ratio: z.number(),
      payment_ratio: z.number(),
      score: z.number(),
    }),
  ),
});

async function listChannels(): Promise<void> {
  const status = await askAdmin(process.env, { method: 'GET', path: '/admin/status', answer: statusSchema });
  if (!status.ok) fail(status.error);
  const { channels } = status.value;
  const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)}%`;
  const rows = channels.map((c) => [
    c.channel,
    c.full?.length ? `${c.state}, at its limit` : c.state,
    c.methods.join(','),
    String(c.weight),
    c.breaker.create ?? '-',
    percent(c.technical_ratio),
    percent(c.payment_ratio),
    c.score.toFixed(4),
  ]);
  out(table([['CHANNEL', 'STATE', 'METHODS', 'WEIGHT', 'BREAKER', 'TECHNICAL', 'PAID', 'SCORE'], ...rows]));
}

const program = new Command('switchyard').description('A router in front of several payment channels.');
program.configureOutput({ writeOut: writeNow });
program.command('start').description('run the gateway').action(start);
program.command('sandbox').description("run the providers' simulators alone").action(sandbox);
const config = program.command('config').description('the configuration files');
config
  .command('check')
  .argument('[file]', 'gateway.yaml; merchants.yaml lies beside it')
  .description('name every mistake with its line')
  .action(checkConfig);
config
  .command('diff')
  .argument(
    '[file]',
    'a proposed gateway.yaml, merchants.yaml beside it or as it is; default: the files as they are now',
  )
  .option('--json', 'the changes as JSON')
  .description('what it would change; exit code 0: nothing, 2: something, 1: faults')
  .action(async (file: string | undefined, options: DiffOptions) => {
    const diff = await diffConfig(process.env, file, options);
    told(diff.story);
    if (diff.differs) process.exitCode = 2;
  });
config
  .command('reload')
  .description('have the running gateway take the files now, and tell what changed')
  .action(async () => told(await reloadConfig(process.env)));
config
  .command('explain')
  .description('the configuration in force, defaults filled in, with what each key means')
  .action(async () => told(await explainConfig(process.env)));
config
  .command('seal')
  .argument('<place>', 'where it will stand, with dots: channels.alipay-main.credentials.private_key')
  .description('a secret from the standard input, encrypted with the master key for this place of a file alone')
  .action(async (place: string) => told(sealValue(process.env, place, await text(process.stdin))));
program.command('channels').description('the state of each channel of the running gateway').action(listChannels);
addSimulateCommand(program, { env: process.env, now: Date.now }, told);
const failed = (): void => {
  process.exitCode = 1;
};
addMerchantsCommand(program, { env: process.env, told, failed });
addMigrateCommand(program, process.env);
const routing = program.command('routing').description('how channels are chosen');
routing
  .command('explain')
  .argument('<id>', 'payment id')
  .option('--json', 'the stored decisions as JSON')
  .description('why each attempt of a payment went where it went, in words and numbers')
  .action(async (id: string, options: { json?: boolean }) => told(await explainRouting(process.env, id, options)));
const payments = program.command('payments').description('stored payments');
payments
  .command('show')
  .argument('<id>', 'payment id')
  .option('--messages', 'also what was sent and received, decrypted with the master key')
  .option('--json', 'everything as JSON')
  .description('the story of one payment')
  .action(async (id: string, options: ShowOptions) => told(await showPayment(process.env, id, options)));
payments
  .command('keep')
  .argument('<id>', 'payment id')
  .description('let money that is held count')
  .action(async (id: string) => told(await decideHeldMoney(process.env, id, { word: 'keep' })));
payments
  .command('return')
  .argument('<id>', 'payment id')
  .description('send money that is held back to the buyer')
  .action(async (id: string) => told(await decideHeldMoney(process.env, id, { word: 'return' })));
payments
  .command('returned')
  .argument('<id>', 'payment id')
  .requiredOption('--reference <proof>', 'what proves it, such as the number of a transfer; kept with the payment')
  .description('record that you have sent the money back by other means')
  .action(async (id: string, { reference }: { reference: string }) =>
    told(await decideHeldMoney(process.env, id, { word: 'returned', reference })),
  );
const events = program.command('events').description('events to shops, of the running gateway');
events
  .command('dead')
  .option('--merchant <id>', 'of one merchant')
  .option('--after <event>', 'those after this one')
  .description('what was given up after three days, oldest first')
  .action(async (options) => told(await deadEvents(process.env, options)));
events
  .command('redeliver')
  .argument('[event]', 'event id')
  .option('--dead', 'all that were given up')
  .option('--merchant <id>', 'with --dead: of one merchant')
  .description('send an event again: same id, same body')
  .action(async (id: string | undefined, options) => told(await redeliverEvents(process.env, id, options)));
const webhooks = program.command('webhooks').description('addresses of shops that only fail, and which are paused');
webhooks.action(async () => told(await failingWebhooks(process.env)));
webhooks
  .command('resume')
  .argument('<merchant>', 'merchant id')
  .argument('[endpoint]', 'its address, as `webhooks` shows it; default: all of the merchant')
  .description('end the pause of an address')
  .action(async (merchant: string, endpoint: string | undefined) =>
    told(await resumeWebhooks(process.env, merchant, endpoint)),
  );
const doctor = program
  .command('doctor')
  .description('what is wrong with the running gateway, in words, and how its clock stands to others');
doctor.action(async () => told(await doctorAll(process.env)));
doctor
  .command('epay')
  .option('--pid <n>', 'one shop in full; default: a line for each')
  .option('--json', 'as JSON')
  .description(
    'shops that speak epay: what to type where, and what went wrong with their last requests and notifications',
  )
  .action(async (options: DoctorOptions) => told(await doctorEpay(process.env, options)));
const alerts = program.command('alerts').description('what people were told of alerts, newest first');
alerts.action(async () => told(await sentAlerts(process.env)));
alerts
  .command('test')
  .option('--severity <severity>', 'page or ticket', 'page')
  .description('send a test message to each receiver of this urgency; exit code 1 unless each has taken it')
  .action(async ({ severity }: { severity: string }) => told(await testAlerts(process.env, severity)));
const evidence = program.command('evidence').description('the record of what was said');
evidence
  .command('verify')
  .description('whether it is as it was written; exit code 1 names the first row that is not')
  .action(() => told(verifyEvidence(process.env)));

program.parseAsync().catch((thrown: unknown) => fail(thrown instanceof Error ? thrown.message : String(thrown)));
