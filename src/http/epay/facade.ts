import type { Middleware } from 'koa';
import type { EpayEndpoint } from '../../gateway/index.ts';
import type { EdgeContext, PublicAppParts, RequestState } from '../context.ts';
import { sendRefusal, sendRefusalPage } from './answers.ts';
import { api } from './api.ts';
import { readSent, type Sent } from './parameters.ts';
import { mapi, submit } from './place.ts';
import { report } from './session.ts';
import { create, sendSigned, v2Api } from './v2.ts';

interface Place {
  readonly endpoint: EpayEndpoint;
  /** For the log: what is served, not what was asked for. */
  readonly route: string;
  readonly postOnly: boolean;
  serve(parts: PublicAppParts, ctx: EdgeContext, sent: Sent): Promise<void>;
}

const SUBMIT: Place = {
  ...{ endpoint: 'submit', route: '/submit.php', postOnly: false },
  serve: (parts, ctx, sent) => submit(parts, ctx, sent, 1),
};
const API: Place = { endpoint: 'api', route: '/api.php', postOnly: false, serve: api };

const PLACES: ReadonlyMap<string, Place> = new Map<string, Place>([
  ['submit.php', SUBMIT],
  ['mapi.php', { endpoint: 'mapi', route: '/mapi.php', postOnly: false, serve: mapi }],
  ['api.php', API],
  // Of an older protocol; answered as an act that nobody knows.
  ['qrcode.php', { ...API, route: '/qrcode.php' }],
  [
    'api/pay/submit',
    {
      ...{ endpoint: 'v2_submit', route: '/api/pay/submit', postOnly: false },
      serve: (parts, ctx, sent) => submit(parts, ctx, sent, 2),
    },
  ],
  ['api/pay/create', { endpoint: 'v2_create', route: '/api/pay/create', postOnly: true, serve: create }],
  ...['pay/query', 'pay/refund', 'pay/refundquery', 'merchant/info', 'merchant/orders'].map(v2Place),
  ...['transfer/submit', 'transfer/query', 'transfer/balance'].map(v2Place),
]);

function v2Place(path: string): [string, Place] {
  return [
    `api/${path}`,
    {
      ...{ endpoint: 'v2_api', route: `/api/${path}`, postOnly: true },
      serve: (parts, ctx, sent) => v2Api(parts, ctx, sent, path),
    },
  ];
}

/**
 * The epay protocol, at the root and under `/epay`. Shops put their addresses together without looking, so that slashes come twice; and
 * where a whole address has to be typed, `submit.php` is forgotten: the root itself takes an order that has a number and a signature.
 */
export function epayFacade(parts: PublicAppParts): Middleware<RequestState> {
  return async (context, next) => {
    const ctx = context as EdgeContext;
    const path = pathOf(ctx.path);
    const place = PLACES.get(path);
    if (place && (ctx.method === 'POST' || (ctx.method === 'GET' && !place.postOnly))) return serve(place, ctx);
    if (path === '' && mayBringOrder(ctx)) {
      const sent = await readSent(ctx);
      if (sent.ok && sent.value.parameters.has('pid') && sent.value.parameters.has('sign'))
        return serve(SUBMIT, ctx, sent);
    }
    return next();
  };

  async function serve(place: Place, ctx: EdgeContext, known?: Awaited<ReturnType<typeof readSent>>): Promise<void> {
    ctx._matchedRoute = place.route;
    const sent = known ?? (await readSent(ctx));
    try {
      if (sent.ok) return await place.serve(parts, ctx, sent.value);
      const outcome = sent.error === 'split_value' ? 'split_value' : 'unreadable';
      await report(parts, ctx, { endpoint: place.endpoint, outcome, merchant: null, parameters: null });
      await refuse(place, ctx, outcome);
    } catch (thrown) {
      parts.telemetry.epayRequest(place.endpoint, 'internal');
      parts.telemetry.error({ err: thrown, requestId: ctx.state.requestId, route: place.route }, 'request crashed');
      ctx.state.code = 'internal';
      await refuse(place, ctx, 'internal');
    }
  }

  async function refuse({ endpoint }: Place, ctx: EdgeContext, outcome: 'split_value' | 'unreadable' | 'internal') {
    if (endpoint === 'submit' || endpoint === 'v2_submit') return sendRefusalPage(ctx, outcome, parts);
    if (endpoint === 'mapi' || endpoint === 'api' || outcome === 'internal') return sendRefusal(ctx, outcome);
    return sendSigned(parts, ctx, { refusal: outcome });
  }
}

/** Without slashes at its ends and twice in it, and without the prefix. */
function pathOf(path: string): string {
  return path
    .replace(/\/{2,}/g, '/')
    .replace(/^\/epay(?=\/|$)/, '')
    .replace(/^\/|\/$/g, '');
}

function mayBringOrder(ctx: EdgeContext): boolean {
  if (ctx.method === 'GET') return ctx.querystring.includes('pid=');
  return ctx.method === 'POST' && (ctx.querystring.includes('pid=') || ctx.is('urlencoded', 'multipart') !== false);
}
