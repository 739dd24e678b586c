import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SimulatorOptions, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import type { Keys } from './keys.ts';
import { wireMoney } from './money.ts';
import type { OrdersApi } from './orders.ts';
import type { RefundsApi } from './refunds.ts';
import { done, notFound, problem, type Reply } from './reply.ts';

/** PayPal's tokens live about nine hours. */
const TOKEN_LIFE_MS = 32_400_000;
const TOKENS_MAX = 1_000;

export interface Api {
  handle(request: WireRequest): Promise<WireAnswer>;
  /** From now on no token is known, as after a change of the app's credentials. */
  revokeTokens(): void;
}

export interface ApiPorts {
  readonly options: SimulatorOptions;
  readonly keys: Keys;
  readonly orders: OrdersApi;
  readonly refunds: RefundsApi;
  /** An error that a test has asked for, for calls like this one. */
  readonly ordered: (request: WireRequest) => Reply | null;
}

/** `https://api-m.paypal.com`: token, request id, and only then the operation. */
export function openApi(ports: ApiPorts): Api {
  const { options, keys } = ports;
  const tokens = new Map<string, number>();
  const inFlight = new Set<string>();

  function giveToken(request: WireRequest): Reply {
    const basic = Buffer.from(`${keys.clientId}:${keys.clientSecret}`).toString('base64');
    if (request.headers.authorization !== `Basic ${basic}`) {
      return done(401, { error: 'invalid_client', error_description: 'Client Authentication failed' });
    }
    if (new URLSearchParams(request.body.toString('utf8')).get('grant_type') !== 'client_credentials') {
      return done(400, { error: 'unsupported_grant_type', error_description: 'unsupported grant_type' });
    }
    const token = `A21AA${Buffer.from(options.randomBytes(48)).toString('base64url')}`;
    tokens.set(token, options.now() + TOKEN_LIFE_MS);
    for (const oldest of [...tokens.keys()].slice(0, Math.max(0, tokens.size - TOKENS_MAX))) tokens.delete(oldest);
    const scope = 'https://uri.paypal.com/services/payments/payment/authcapture';
    return done(200, {
      scope,
      access_token: token,
      token_type: 'Bearer',
      app_id: 'APP-SANDBOX',
      expires_in: TOKEN_LIFE_MS / 1_000,
    });
  }

  async function operate(request: WireRequest): Promise<Reply> {
    if (request.path === '/v1/oauth2/token' && request.method === 'POST') return giveToken(request);
    const shown = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if ((tokens.get(shown) ?? 0) <= options.now()) {
      return done(401, {
        error: 'invalid_token',
        error_description: 'The token passed in was not found in the system',
      });
    }
    const ordered = ports.ordered(request);
    if (ordered !== null) return ordered;
    const requestId = idOf(request);
    if (requestId === null) return route(request, null, ports);
    if (requestId.length > 108) return problem(400, 'INVALID_REQUEST', 'INVALID_PARAMETER_VALUE');
    if (inFlight.has(requestId)) return problem(409, 'RESOURCE_CONFLICT', 'PREVIOUS_REQUEST_IN_PROGRESS');
    inFlight.add(requestId);
    try {
      // A turn of the event loop, so that a second request with the same id can come while the first one runs.
      await nextTurn();
      return route(request, requestId, ports);
    } finally {
      inFlight.delete(requestId);
    }
  }

  return {
    async handle(request) {
      const { status, json } = await operate(request);
      const debugId = Buffer.from(options.randomBytes(7)).toString('hex').slice(0, 13);
      const headers = { 'content-type': 'application/json', 'paypal-debug-id': debugId };
      return { status, headers, body: JSON.stringify(json) };
    },
    revokeTokens: () => tokens.clear(),
  };
}

function route(request: WireRequest, requestId: string | null, { options, orders, refunds }: ApiPorts): Reply {
  const { method, path } = request;
  const [, id = '', action] = /^\/v2\/checkout\/orders\/([A-Z0-9]+)(?:\/(\w+))?$/.exec(path) ?? [];
  if (id !== '' && method === 'GET' && action === undefined) return orders.retrieve(id);
  if (method === 'GET' && path === '/v1/reporting/balances') return balances(options);
  const refundId = /^\/v2\/payments\/refunds\/([A-Z0-9]+)$/.exec(path)?.[1];
  if (method === 'GET' && refundId !== undefined) return refunds.retrieve(refundId);
  if (method !== 'POST') return notFound();
  const body = parseJson(request.body);
  if (body === undefined) return problem(400, 'INVALID_REQUEST', 'MALFORMED_REQUEST_JSON');
  if (path === '/v2/checkout/orders') return orders.create(body, requestId);
  if (id !== '' && action === 'capture') return orders.capture(id, requestId);
  const captureId = /^\/v2\/payments\/captures\/([A-Z0-9]+)\/refund$/.exec(path)?.[1];
  return captureId === undefined ? notFound() : refunds.create(captureId, body, requestId);
}

/** Needs a permission that apps get on request; everything that was paid is available at once. */
function balances({ balance, now }: SimulatorOptions): Reply {
  if (balance.granted() === false) return problem(403, 'NOT_AUTHORIZED', 'PERMISSION_DENIED');
  const amounts = new Map([['USD', 0], ...balance.amounts()]);
  const list = [...amounts].map(([currency, minor], i) => ({
    currency,
    primary: i === 0,
    total_balance: wireMoney(minor, currency),
    available_balance: wireMoney(minor, currency),
    withheld_balance: wireMoney(0, currency),
  }));
  return done(200, { balances: list, as_of_time: new Date(now()).toISOString() });
}

function idOf({ headers }: WireRequest): string | null {
  const id = headers['paypal-request-id'];
  return typeof id === 'string' && id !== '' ? id : null;
}

/** An empty body is an empty object, as for a capture or a full refund. */
function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
