import type { Router } from '@koa/router';
import { isPaymentId, type Payment } from '../../payment/index.ts';
import type { EdgeContext, PublicAppParts, RequestState } from '../context.ts';
import { sendJson, sendProblem, sendText } from '../respond.ts';
import { loadAssets } from './assets.ts';
import { html, trusted } from './html.ts';
import { layout, type Page, type PageFrame } from './layout.ts';
import { cashierPage, formPage, messagePage, proofUrl } from './page.ts';
import { payUrl, pollEveryMs, stageOf, stageTag } from './stage.ts';
import { LANGUAGES, TEXTS } from './texts.ts';

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action";

const assets = loadAssets();
const versions = { css: assets.get('cashier.css')?.version ?? '', js: assets.get('cashier.js')?.version ?? '' };

/**
 * The cashier: whoever holds a payment's unguessable id may look at it and pay it, nothing more. No page decides anything;
 * "I have paid" only makes us ask the channel.
 */
export function addCashierRoutes(router: Router<RequestState>, parts: PublicAppParts): void {
  const { gateway, merchants, clock } = parts;
  const frame = (ctx: EdgeContext) => frameOf(ctx, basePath(parts.settings().publicUrl));
  const notFound = (ctx: EdgeContext) => sendCashierError(ctx, 404, parts.settings().publicUrl);
  const find = async (ctx: EdgeContext): Promise<Payment | null> => {
    const id = ctx.params.id ?? '';
    return isPaymentId(id) ? gateway.findForBuyer(id) : null;
  };

  router.get('/pay/assets/:name', (ctx) => sendAsset(ctx));

  router.get('/pay/:id', async (ctx) => {
    const payment = await find(ctx);
    if (!payment) return notFound(ctx);
    const now = clock.now();
    const shop = merchants.byId(payment.merchantId)?.name ?? null;
    const proof = proofUrl(frame(ctx), payment);
    if (proof !== null) ctx.set('Refresh', `2; url=${proof}`);
    const checked = new URLSearchParams(ctx.querystring).has('checked');
    const view = { payment, stage: stageOf(payment, now), shop, now, checked };
    sendPage(ctx, 200, frame(ctx), await cashierPage(frame(ctx), view));
  });

  router.get('/pay/:id/state', async (ctx) => {
    const payment = await find(ctx);
    if (!payment) return sendProblem(ctx, { code: 'not_found', detail: 'There is no such order.' });
    const stage = stageOf(payment, clock.now());
    const body = { status: payment.status, stage: stageTag(payment, stage), poll_ms: pollEveryMs(stage) };
    sendJson(ctx, { status: 200, body });
  });

  router.get('/pay/:id/go', async (ctx) => {
    const payment = await find(ctx);
    if (!payment) return notFound(ctx);
    const stage = stageOf(payment, clock.now());
    const { texts } = frame(ctx);
    if (stage.kind === 'form') {
      return sendPage(ctx, 200, frame(ctx), formPage(texts, stage, trusted(stage.form)), 'https: http:');
    }
    sendRedirect(ctx, 302, payUrl(stage) ?? `${frame(ctx).base}/${payment.id}`);
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
    sendRedirect(ctx, 303, `${frame(ctx).base}/${payment.id}?checked`);
  });
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

function frameOf(ctx: EdgeContext, base: string): PageFrame {
  const language = ctx.acceptsLanguages(...LANGUAGES);
  return { texts: TEXTS[language === 'zh' ? 'zh' : 'en'], base, versions };
}

function basePath(publicUrl: string): string {
  return `${(URL.parse(publicUrl)?.pathname ?? '').replace(/\/+$/, '')}/pay`;
}

function sendPage(ctx: EdgeContext, status: number, frame: PageFrame, page: Page, formTargets = "'self'"): void {
  ctx.status = status;
  ctx.vary('Accept-Language');
  ctx.set('Content-Language', frame.texts.tag);
  ctx.set('Content-Security-Policy', `${PAGE_POLICY} ${formTargets}`);
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
