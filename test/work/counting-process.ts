import crypto from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { GCProfiler, getHeapStatistics } from 'node:v8';
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
/** Made once for each statement, so that counting allocates next to nothing. */
const names = new WeakMap<object, string>();

function nameOfStatement(self: unknown): string {
  const { source, database } = self as Database.Statement;
  return `${database.name.replace(/^.*\//, '')}: ${source.replaceAll(/\s+/g, ' ').trim()}`;
}

for (const method of ['run', 'get', 'all', 'iterate']) {
  counted(statement, method, (self) => {
    const key = self as object;
    const name = names.get(key) ?? nameOfStatement(key);
    names.set(key, name);
    return name;
  });
}

subscribe('undici:request:create', (message) => {
  const { request } = message as { request: { origin: string | URL; path: string } };
  count(`request ${request.origin}`);
});

/** What is in use now and was not before, and all that was collected meanwhile: exact, however often V8 collects. */
const collections = new GCProfiler();
let heapBytes = 0;
let usedBytes = 0;

function readHeap(): void {
  const used = getHeapStatistics().used_heap_size;
  const freed = collections
    .stop()
    .statistics.map(
      ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    );
  heapBytes += used - usedBytes + freed.reduce((sum, bytes) => sum + bytes, 0);
}

function watchHeap(): void {
  collections.start();
  usedBytes = getHeapStatistics().used_heap_size;
}

watchHeap();
process.on('SIGUSR2', () => {
  readHeap();
  process.stderr.write(`WORK ${JSON.stringify([...counts, ['heap bytes', heapBytes]])}\n`);
  // Last, so that telling is not counted.
  watchHeap();
});
