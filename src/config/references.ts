import { resolve } from 'node:path';
import { err, ok, type Result } from '../payment/index.ts';
import type { Path } from './faults.ts';
import { type OpenSealed, SEALED } from './sealed-values.ts';

export type Scalar = string | number | boolean | null;

/** Turns the text of one YAML scalar into its value; the error is a message without any value in it. */
export type ResolveScalar = (text: string, plain: boolean, place: Path) => Result<Scalar, string>;

export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;
const NUMBER = /^-?(0|[1-9]\d{0,15})(\.\d{1,15})?$/;
const FILE = 'file:';
const FILE_CHARS_MAX = 64 * 1024;

/**
 * `${NAME}` and `${NAME:-default}` read the environment (the default also stands in for an empty variable, as in a shell),
 * `$${` is a literal `${`, and a text that then begins with `file:` becomes the content of that file, relative to `folder`,
 * without its last line break; one that begins with `sealed:` is opened with the master key. An unquoted scalar with a reference may become a number, true, false or null; a quoted one
 * stays text.
 */
export function referenceResolver(ports: {
  readonly env: Env;
  readonly readFile: (path: string) => string;
  readonly folder: string;
  readonly openSealed: OpenSealed;
}): ResolveScalar {
  return (text, plain, place) => {
    const replaced = replaceReferences(text, ports.env);
    if (!replaced.ok) return replaced;
    if (replaced.value.startsWith(FILE)) {
      return readText(resolve(ports.folder, replaced.value.slice(FILE.length)), ports.readFile);
    }
    if (replaced.value.startsWith(SEALED)) return ports.openSealed(replaced.value, place);
    return ok(plain && replaced.value !== text ? plainScalar(replaced.value) : replaced.value);
  };
}

/** Why a file could not be read, in words without its path. */
export function readFailure(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'this process may not read it';
    case 'EISDIR':
      return 'it is a folder';
    case 'EFBIG':
      return 'it is too long';
    case 'ENOTSUP':
      return 'it is no plain file';
    default:
      return `it cannot be read${code === '' ? '' : ` (${code})`}`;
  }
}

function replaceReferences(text: string, env: Env): Result<string, string> {
  const problems: string[] = [];
  const replaced = text.replace(REFERENCE, (match: string, name?: string, fallback?: string) => {
    if (match === '$${') return '${';
    if (name === undefined) {
      problems.push(`has a broken reference; write \${NAME} or \${NAME:-default}, and $\${ for a literal \${`);
      return '';
    }
    const value = env[name];
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value === undefined) problems.push(`needs the environment variable ${name}, which is not set`);
    return value ?? '';
  });
  return problems.length > 0 ? err([...new Set(problems)].join('; ')) : ok(replaced);
}

function readText(path: string, readFile: (path: string) => string): Result<string, string> {
  try {
    const text = readFile(path);
    if (text.length > FILE_CHARS_MAX) return err(`names a file of more than ${FILE_CHARS_MAX} characters`);
    return ok(text.replace(/^\uFEFF/, '').replace(/(\r?\n)+$/, ''));
  } catch (cause) {
    return err(`names a file that cannot be used: ${readFailure(cause)}`);
  }
}

function plainScalar(text: string): Scalar {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null' || text === '~') return null;
  return NUMBER.test(text) ? Number(text) : text;
}
