import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Completes `package-lock.json` with the optional packages of other platforms (the native parts of Biome, Rolldown and their
 * like). npm leaves them out when the registry at hand does not carry them, and then `npm ci` refuses its own lock. With
 * `--check` it only tells whether something is missing.
 *
 * The added entries have a version but no integrity hash, since nothing could be fetched to hash; on a platform that needs
 * one, npm takes that exact version from the registry.
 */
interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Record<string, LockEntry & Record<string, unknown>>;

const PATH = join(import.meta.dirname, '../package-lock.json');
const EXACT_VERSION = /^\d+\.\d+\.\d+/;
const OS = /\b(android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|aix|win32)\b/;
const CPU = /\b(arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el|wasm32)\b/;

/** The entries that the lock should have and has not. */
export function missingEntries(packages: Packages): Packages {
  const missing: Packages = {};
  for (const owner of Object.values(packages)) {
    for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      if (packages[key] === undefined && EXACT_VERSION.test(version)) missing[key] = entryFor(name, version, owner);
    }
  }
  return missing;
}

function entryFor(name: string, version: string, owner: LockEntry): Packages[string] {
  const os = OS.exec(name)?.[1];
  const cpu = CPU.exec(name)?.[1];
  return {
    version,
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(owner.dev === true ? { dev: true } : {}),
    ...(name.includes('musl') ? { libc: ['musl'] } : {}),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
  };
}

if (import.meta.main) {
  const lock: { packages: Packages } = JSON.parse(readFileSync(PATH, 'utf8'));
  const missing = missingEntries(lock.packages);
  const names = Object.keys(missing);
  if (process.argv.includes('--check')) {
    if (names.length > 0) {
      process.stderr.write(`package-lock.json lacks ${names.length} optional packages; run: npm run lock\n`);
      process.exit(1);
    }
  } else if (names.length > 0) {
    const all = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(PATH, `${JSON.stringify({ ...lock, packages: Object.fromEntries(all) }, null, 2)}\n`);
    process.stdout.write(`package-lock.json: ${names.length} optional packages added\n`);
  }
}
