import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SimulatorOptions, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { retrieveBalance } from './balance.ts';
import { type Form, parseForm, textAt } from './form.ts';
import { keyOf, openIdempotencyStore } from './idempotency.ts';
import type { IntentsApi } from './intents.ts';
import { type Keys, newId } from './keys.ts';
import type { RefundsApi } from './refunds.ts';
import { invalid, type Reply, refuse } from './reply.ts';
import type { SessionsApi } from './sessions.ts';

/** Versions that this simulator's objects are right for. */
const VERSIONS = new Set(['2026-10-28.endive']);
const INTERNAL: Reply = refuse(
  500,
  {
    type: 'api_error',
    message: "Sorry! There was an error while talking to one of our backends. We've been notified.",
  },
  true,
);

export interface Api {
  handle(request: WireRequest): Promise<WireAnswer>;
  internalError(request: WireRequest): WireAnswer;
}

export interface ApiPorts {
  readonly options: SimulatorOptions;
  readonly keys: () => Keys;
  readonly sessions: SessionsApi;
  readonly intents: IntentsApi;
  readonly refunds: RefundsApi;
  /** An error that a test has asked for, for calls like this one. */
  readonly ordered: (request: WireRequest) => Reply | null;
}

/** `https://api.stripe.com/v1`: key, version, idempotency, and only then the operation. */
export function openApi(ports: ApiPorts): Api {
  const { options } = ports;
  const idempotency = openIdempotencyStore(options.now);

  const answer = (request: WireRequest, reply: Reply, replayed: boolean): WireAnswer => {
    const key = keyOf(request);
    const version = versionOf(request);
    return {
      status: reply.status,
      headers: {
        'content-type': 'application/json',
        'request-id': newId('req_', 14, options.randomBytes),
        ...(version === undefined ? {} : { 'stripe-version': version }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(replayed ? { 'idempotent-replayed': 'true' } : {}),
        ...(reply.status === 409 ? { 'stripe-should-retry': 'true' } : {}),
      },
      body: JSON.stringify(reply.json, null, 2),
    };
  };

  const execute = async (request: WireRequest, secret: string | undefined): Promise<Reply> => {
    const ordered = ports.ordered(request);
    if (ordered !== null) return ordered;
    const form = parseForm(request.method === 'POST' ? request.body.toString('utf8') : request.query.toString());
    if (form === null) return invalid('Invalid request: unable to parse the parameters.');
    // A turn of the event loop, so that a second request with the same key can come while the first one runs.
    await nextTurn();
    return operate(request, form, secret, ports) ?? unknownUrl(request);
  };

  return {
    async handle(request) {
      const { refused, secret } = authorize(request, ports.keys());
      if (refused !== null) return answer(request, refused, false);
      const version = versionOf(request);
      if (version !== undefined && !VERSIONS.has(version)) {
        return answer(request, invalid(`Invalid Stripe API version: ${version}`), false);
      }
      const { reply, replayed } = await idempotency.run(request, () => execute(request, secret));
      return answer(request, reply, replayed);
    },
    internalError(request) {
      // The failure is stored like any other outcome: a repeat under the same key fails again.
      idempotency.keep(request, INTERNAL);
      return answer(request, INTERNAL, false);
    },
  };
}

function operate(request: WireRequest, form: Form, secret: string | undefined, api: ApiPorts): Reply | null {
  const { sessions, intents, refunds } = api;
  const [, version, ...rest] = request.path.split('/');
  if (version !== 'v1') return null;
  const [resource, id = '', action] = rest[0] === 'checkout' ? [`checkout/${rest[1]}`, ...rest.slice(2)] : rest;
  const call = `${request.method} ${resource}${id === '' ? '' : '/:id'}${action === undefined ? '' : `/${action}`}`;
  if (secret !== undefined && call !== 'POST payment_intents/:id/confirm' && call !== 'GET payment_intents/:id') {
    return refuse(403, {
      type: 'invalid_request_error',
      code: 'secret_key_required',
      message: 'This API call cannot be made with a publishable API key. Please use a secret API key.',
    });
  }
  switch (call) {
    case 'POST checkout/sessions':
      return sessions.create(form);
    case 'GET checkout/sessions':
      return sessions.list(form);
    case 'GET checkout/sessions/:id':
      return sessions.retrieve(id, form);
    case 'POST checkout/sessions/:id/expire':
      return sessions.expire(id, form);
    case 'POST payment_intents':
      return intents.create(form);
    case 'GET payment_intents':
      return intents.list(form);
    case 'GET payment_intents/:id':
      return id === 'search' ? intents.search(form) : intents.retrieve(id, form, secretOf(form, secret));
    case 'POST payment_intents/:id/cancel':
      return intents.cancel(id, form);
    case 'POST payment_intents/:id/confirm':
      return intents.confirm(id, form, secretOf(form, secret));
    case 'POST refunds':
      return refunds.create(form);
    case 'GET refunds':
      return refunds.list(form);
    case 'GET refunds/:id':
      return refunds.retrieve(id);
    case 'GET balance':
      return retrieveBalance(api.options.balance);
    default:
      return null;
  }
}

/** With a publishable key the client secret is the proof; with a secret key none is needed. */
function secretOf(form: Form, publishable: string | undefined): string | undefined {
  return publishable === undefined ? undefined : (textAt(form, 'client_secret') ?? '');
}

/** `secret` is set when the caller showed the publishable key: a browser. */
function authorize(request: WireRequest, keys: Keys): { refused: Reply | null; secret: string | undefined } {
  const shown = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (shown === keys.secretKey) return { refused: null, secret: undefined };
  if (shown === keys.publishableKey) return { refused: null, secret: shown };
  const message =
    shown === undefined
      ? 'You did not provide an API key. You need to provide your API key in the Authorization header.'
      : `Invalid API Key provided: ${shown.slice(0, 8)}****${shown.slice(-4)}`;
  return { refused: refuse(401, { type: 'invalid_request_error', message }), secret: undefined };
}

function versionOf(request: WireRequest): string | undefined {
  const version = request.headers['stripe-version'];
  return Array.isArray(version) ? version[0] : version;
}

function unknownUrl({ method, path }: WireRequest): Reply {
  const message = `Unrecognized request URL (${method}: ${path}). If you are trying to list objects, remove the trailing slash.`;
  return refuse(404, { type: 'invalid_request_error', message });
}
