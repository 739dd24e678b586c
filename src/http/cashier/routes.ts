import type { Router } from '@koa/router';
import { z } from 'zod';
import { API_ERRORS, type ApiErrorCode } from '../../gateway/index.ts';
import { isPaymentId, mayChoose, type Payment } from '../../payment/index.ts';
import type { EdgeContext, PublicAppParts, RequestState } from '../context.ts';
import { readBody } from '../read-body.ts';
import { sendJson, sendProblem, sendText } from '../respond.ts';
import { loadAssets } from './assets.ts';
import { type Device, deviceOf, ownFirst, scenesOf } from './device.ts';
import { html, trusted } from './html.ts';
import { layout, type Page, type PageFrame } from './layout.ts';
import { cashierPage, formPage, messagePage, type Notice, proofUrl, secondsLeft } from './page.ts';
import { payUrl, pollEveryMs, stageOf, stageTag } from './stage.ts';
import { createStreams, type PageState } from './streams.ts';
import { LANGUAGES, type Language, TEXTS } from './texts.ts';

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action";
/** Room for the two fields of a choice. */
const CHOICE_BYTES_MAX = 1_024;

const assets = loadAssets();
const versions = { css: assets.get('cashier.css')?.version ?? '', js: assets.get('cashier.js')?.version ?? '' };

const choiceSchema = z.object({
  method: z.string().regex(/^[a-z][a-z0-9_]{1,31}$/),
  seen: z
    .string()
    .regex(/^\d{1,2}$/)
    .transform(Number),
});
const noticeSchema = z.enum(['away', 'often', 'refused', 'changed', 'checked']);
const languageSchema = z.enum(LANGUAGES);

/**
 * The cashier: whoever holds a payment's unguessable id may look at it, choose how to pay it and pay it, nothing more. No page
 * decides anything about money; "I have paid" only makes us ask the channel.
 */
export function addCashierRoutes(router: Router<RequestState>, parts: PublicAppParts): void {
  const { gateway, merchants, clock } = parts;
  const streams = createStreams(parts);
  const frame = (ctx: EdgeContext) => frameOf(ctx, basePath(parts.settings().publicUrl));
  const notFound = (ctx: EdgeContext) => sendCashierError(ctx, 404, parts.settings().publicUrl);
  const find = async (ctx: EdgeContext): Promise<Payment | null> => {
    const id = ctx.params.id ?? '';
    return isPaymentId(id) ? gateway.findForBuyer(id) : null;
  };

  /** The payment as this device's page shows it; `ways` where there is something to choose. */
  const lookAt = async (payment: Payment, device: Device) => {
    const now = clock.now();
    const ways = mayChoose(payment, now) ? await gateway.waysToPay(payment, (method) => scenesOf(device, method)) : [];
    return { payment, stage: stageOf(payment, now), ways: ownFirst(device, ways), now, device };
  };

  const stateOf = async (payment: Payment, device: Device): Promise<PageState> => {
    const now = clock.now();
    const stage = stageOf(payment, now);
    // Which ways are open changes by itself; only a page on which nothing else can be done has to follow that.
    const { ways } = stage.kind === 'choose' ? await lookAt(payment, device) : { ways: [] };
    const tag = stageTag(payment, stage, ways);
    return { status: payment.status, stage: tag, poll_ms: pollEveryMs(stage), left_s: secondsLeft(payment, now) };
  };

  router.get('/pay/assets/:name', (ctx) => sendAsset(ctx));

  router.get('/pay/:id', async (ctx) => {
    const payment = await find(ctx);
    if (!payment) return notFound(ctx);
    const proof = proofUrl(frame(ctx), payment);
    if (proof !== null) ctx.set('Refresh', `2; url=${proof}`);
    const query = new URLSearchParams(ctx.querystring);
    const view = {
      ...(await lookAt(payment, deviceOf(ctx.get('User-Agent')))),
      shop: merchants.byId(payment.merchantId)?.name ?? null,
      notice: noticeSchema.safeParse(query.get('notice')).data ?? null,
      goesOn: query.has('go'),
    };
    sendPage(ctx, 200, frame(ctx), await cashierPage(frame(ctx), view));
  });

  router.get('/pay/:id/state', async (ctx) => {
    const payment = await find(ctx);
    if (!payment) return sendProblem(ctx, { code: 'not_found', detail: 'There is no such order.' });
    sendJson(ctx, { status: 200, body: await stateOf(payment, deviceOf(ctx.get('User-Agent'))) });
  });

  router.get('/pay/:id/events', async (ctx) => {
    // A GET route serves HEAD too, which would open a stream that nobody reads.
    if (ctx.method === 'HEAD') return sendText(ctx, 405, 'method not allowed');
    const payment = await find(ctx);
    if (!payment) return sendProblem(ctx, { code: 'not_found', detail: 'There is no such order.' });
    // "No content" tells a browser to stop connecting: nothing can change any more.
    if (pollEveryMs(stageOf(payment, clock.now())) === null) {
      ctx.status = 204;
      return;
    }
    const device = deviceOf(ctx.get('User-Agent'));
    const stream = streams.listen(payment, (changed) => stateOf(changed, device));
    if (stream === null) {
      const detail = 'Too many pages are open. Ask for the state instead.';
      return sendProblem(ctx, { code: 'rate_limited', detail, retryAfterS: 30 });
    }
    ctx.status = 200;
    ctx.set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    ctx.body = stream;
  });

  router.get('/pay/:id/go', async (ctx) => {
    const payment = await find(ctx);
    if (!payment) return notFound(ctx);
    const stage = stageOf(payment, clock.now());
    const { texts } = frame(ctx);
    if (stage.kind === 'form') {
      return sendPage(ctx, 200, frame(ctx), formPage(texts, stage, trusted(stage.form)), 'https: http:');
    }
    // The page that it leads to may look where the buyer comes from (WeChat's does); more than the host it never learns.
    ctx.set('Referrer-Policy', 'strict-origin');
    sendRedirect(ctx, 302, payUrl(stage) ?? `${frame(ctx).base}/${payment.id}`);
  });

  router.post('/pay/:id/choose', async (ctx) => {
    const id = ctx.params.id ?? '';
    const back = (then: 'go' | `notice=${Notice}`) => sendRedirect(ctx, 303, withQuery(frame(ctx), id, then));
    const body = await readBody(ctx.req, CHOICE_BYTES_MAX);
    if (!isPaymentId(id)) return notFound(ctx);
    const fields = body.ok ? Object.fromEntries(new URLSearchParams(body.value.toString('utf8'))) : {};
    const choice = choiceSchema.safeParse(fields);
    if (!choice.success) return back('notice=refused');
    const { method, seen } = choice.data;
    const scenes = scenesOf(deviceOf(ctx.get('User-Agent')), method);
    const chosen = await gateway.choose(id, { method, scenes, seen });
    if (!chosen.ok)
      return chosen.error.code === 'not_found' ? notFound(ctx) : back(`notice=${noticeOf(chosen.error.code)}`);
    back(chosen.value.attempts.at(-1)?.method === method ? 'go' : 'notice=changed');
  });

  /** Back to the shop; one that speaks epay finds the proof of a paid order in its address. */
  router.get('/pay/:id/return', async (ctx) => {
    const payment = await find(ctx);
    if (!payment) return notFound(ctx);
    const url = payment.epay === undefined ? payment.returnUrl : await gateway.epay.returnUrl(payment);
    sendRedirect(ctx, 303, url === null ? `${frame(ctx).base}/${payment.id}` : asciiUrl(url));
  });

  router.post('/pay/:id/paid', async (ctx) => {
    const id = ctx.params.id ?? '';
    const payment = isPaymentId(id) ? await gateway.syncForBuyer(id) : null;
    if (!payment) return notFound(ctx);
    sendRedirect(ctx, 303, withQuery(frame(ctx), payment.id, 'notice=checked'));
  });
}

/** What the buyer is told of a choice that came to nothing. */
function noticeOf(code: ApiErrorCode): Notice {
  if (code === 'rate_limited') return 'often';
  return API_ERRORS[code] === 503 || code === 'channel_rejected' ? 'away' : 'refused';
}

function withQuery({ base, suffix }: PageFrame, id: string, query: string): string {
  return `${base}/${id}${suffix}${suffix === '' ? '?' : '&'}${query}`;
}

/** A page in words for a buyer whose address leads nowhere, or who met a fault of ours. */
export function sendCashierError(ctx: EdgeContext, status: number, publicUrl: string): void {
  const frame = frameOf(ctx, basePath(publicUrl));
  sendPage(ctx, status, frame, messagePage(frame.texts, status >= 500 ? 'broken' : 'notFound'));
}

/** The address as it is, but for what a header cannot carry. */
function asciiUrl(url: string): string {
  return url.replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);
}

/** A page of ours in other words, for a buyer whom a shop has sent with an order that cannot be taken. */
export function sendCashierMessage(
  ctx: EdgeContext,
  message: { readonly status: number; readonly title: string; readonly text: string; readonly publicUrl: string },
): void {
  const { status, title, text, publicUrl } = message;
  const main = html`<main id="cashier"><section class="state"><h1>${title}</h1><p>${text}</p></section></main>`;
  sendPage(ctx, status, frameOf(ctx, basePath(publicUrl)), { title, shop: null, main, refreshS: null });
}

/** The language that the buyer has chosen, else the best one that the browser asks for. */
function frameOf(ctx: EdgeContext, base: string): PageFrame {
  const chosen = languageSchema.safeParse(new URLSearchParams(ctx.querystring).get('lang')).data;
  const asked: Language = ctx.acceptsLanguages(...LANGUAGES) === 'zh' ? 'zh' : 'en';
  const suffix = chosen === undefined ? '' : `?lang=${chosen}`;
  return { texts: TEXTS[chosen ?? asked], base, suffix, versions };
}

function basePath(publicUrl: string): string {
  return `${(URL.parse(publicUrl)?.pathname ?? '').replace(/\/+$/, '')}/pay`;
}

function sendPage(ctx: EdgeContext, status: number, frame: PageFrame, page: Page, formTargets = "'self'"): void {
  ctx.status = status;
  ctx.vary('Accept-Language');
  ctx.set('Content-Language', frame.texts.tag);
  ctx.set('Content-Security-Policy', `${PAGE_POLICY} ${formTargets}`);
  // A provider's page may look at the host that a buyer comes from; the address itself stays here.
  ctx.set('Referrer-Policy', 'strict-origin');
  ctx.set('Content-Type', 'text/html; charset=utf-8');
  ctx.body = layout(frame, page);
}

function sendRedirect(ctx: EdgeContext, status: 302 | 303, location: string): void {
  sendText(ctx, status, 'see the Location header');
  ctx.set('Location', location);
}

function sendAsset(ctx: EdgeContext): void {
  const asset = assets.get(ctx.params.name ?? '');
  if (!asset) {
    sendText(ctx, 404, 'not found');
    return;
  }
  ctx.status = 200;
  ctx.set('Content-Type', asset.contentType);
  // The address carries the content's hash, so a new version has a new address.
  ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
  ctx.body = asset.body;
}
