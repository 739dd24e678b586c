import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Certificate } from './certificate.ts';
import { ferretdbPath } from './ferretdb-build.ts';
import { goEnvironment } from './go.ts';
import { findOrInstall } from './program.ts';

/** A server that speaks MongoDB's protocol. */
export interface MongoServer {
  /** Without a database. */
  readonly url: string;
  /** Takes it away and brings it back; absent for a server that is not ours. */
  readonly outage?: { begin(): Promise<void>; end(): Promise<void> };
  stop(): Promise<void>;
}

const GO = { name: 'Go', variable: 'GO', commands: ['go', 'go1.26'], packages: ['golang-go'] };
const BUILD_TIMEOUT_MS = 900_000;
const START_TIMEOUT_MS = 20_000;

/**
 * The server of TEST_MONGO_URL, or else FerretDB in a folder and on a port of its own, which is built when a machine needs it first. Why
 * there is none: a suite that needs one is skipped then, and fails with CI=true.
 */
export async function startMongo(): Promise<MongoServer | { readonly missing: string }> {
  const given = process.env.TEST_MONGO_URL;
  if (given !== undefined) return { url: given.replace(/\/+$/, ''), stop: async () => {} };
  const program = await builtFerretdb();
  if ('missing' in program) {
    if (process.env.CI === 'true') throw new Error(`CI needs a MongoDB: ${program.missing}`);
    process.stderr.write(`skipping the suites that need a MongoDB: ${program.missing}\n`);
    return program;
  }
  return startFerretdb(program.path);
}

/** FerretDB behind TLS, which TEST_MONGO_URL does not give: why there is none, or a server whose URL wants `tls=true`. */
export async function startMongoTls(certificate: Certificate): Promise<MongoServer | { readonly missing: string }> {
  const program = await builtFerretdb();
  return 'missing' in program ? program : startFerretdb(program.path, certificate);
}

/** Files of tests run side by side: the first builds, under a lock that ends with its process, and the others wait. */
async function builtFerretdb() {
  const path = process.env.FERRETDB ?? ferretdbPath();
  if (existsSync(path)) return { path };
  const go = findOrInstall(GO, { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/local/go/bin` });
  if ('missing' in go) return go;
  const cache = dirname(dirname(path));
  mkdirSync(cache, { recursive: true });
  const script = join(import.meta.dirname, 'ferretdb-build.ts');
  try {
    const args = [join(cache, 'ferretdb.lock'), process.execPath, script, go.path];
    await promisify(execFile)('flock', args, { timeout: BUILD_TIMEOUT_MS });
  } catch {
    return { missing: 'FerretDB could not be built; set TEST_MONGO_URL to a server for tests' };
  }
  return { path };
}

async function startFerretdb(program: string, certificate: Certificate | null = null): Promise<MongoServer> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-mongo-'));
  const start = (at: string) => launch(program, folder, listenArgs(at, certificate));
  let running = await start('0');
  const { port } = running;
  return {
    url: `mongodb://127.0.0.1:${port}`,
    outage: {
      begin: () => running.end(),
      end: async () => {
        running = await start(port);
      },
    },
    stop: async () => {
      await running.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listenArgs(port: string, certificate: Certificate | null): readonly string[] {
  if (certificate === null) return [`--listen-addr=127.0.0.1:${port}`];
  const files = [`--listen-tls-cert-file=${certificate.certFile}`, `--listen-tls-key-file=${certificate.keyFile}`];
  return ['--listen-addr=', `--listen-tls=127.0.0.1:${port}`, ...files];
}

/** Runs the program up to its word that it listens. */
async function launch(program: string, folder: string, listening: readonly string[]) {
  const args = [
    ...['--handler=sqlite', `--sqlite-url=file:${folder}/?_pragma=synchronous(off)`, `--state-dir=${folder}`],
    ...[...listening, '--debug-addr=-', '--telemetry=disable', '--log-format=text'],
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: goEnvironment() });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const end = async (): Promise<void> => {
    kill();
    await exited;
    process.removeListener('exit', kill);
  };
  const port = new Promise<string>((resolve, reject) => {
    setTimeout(() => reject(new Error('FerretDB does not start')), START_TIMEOUT_MS).unref();
    void exited.then(() => reject(new Error('FerretDB has ended')));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const found = /Listening on (?:TCP|TLS) 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  try {
    return { port: await port, end };
  } catch (error) {
    await end();
    throw error;
  }
}
