import crypto from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import Database from 'better-sqlite3';

/**
 * Loaded into a gateway's process before anything of it (`--import`): counts what costs time. On SIGUSR2 one line of JSON on
 * stderr says how often each thing was done since the start.
 */
const counts = new Map<string, number>();

function count(what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

type Callable = (this: unknown, ...given: unknown[]) => unknown;

/** Replaces a method by one that counts and then does the same. */
function counted(owner: object, method: string, nameOf: (self: unknown) => string): void {
  const original: Callable = Reflect.get(owner, method);
  Reflect.set(owner, method, function (this: unknown, ...given: unknown[]) {
    count(nameOf(this));
    return original.apply(this, given);
  });
}

const RSA = ['sign', 'verify', 'createSign', 'createVerify'] as const;
for (const method of RSA) counted(crypto, method, () => (/sign/i.test(method) ? 'rsa signed' : 'rsa verified'));
counted(crypto, 'createHmac', () => 'hmac');
for (const method of ['createPrivateKey', 'createPublicKey']) counted(crypto, method, () => 'key parsed');
counted(fs, 'fsyncSync', () => 'file synced');
syncBuiltinESMExports();

const probe = new Database(':memory:');
const statement: object = Object.getPrototypeOf(probe.prepare('SELECT 1'));
probe.close();
for (const method of ['run', 'get', 'all', 'iterate']) {
  counted(statement, method, (self) => {
    const { source, database } = self as Database.Statement;
    return `${database.name.replace(/^.*\//, '')}: ${source.replaceAll(/\s+/g, ' ').trim()}`;
  });
}

subscribe('undici:request:create', (message) => {
  const { request } = message as { request: { origin: string | URL; path: string } };
  count(`request ${request.origin}`);
});

process.on('SIGUSR2', () => {
  process.stderr.write(`WORK ${JSON.stringify([...counts])}\n`);
});
