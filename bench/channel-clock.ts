import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';

/**
 * Loaded into a gateway's process before anything of it (`--import`): every answer says in a header how long the request waited for
 * channels, from when a call was handed to undici until its answer had been read.
 */
export const CHANNEL_MS_HEADER = 'x-bench-channel-ms';

type Callable = (this: unknown, ...given: unknown[]) => unknown;

interface Waited {
  ms: number;
}

const current = new AsyncLocalStorage<Waited>();
const calls = new WeakMap<object, { readonly waited: Waited; readonly since: number }>();

subscribe('http.server.request.start', (message) => {
  const { response } = message as { response: Pick<ServerResponse, 'setHeader'> };
  const waited: Waited = { ms: 0 };
  current.enterWith(waited);
  const writeHead: Callable = Reflect.get(response, 'writeHead');
  Reflect.set(response, 'writeHead', (...given: unknown[]) => {
    response.setHeader(CHANNEL_MS_HEADER, waited.ms.toFixed(3));
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
