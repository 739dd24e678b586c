import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { ROOT } from './stage.ts';

const LIBRARIES = ['koa', '@koa/router', 'undici', 'better-sqlite3', 'alipay-sdk', 'wechatpay-node-v3', 'pino', 'zod'];
const versionSchema = z.object({ version: z.string() });

/** Where and with what the figures were made: without it they say nothing. */
export async function describeMachine(startCommand: string) {
  return {
    at: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${arch()}`,
    /** Of the last minute before the start: much above 0 means that others were at work too. */
    loadAverage: loadavg()[0],
    node: process.version,
    commit: await commit(),
    versions: Object.fromEntries(await Promise.all(LIBRARIES.map(async (name) => [name, await versionOf(name)]))),
    command: ['node', ...process.argv.slice(1).map((arg) => arg.replace(`${ROOT}/`, ''))].join(' '),
    gateway: startCommand,
  };
}

export type Machine = Awaited<ReturnType<typeof describeMachine>>;

async function versionOf(name: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8'));
  return versionSchema.parse(manifest).version;
}

/** With a plus when files were changed since; null outside of a clone. */
async function commit(): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', ['-C', ROOT, ...args], { timeout: 5_000 })).stdout.trim();
  try {
    return `${await git('rev-parse', '--short', 'HEAD')}${(await git('status', '--porcelain')) === '' ? '' : '+'}`;
  } catch {
    return null;
  }
}
