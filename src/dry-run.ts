import { fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { DryRunAnswer, DryRunRequest } from './http/index.ts';

export interface DryRuns {
  run(request: DryRunRequest, signal: AbortSignal): Promise<DryRunAnswer>;
  /** Ends the one that is under way. */
  close(): Promise<void>;
}

/** What the child is told. */
export interface DryRunOrder {
  readonly request: DryRunRequest;
  /** Epoch milliseconds. */
  readonly now: number;
}

const PROGRAM = fileURLToPath(new URL('./dry-run-program.ts', import.meta.url));
const TIME_LIMIT_MS = 120_000;
const MEMORY_MB_MAX = 512;
/** Payments go first: it takes the time that they leave. */
const NICE = 10;

/**
 * Dry runs in a process of their own, one at a time: a replay keeps a core busy for many seconds, and what goes wrong in it may not
 * take the gateway along. The process has the gateway's environment without its master key, and reads its files and its database.
 */
export function createDryRuns(ports: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly timeLimitMs?: number;
}): DryRuns {
  const { MASTER_KEY: _, ...env } = ports.env;
  const closing = new AbortController();
  let underWay: Promise<unknown> | null = null;

  async function run(request: DryRunRequest, signal: AbortSignal): Promise<DryRunAnswer> {
    if (underWay !== null || closing.signal.aborted) return { outcome: 'busy' };
    const limit = AbortSignal.timeout(ports.timeLimitMs ?? TIME_LIMIT_MS);
    const answer = inChild({ request, now: ports.now() }, env, AbortSignal.any([signal, closing.signal, limit]));
    underWay = answer;
    try {
      return (await answer) ?? (limit.aborted ? { outcome: 'too_long' } : { outcome: 'failed', detail: ENDED });
    } finally {
      underWay = null;
    }
  }

  return {
    run,
    close: async () => {
      closing.abort();
      await underWay?.catch(() => {});
    },
  };
}

const ENDED = 'The process of the dry run ended without an answer; a shorter time needs less memory.';

/** Settles when the process is gone; null when it had not answered by then. */
function inChild(
  order: DryRunOrder,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<DryRunAnswer | null> {
  return new Promise((resolve) => {
    const child = fork(PROGRAM, [], {
      env: { ...env },
      execArgv: [`--max-old-space-size=${MEMORY_MB_MAX}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    let answer: DryRunAnswer | null = null;
    const end = (): void => void child.kill('SIGKILL');
    const settle = (): void => {
      signal.removeEventListener('abort', end);
      resolve(answer);
    };
    child.once('message', (message) => {
      answer = message as DryRunAnswer; // only our own program speaks here
    });
    child.once('error', settle);
    child.once('close', settle);
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
    lowerPriority(child.pid);
    child.send(order, (failed) => failed && end());
  });
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, NICE);
  } catch {
    // It has ended already, or this system does not let us; then it runs as everything else.
  }
}
