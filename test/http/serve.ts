import { connect } from 'node:net';
import { expect } from 'vitest';
import { type GatewaySettings, type Merchant, type Telemetry, untraced } from '../../src/gateway/index.ts';
import { createPublicApp, listen } from '../../src/http/index.ts';
import { someSettings } from './settings.ts';
import { createStubGateway, NOW, type StubGateway } from './stub-gateway.ts';

export const KEY = 'sk_test_one';

export const aMerchant = (set: Partial<Merchant> = {}): Merchant => ({
  id: 'm_one',
  name: 'Shop <One>',
  enabled: true,
  webhookUrl: null,
  webhookSecrets: [],
  channels: 'all',
  limits: { maxAmountMinor: null, perMinute: null },
  ...set,
});

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Telemetry that can be looked at. */
export function recordingTelemetry() {
  const lines: LogLine[] = [];
  const nothing = () => {};
  const log = (level: LogLine['level']) => (fields: LogLine['fields'], message: string) => {
    lines.push({ level, fields, message });
  };
  const telemetry: Telemetry = {
    paymentOutcome: nothing,
    channelRequest: nothing,
    routingExclusion: () => {},
    routingDecision: nothing,
    ruleFailed: () => {},
    drainedChannelPayment: () => {},
    callback: nothing,
    callbackDelay: nothing,
    paymentKnown: nothing,
    queryPostponed: nothing,
    captured: nothing,
    returned: nothing,
    merchantPayment: nothing,
    refund: nothing,
    webhookDelivery: nothing,
    epayRequest: nothing,
    surplusPayment: nothing,
    anomaly: nothing,
    paymentChanged: nothing,
    trace: untraced,
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
  };
  return { telemetry, lines };
}

export interface Edge {
  readonly url: string;
  readonly gateway: StubGateway;
  readonly lines: readonly LogLine[];
  /** A request with the merchant's key; a body that is no string is sent as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

interface EdgeOptions {
  readonly merchants?: Readonly<Record<string, Merchant>>;
  readonly settings?: Partial<GatewaySettings>;
  readonly hit?: (key: string, limit: number) => Promise<{ allowed: boolean; retryAfterMs: number }>;
  readonly now?: () => number;
}

/** The public application over a stub gateway, on a free port of the loopback interface. */
export async function serveEdge(options: EdgeOptions = {}): Promise<Edge> {
  const gateway = createStubGateway();
  const merchants = options.merchants ?? { [KEY]: aMerchant() };
  const settings = someSettings(options.settings);
  const { telemetry, lines } = recordingTelemetry();
  const stopping = new AbortController();
  let drawn = 0;
  const app = createPublicApp({
    gateway,
    merchants: {
      byId: (id) => Object.values(merchants).find((merchant) => merchant.id === id),
      bySecretKey: (key) => merchants[key],
      byEpayPid: (pid) => Object.values(merchants).find(({ epay }) => epay?.pid === pid),
      epayMerchants: () => Object.values(merchants).filter(({ epay }) => epay !== undefined),
    },
    settings: () => settings,
    ephemeral: { hit: options.hit ?? (async () => ({ allowed: true, retryAfterMs: 0 })) },
    telemetry,
    epayRecord: { request: () => {}, notice: () => {}, of: () => ({ requests: [], notices: [] }) },
    clock: { now: options.now ?? (() => NOW) },
    randomBytes: (size) => {
      drawn += 1;
      return new Uint8Array(size).fill(drawn);
    },
    stopping: stopping.signal,
  });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  return {
    url: listener.url,
    gateway,
    lines,
    call: (method, path, body, headers = {}) =>
      fetch(listener.url + path, {
        method,
        redirect: 'manual',
        headers: {
          authorization: `Bearer ${KEY}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    close: () => {
      stopping.abort();
      return listener.close(1_000);
    },
  };
}

/** The members of a problem document that the tests look at. */
export interface ProblemDocument {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly request_id: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
}

/** The JSON of an answer, taken to be what the test expects; the assertions that follow check it. */
export async function jsonOf<T>(answer: Response): Promise<T> {
  return (await answer.json()) as T;
}

/** The problem document of an answer, whose shape has been checked. */
export async function problemOf(answer: Response): Promise<ProblemDocument> {
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const problem = await jsonOf<ProblemDocument>(answer);
  expect(problem.status).toBe(answer.status);
  expect(problem.request_id).toBe(answer.headers.get('x-request-id'));
  expect(problem).toMatchObject({ type: expect.any(String), title: expect.any(String), detail: expect.any(String) });
  return problem;
}

/** Sends bytes as they are and answers everything that comes back until the server closes the connection. */
export function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('utf8');
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

/** The lines of a request with `Connection: close`, ready for `sendRaw`. */
export function rawRequest(method: string, target: string, headers: readonly string[], body = ''): string {
  const length = body === '' && method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`${method} ${target} HTTP/1.1`, 'Host: gw', 'Connection: close', ...headers, ...length, '', body].join(
    '\r\n',
  );
}
