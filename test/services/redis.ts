import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { aFreePort } from './free-port.ts';

/** A redis-server of a test's own, without persistence; it can be killed, paused and started again on its port. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

export async function startRedis(program: string, options: readonly string[] = []): Promise<RedisServer> {
  const port = await aFreePort();
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-redis-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  let child: ChildProcess | null = null;
  const kill = async (): Promise<void> => {
    const ending = child;
    child = null;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill('SIGKILL');
    await exited;
  };
  const atExit = (): void => void child?.kill('SIGKILL');
  process.once('exit', atExit);
  const start = async (): Promise<void> => {
    child = spawn(program, [...args, ...options], { stdio: 'ignore' });
    await answers(port);
  };
  await start();
  return {
    ...{ port, url: `redis://127.0.0.1:${port}`, kill, start },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    stop: async () => {
      await kill();
      process.removeListener('exit', atExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A client for tests that look at or change what is stored. */
export function rawClient({ port }: Pick<RedisServer, 'port'>): Redis {
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true });
  client.on('error', () => {});
  return client;
}

async function answers(port: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => {});
    try {
      await client.connect();
      return;
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      client.disconnect();
    }
  }
}
