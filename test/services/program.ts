import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that some tests need and npm does not bring. */
export interface NeededProgram {
  readonly name: string;
  /** Names the program's path; it wins over everything else. */
  readonly variable: string;
  /** What it may be called on the PATH. */
  readonly commands: readonly string[];
  /** The Debian packages that bring it. */
  readonly packages: readonly string[];
  /** System services that the packages would start, now and at every boot; tests want the programs alone. */
  readonly services?: readonly string[];
}

export type Found = { readonly path: string } | { readonly missing: string };

const INSTALL_TIMEOUT_MS = 300_000;

/** Looks in the environment, then on the PATH, then asks the system's package manager where that needs no question. */
export function findOrInstall(needed: NeededProgram, env: NodeJS.ProcessEnv = process.env): Found {
  const named = env[needed.variable];
  if (named !== undefined)
    return isExecutable(named) ? { path: named } : { missing: `${needed.variable} names no program` };
  const present = onPath(needed, env);
  if (present !== undefined) return { path: present };
  if (process.getuid?.() !== 0 || onPath({ commands: ['apt-get'] }, env) === undefined) {
    return {
      missing: `${needed.name} is not installed; set ${needed.variable} or install ${needed.packages.join(' ')}`,
    };
  }
  try {
    install(needed, env);
  } catch {
    return { missing: `${needed.packages.join(' ')} could not be installed; set ${needed.variable}` };
  }
  const installed = onPath(needed, env);
  return installed === undefined ? { missing: `${needed.name} was installed but not found` } : { path: installed };
}

function install({ packages, services = [] }: NeededProgram, env: NodeJS.ProcessEnv): void {
  const options = {
    stdio: 'ignore',
    timeout: INSTALL_TIMEOUT_MS,
    // In run level 1, invoke-rc.d starts nothing where there is no systemd.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  } as const;
  if (services.length > 0 && onPath({ commands: ['systemctl'] }, env) !== undefined) {
    execFileSync('systemctl', ['mask', ...services], options);
  }
  execFileSync('apt-get', ['update', '-qq'], options);
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
}

function onPath({ commands }: Pick<NeededProgram, 'commands'>, env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return commands.flatMap((command) => folders.map((folder) => join(folder, command))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
