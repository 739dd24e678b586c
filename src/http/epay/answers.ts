import type { EpayOutcome } from '../../gateway/index.ts';
import { html } from '../cashier/html.ts';
import { sendCashierMessage } from '../cashier/index.ts';
import type { EdgeContext, PublicAppParts } from '../context.ts';
import { sendJson } from '../respond.ts';
import { wordsOf } from './words.ts';

type Refusal = Exclude<EpayOutcome, 'ok'>;

/** Clients lose the reason on every status but 200. */
export function sendAnswer(ctx: EdgeContext, body: Readonly<Record<string, unknown>>): void {
  sendJson(ctx, { status: 200, body });
}

/** A refusal to a program. */
export function sendRefusal(ctx: EdgeContext, refusal: Refusal, msg?: string): void {
  const words = wordsOf(refusal);
  sendAnswer(ctx, { code: words.code, msg: msg ?? words.msg });
}

/** A refusal to a buyer's browser: words, nothing of what was sent, and no redirect to anywhere. */
export function sendRefusalPage(ctx: EdgeContext, refusal: Refusal, parts: PublicAppParts): void {
  const title = '订单无法支付 · This order cannot be paid';
  const status = refusal === 'internal' ? 500 : 400;
  sendCashierMessage(ctx, { status, title, text: wordsOf(refusal).msg, publicUrl: parts.settings().publicUrl });
}

/**
 * Leads the browser to the cashier. Some shops fetch this page themselves and look for a script or a link in it, so it has both; no
 * browser runs the one, since the address in the header comes first.
 */
export function sendToCashier(ctx: EdgeContext, url: string): void {
  ctx.status = 303;
  ctx.set('Location', url);
  ctx.set('Content-Type', 'text/html; charset=utf-8');
  ctx.body = html`<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>支付</title></head><body>
<script>window.location.replace('${url}');</script><p><a href="${url}">继续支付 · Go on to pay</a></p></body></html>`.safeHtml;
}
