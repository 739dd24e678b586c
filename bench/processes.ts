import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';

const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 12_000;

export interface Started {
  readonly name: string;
  readonly pid: number;
  /** From its start until it served, to 10 ms. */
  readonly readyMs: number;
  /** Its stdout and stderr, in a file as an operator would have it, so that nobody has to read along. */
  readonly logPath: string;
  stop(): Promise<void>;
}

export interface ProcessPlan {
  readonly name: string;
  /** Arguments of this same Node, the script among them. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Working folder; relative paths in `args` start here. */
  readonly cwd: string;
  /** Where the log goes. */
  readonly folder: string;
  /** Answers 200 once the process serves. */
  readonly readyUrl: string;
}

/** Starts a process of its own and waits until it serves. It gets `env` and nothing else of ours but PATH and HOME. */
export async function startProcess(plan: ProcessPlan): Promise<Started> {
  const { name, args, env, cwd, folder, readyUrl } = plan;
  const logPath = join(folder, `${name}.log`);
  const log = openSync(logPath, 'a');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, args, { cwd, env: { PATH, HOME, ...env }, stdio: ['ignore', log, log] });
  closeSync(log);
  const startedAt = performance.now();
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  await untilReady(child, name, readyUrl, logPath);
  return {
    name,
    pid: child.pid ?? 0,
    readyMs: performance.now() - startedAt,
    logPath,
    stop: async () => {
      process.off('exit', killAtExit);
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} had ended; see ${logPath}`);
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      await ended;
      clearTimeout(late);
    },
  };
}

async function untilReady(child: ChildProcess, name: string, readyUrl: string, logPath: string): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) break;
    const status = await request(readyUrl).then(
      async ({ statusCode, body }) => {
        await body.dump();
        return statusCode;
      },
      () => 0,
    );
    if (status === 200) return;
    await pause(10);
  }
  child.kill('SIGKILL');
  throw new Error(`${name} did not start; see ${logPath}`);
}

/** Below the range that systems take ports for outgoing connections from, of which a bench has hundreds. */
const PORTS = { from: 15_000, to: 32_000 };

/** Ports that nobody listens on now. Another program may still be faster; then the start fails and says so. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (let tries = 0; found.length < count && tries < 1_000; tries += 1) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (!found.includes(port) && (await isFree(port))) found.push(port);
  }
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
