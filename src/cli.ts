#!/usr/bin/env node
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { Command } from 'commander';
import { request } from 'undici';
import { z } from 'zod';
import { describeFaults, loadConfig, readEnvironment } from './config/index.ts';
import { demoGreeting } from './greeting.ts';
import { isPaymentId } from './payment/index.ts';
import { openSqliteReader } from './store/sqlite/index.ts';
import { describePayment } from './story.ts';

/** SIGTERM must end the process within ten seconds, also when something hangs. */
const STOP_DEADLINE_MS = 9_500;
const ADMIN_TIMEOUT_MS = 3_000;

const out = (text: string): void => void process.stdout.write(`${text}\n`);

function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/** Runs until SIGTERM or SIGINT, then stops in order; a second signal ends at once. */
function untilSignal(stop: () => Promise<void>): void {
  const onSignal = (): void => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
    setTimeout(() => fail('stopping took too long; ended as it was'), STOP_DEADLINE_MS).unref();
    stop().then(
      () => process.exit(0),
      (thrown: unknown) => fail(`stopping failed: ${String(thrown)}`),
    );
  };
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
}

/* The gateway and the channels are loaded by the commands that need them: the others answer in half the time. */

async function start(): Promise<void> {
  const { startSwitchyard } = await import('./main.ts');
  const started = await startSwitchyard(process.env);
  if (!started.ok) fail(describeFaults(started.error));
  untilSignal(() => started.value.stop());
  out(demoGreeting(started.value));
}

async function sandbox(): Promise<void> {
  const { startSandboxAlone } = await import('./main.ts');
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

async function showPayment(id: string): Promise<void> {
  if (!isPaymentId(id)) fail(`${id} is not a payment id (pay_ and 26 characters)`);
  const environment = readEnvironment(process.env);
  if (!environment.ok) fail(describeFaults(environment.error));
  const reader = openSqliteReader(join(environment.value.dataDir, 'switchyard.db'));
  const stored = await reader.findById(id);
  await reader.close();
  if (!stored) fail(`no payment ${id} in ${environment.value.dataDir}`);
  out(describePayment(stored.payment));
}

const statusSchema = z.object({
  channels: z.array(
    z.object({
      channel: z.string(),
      provider: z.string(),
      mode: z.string(),
      enabled: z.boolean(),
      weight: z.number(),
      methods: z.array(z.string()),
      breaker: z.record(z.string(), z.string()),
      technical_ratio: z.number(),
      payment_ratio: z.number(),
      score: z.number(),
    }),
  ),
});

async function listChannels(): Promise<void> {
  const environment = readEnvironment(process.env);
  if (!environment.ok) fail(describeFaults(environment.error));
  const { adminHost, adminPort } = environment.value;
  const url = `http://${isIPv6(adminHost) ? `[${adminHost}]` : adminHost}:${adminPort}/admin/status`;
  const answer = await request(url, { signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS) }).catch(() =>
    fail(`no gateway answers at ${url}; start it, or set ADMIN_PORT to its admin port`),
  );
  const status = statusSchema.safeParse(await answer.body.json().catch(() => null));
  if (!status.success) fail(`${url} is not the admin listener of a gateway; set ADMIN_PORT`);
  const { channels } = status.data;
  const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)}%`;
  const rows = channels.map((c) => [
    c.channel,
    c.enabled ? (c.weight === 0 ? 'draining' : c.mode) : 'disabled',
    c.methods.join(','),
    String(c.weight),
    c.breaker.create ?? '-',
    percent(c.technical_ratio),
    percent(c.payment_ratio),
    c.score.toFixed(4),
  ]);
  out(table([['CHANNEL', 'STATE', 'METHODS', 'WEIGHT', 'BREAKER', 'TECHNICAL', 'PAID', 'SCORE'], ...rows]));
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const program = new Command('switchyard').description('A router in front of several payment channels.');
program.command('start').description('run the gateway').action(start);
program.command('sandbox').description("run the providers' simulators alone").action(sandbox);
const config = program.command('config').description('the configuration files');
config
  .command('check')
  .argument('[file]', 'gateway.yaml; merchants.yaml lies beside it')
  .description('name every mistake with its line')
  .action(checkConfig);
program.command('channels').description('the state of each channel of the running gateway').action(listChannels);
const payments = program.command('payments').description('stored payments');
payments.command('show').argument('<id>', 'payment id').description('the story of one payment').action(showPayment);

program.parseAsync().catch((thrown: unknown) => fail(thrown instanceof Error ? thrown.message : String(thrown)));
