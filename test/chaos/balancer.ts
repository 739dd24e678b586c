import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import type { Replica } from './cluster.ts';

/** A plain load balancer: round robin over whoever is ready, kept connections, no retries. */
export interface Balancer {
  readonly url: string;
  /** Requests that got no whole answer, or one of 5xx. */
  readonly failures: readonly string[];
  answered(): number;
  close(): Promise<void>;
}

const LOOKS_EVERY_MS = 100;

export async function startBalancer(
  replicas: readonly Pick<Replica, 'name' | 'url' | 'adminUrl'>[],
): Promise<Balancer> {
  const backends = replicas.map(({ name, url, adminUrl }) => ({ name, adminUrl, pool: new Pool(url), ready: false }));
  const failures: string[] = [];
  let turn = 0;
  let answered = 0;

  const look = async (): Promise<void> => {
    await Promise.all(
      backends.map(async (backend) => {
        const signal = AbortSignal.timeout(2_000);
        const answer = await fetch(`${backend.adminUrl}/readyz`, { signal }).catch(() => null);
        await answer?.arrayBuffer().catch(() => null);
        backend.ready = answer?.status === 200;
      }),
    );
  };
  await look();
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, LOOKS_EVERY_MS);

  async function forward(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const ready = backends.filter((backend) => backend.ready);
    turn += 1;
    const backend = ready[turn % Math.max(1, ready.length)];
    const what = `${backend?.name} ${request.method} ${request.url}`;
    if (!backend) throw new Error(`${what}: nobody is ready`);
    const { host: _, connection: __, 'content-length': ___, 'transfer-encoding': ____, ...headers } = request.headers;
    const answer = await backend.pool.request({
      ...{ method: request.method as 'GET' | 'POST', path: request.url ?? '/', headers },
      body: body.length > 0 ? body : null,
    });
    const text = Buffer.from(await answer.body.arrayBuffer());
    if (answer.statusCode >= 500) failures.push(`${what}: ${answer.statusCode} ${text.toString()}`);
    answered += 1;
    const type = answer.headers['content-type'];
    response.writeHead(answer.statusCode, typeof type === 'string' ? { 'content-type': type } : {}).end(text);
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      forward(request, response, Buffer.concat(chunks)).catch((thrown: unknown) => {
        failures.push(`${request.method} ${request.url}: ${String(thrown)}`);
        response.writeHead(502).end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, failures, answered: () => answered },
    async close() {
      clearInterval(timer);
      await looking;
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await Promise.all(backends.map(({ pool }) => pool.destroy()));
    },
  };
}
