import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCommand } from '../../bench/start-command.ts';
import { ROOT } from './pages.ts';

/** A gateway that runs as `npm start` runs it, in a process of its own, on free ports and in a folder of its own. */
export interface Started {
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly sandboxUrl: string;
  readonly greeting: string;
  /** The environment for commands that a reader would type beside it. */
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  stop(): Promise<void>;
}

export async function startGateway(): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-docs-'));
  const path = `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`;
  const env = { ...process.env, PATH: path, TMPDIR: folder, DATA_DIR: join(folder, 'data'), NODE_ENV: 'development' };
  const CONFIG = await withoutExploration(folder);
  const start = startCommand(ROOT);
  const gateway = spawn(process.execPath, [...start.nodeFlags, ...start.script], {
    cwd: ROOT,
    env: { ...env, ...start.env, CONFIG, PORT: '0', ADMIN_PORT: '0', SANDBOX_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    if (gateway.exitCode === null && gateway.signalCode === null) {
      const ended = once(gateway, 'exit');
      gateway.kill('SIGTERM');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const greeting = await printed(gateway, /Create a payment:\s+curl [^\n]+\n/);
    const url = (name: string): string => new RegExp(`${name} +(http://\\S+)`).exec(greeting)?.[1] ?? '';
    const adminUrl = url('metrics and health');
    return {
      publicUrl: url('merchant API and cashier'),
      adminUrl,
      sandboxUrl: url('sandbox'),
      greeting,
      env: { ...env, CONFIG, ADMIN_PORT: new URL(adminUrl).port },
      folder,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A reader's payment may go to another channel to learn; a test's may not. */
async function withoutExploration(folder: string): Promise<string> {
  for (const name of ['gateway.yaml', 'merchants.yaml']) {
    const text = await readFile(join(ROOT, 'config', name), 'utf8');
    await writeFile(join(folder, name), text.replace('exploration: 2%', 'exploration: 0%'));
  }
  return join(folder, 'gateway.yaml');
}

/** Waits until the process has printed something, and keeps reading so that it never blocks. */
async function printed(child: ChildProcess, what: RegExp): Promise<string> {
  let text = '';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < 100_000) text += chunk;
    if (what.test(text)) resolve(text);
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < 100_000) text += chunk;
  });
  child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${text}`)));
  child.once('error', reject);
  return promise;
}

/** Runs a command to its end; its outputs together, as a terminal shows them. */
export async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}
