import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ConfigEdits, call, eventually, impatientConfig, patient } from './stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const CLI = join(ROOT, 'src/cli.ts');
const PATIENCE_MS = 30_000;

/** How a process ended: an exit code, or the signal that killed it. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One real process of this program, or of anything else. */
export interface Program {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Both streams, as an operator's terminal or log file shows them. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Settles when it has ended and both streams are read to their end. */
  readonly ended: Promise<Ending>;
  /** Waits for a text on either stream; fails when the process ends without it. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

/** A folder with the impatient configuration, and every process that a test starts in it. */
export interface Theatre {
  readonly folder: string;
  readonly dataDir: string;
  readonly config: string;
  /** Runs `src/cli.ts` with these arguments. The environment holds nothing but PATH, the folder's files and free ports. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Program;
  /** Any other command in the project's folder. */
  command(file: string, args: readonly string[], env?: Readonly<Record<string, string>>): Program;
  /** `start`, up to its greeting. */
  start(env?: Readonly<Record<string, string>>): Promise<Gateway>;
  /** `sandbox`, up to its greeting; `SANDBOX_DATA_DIR` is set, so that its books outlive it. */
  sandbox(env?: Readonly<Record<string, string>>): Promise<{ readonly url: string; readonly program: Program }>;
  /** Kills what still runs and removes the folder. */
  close(): Promise<void>;
}

export interface Gateway {
  readonly program: Program;
  readonly url: string;
  readonly adminUrl: string;
  /** Its listeners' addresses as an environment, to start it again at the same place. */
  readonly place: Readonly<Record<string, string>>;
  api(method: 'GET' | 'POST', path: string, body?: unknown): ReturnType<typeof call>;
}

export async function openTheatre(edits: ConfigEdits = {}, secretKey = 'sk_sandbox_demo'): Promise<Theatre> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-process-'));
  const config = await impatientConfig(folder, {
    ...edits,
    editConfig: (yaml) => patient(edits.editConfig?.(yaml) ?? yaml),
  });
  const dataDir = join(folder, 'data');
  const running = new Set<Program>();
  const base = {
    // The shebang of src/cli.ts has to find this Node and no other one of the machine.
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
    HOME: folder,
    // Many short-lived processes of the same program: what one has compiled the next need not compile again.
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/node'),
    ...{ CONFIG: config, DATA_DIR: dataDir, PORT: '0', ADMIN_PORT: '0', SANDBOX_PORT: '0' },
    SANDBOX_TIME_FACTOR: '100',
    LOG_LEVEL: 'warn',
  };

  const command: Theatre['command'] = (file, args, env = {}) => {
    const program = launch(file, args, { ...base, ...env });
    running.add(program);
    void program.ended.finally(() => running.delete(program));
    return program;
  };
  const run: Theatre['run'] = (args, env) => command(process.execPath, [CLI, ...args], env);

  return {
    ...{ folder, dataDir, config, run, command },
    async start(env = {}) {
      const program = run(['start'], env);
      const [, url = ''] = await program.says(/merchant API and cashier +(\S+)\n/);
      const [, adminUrl = ''] = await program.says(/metrics and health +(\S+)\n/);
      const sandboxUrl = /\n +sandbox +(\S+)\n/.exec(program.stdout())?.[1];
      const portOf = (text: string) => new URL(text).port;
      return {
        program,
        url,
        adminUrl,
        place: {
          ...env,
          PORT: env.PORT ?? portOf(url),
          ADMIN_PORT: portOf(adminUrl),
          ...(sandboxUrl === undefined || env.SANDBOX_URL !== undefined ? {} : { SANDBOX_PORT: portOf(sandboxUrl) }),
        },
        api: (method, path, body) => call(method, `${url}${path}`, body, { authorization: `Bearer ${secretKey}` }),
      };
    },
    async sandbox(env = {}) {
      const program = run(['sandbox'], { SANDBOX_DATA_DIR: join(folder, 'books'), ...env });
      const [, url = ''] = await program.says(/SANDBOX_URL=(\S+)\n/);
      return { url, program };
    },
    async close() {
      for (const program of running) program.kill('SIGKILL');
      await Promise.all([...running].map((program) => program.ended));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A test in a theatre of its own, so that others can run at the same time. */
export function inTheatre(act: (theatre: Theatre) => Promise<void>): () => Promise<void> {
  return async () => {
    const theatre = await openTheatre();
    try {
      await act(theatre);
    } finally {
      await theatre.close();
    }
  };
}

function launch(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Program {
  const child = spawn(file, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text;
  });
  let ending: Ending | undefined;
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      ending = { code, signal };
      resolve(ending);
    });
  });
  const output = () => texts.stdout + texts.stderr;
  return {
    pid: child.pid ?? -1,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    output,
    kill: (signal) => void child.kill(signal),
    ended,
    says: (pattern) =>
      eventually(() => {
        const found = pattern.exec(output());
        if (found === null && ending) throw new Error(`ended with ${JSON.stringify(ending)}: ${output()}`);
        return found ?? undefined;
      }, PATIENCE_MS),
  };
}

/** Whether anything takes connections there. */
export async function isListening(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    async (answer) => {
      await answer.arrayBuffer();
      return true;
    },
    () => false,
  );
}
