import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { err, ok, type Result } from '../payment/index.ts';
import { type ConfigFault, environmentFault } from './faults.ts';

/** As short as a token may be, and as long. */
const CHARS_MIN = 24;
const CHARS_MAX = 512;
const MAKE_ONE = 'make one with `openssl rand -hex 32`';
const PLACEHOLDER = /change.?me|placeholder|example|password|your[-_ ]|^<.*>$/i;
const DISTINCT_CHARS_MIN = 6;

/**
 * The token of the admin listener, from `ADMIN_TOKEN` or the file that `ADMIN_TOKEN_FILE` names; null when neither is set. A weak
 * one is a fault: it would protect nothing (I13).
 */
export function readAdminToken(vars: {
  readonly ADMIN_TOKEN?: string | undefined;
  readonly ADMIN_TOKEN_FILE?: string | undefined;
}): Result<string | null, ConfigFault> {
  const { ADMIN_TOKEN: given, ADMIN_TOKEN_FILE: path } = vars;
  if (given !== undefined && path !== undefined) {
    return err(environmentFault('ADMIN_TOKEN_FILE', 'is set together with ADMIN_TOKEN; set one of them'));
  }
  if (path === undefined) return given === undefined ? ok(null) : checked('ADMIN_TOKEN', given);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return err(environmentFault('ADMIN_TOKEN_FILE', 'names a file that this user cannot read'));
  }
  return checked('ADMIN_TOKEN_FILE', text.trim());
}

/** Beyond this machine the admin listener has to ask who is there; null when all is well. */
export function adminGuardFault({
  adminHost,
  adminToken,
}: {
  readonly adminHost: string;
  readonly adminToken: string | null;
}): ConfigFault | null {
  if (adminToken !== null || isLoopback(adminHost)) return null;
  const message = `is required while ADMIN_HOST is beyond 127.0.0.1: ${MAKE_ONE} (or name a file in ADMIN_TOKEN_FILE), or unset ADMIN_HOST`;
  return environmentFault('ADMIN_TOKEN', message);
}

/** Whether nobody but this machine can reach a listener on `host`. A name other than localhost may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  return host === '::1' || host.toLowerCase() === 'localhost';
}

function checked(name: string, token: string): Result<string, ConfigFault> {
  const fault = (message: string) => err(environmentFault(name, `${message}; ${MAKE_ONE}`));
  if (token.length < CHARS_MIN) return fault(`must have at least ${CHARS_MIN} characters`);
  if (token.length > CHARS_MAX || !/^[\x21-\x7e]+$/.test(token)) {
    return fault(`must be at most ${CHARS_MAX} printable ASCII characters without spaces`);
  }
  if (PLACEHOLDER.test(token) || new Set(token).size < DISTINCT_CHARS_MIN)
    return fault('is a placeholder, not a secret');
  return ok(token);
}
