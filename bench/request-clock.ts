import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { openSync, readSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import Database from 'better-sqlite3';
import { REQUEST_PARTS_HEADER, writeParts } from './request-parts.ts';

/**
 * Loaded into a program's process before anything of it (`--import`): every answer says in a header what its request waited for.
 */
type Callable = (this: unknown, ...given: unknown[]) => unknown;

interface Waited {
  ms: number;
}

const current = new AsyncLocalStorage<Waited>();
const calls = new WeakMap<object, { readonly waited: Waited; readonly since: number }>();

subscribe('http.server.request.start', (message) => {
  const { response } = message as { response: Pick<ServerResponse, 'setHeader'> };
  const before = { at: performance.now(), coreMs: coreMs(), sqliteMs };
  const waited: Waited = { ms: 0 };
  current.enterWith(waited);
  const writeHead: Callable = Reflect.get(response, 'writeHead');
  Reflect.set(response, 'writeHead', (...given: unknown[]) => {
    const parts = {
      withinMs: performance.now() - before.at,
      channelMs: waited.ms,
      coreMs: coreMs() - before.coreMs,
      sqliteMs: sqliteMs - before.sqliteMs,
    };
    response.setHeader(REQUEST_PARTS_HEADER, writeParts(parts));
    return writeHead.apply(response, given);
  });
});

subscribe('undici:request:create', (message) => {
  const { request } = message as { request: object };
  const waited = current.getStore();
  if (waited !== undefined) calls.set(request, { waited, since: performance.now() });
});

for (const end of ['undici:request:trailers', 'undici:request:error']) {
  subscribe(end, (message) => {
    const call = calls.get((message as { request: object }).request);
    if (call !== undefined) call.waited.ms += performance.now() - call.since;
  });
}

const schedstat = openScheduling();
const line = Buffer.alloc(128);

/** Linux alone tells how long a thread waited for a core; elsewhere it is taken for never. */
function openScheduling(): number | null {
  try {
    return openSync(`/proc/${process.pid}/task/${process.pid}/schedstat`, 'r');
  } catch {
    return null;
  }
}

function coreMs(): number {
  if (schedstat === null) return 0;
  const length = readSync(schedstat, line, 0, line.length, 0);
  return Number(line.toString('latin1', 0, length).split(' ')[1]) / 1e6;
}

let sqliteMs = 0;
const probe = new Database(':memory:');
const statement: object = Object.getPrototypeOf(probe.prepare('SELECT 1'));
probe.close();
for (const method of ['run', 'get', 'all']) {
  const plain: Callable = Reflect.get(statement, method);
  Reflect.set(statement, method, function timed(this: unknown, ...given: unknown[]) {
    const startedAt = performance.now();
    try {
      return plain.apply(this, given);
    } finally {
      sqliteMs += performance.now() - startedAt;
    }
  });
}
