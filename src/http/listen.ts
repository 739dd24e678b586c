import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { takeRawTargets } from './raw-targets.ts';

/** A client gets this long to send its headers, and its whole request; then the connection is cut. Milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the idle time-out of common load balancers (60 s), so that they close first and never write into a closing one. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const CONNECTIONS_MAX = 10_000;

export interface Listener {
  readonly url: string;
  /** Serves on, and has every client that gets an answer leave the connection. */
  seeOff(): void;
  /** Takes no new requests, lets those in hand finish for up to `deadlineMs`, then cuts what is left. */
  close(deadlineMs: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The variable that sets this port, for the message when it is in use. */
  readonly portVariable?: string;
}

/** Serves an application. Rejects with a sentence for the operator when the address cannot be had. */
export async function listen(app: { callback(): RequestListener }, options: ListenOptions): Promise<Listener> {
  let seeingOff = false;
  let closing = false;
  const handle = app.callback();
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 5_000,
    },
    (request, response) => {
      if (closing || seeingOff) response.setHeader('Connection', 'close');
      // A connection that was busy when the closing began has to go as soon as it is idle.
      response.once('close', () => {
        if (closing) setImmediate(() => server.closeIdleConnections());
      });
      handle(request, response);
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  takeRawTargets(server);
  await bind(server, options);
  return {
    url: urlOf(server),
    seeOff: () => {
      seeingOff = true;
    },
    close: (deadlineMs) => {
      closing = true;
      return closeWithin(server, deadlineMs);
    },
  };
}

function bind(server: Server, { host, port, portVariable = 'PORT' }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(explain(error, { host, port, portVariable }), { cause: error }));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function explain(error: NodeJS.ErrnoException, { host, port, portVariable }: Required<ListenOptions>): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} is in use; set ${portVariable}`;
    case 'EACCES':
      return `port ${port} may not be opened by this user; set ${portVariable} to one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine; set HOST`;
    default:
      return `cannot listen on ${host}:${port}: ${error.message}`;
  }
}

async function closeWithin(server: Server, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
  await closed;
  clearTimeout(timer);
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
