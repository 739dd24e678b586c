import { legible } from '../../payment/index.ts';
import { type Html, html } from './html.ts';
import { LOCK } from './icons.ts';
import type { Texts } from './texts.ts';

/** Where the page's parts are: a path prefix of `PUBLIC_URL` is kept. */
export interface PageFrame {
  readonly texts: Texts;
  /** Path of `/pay` as the browser sees it. */
  readonly base: string;
  /** What every address of the page carries on: the language that the buyer has chosen, or nothing. */
  readonly suffix: string;
  readonly versions: { readonly css: string; readonly js: string };
}

export interface Page {
  readonly title: string;
  readonly shop: string | null;
  readonly main: Html;
  /** Reload without JavaScript after this many seconds; null when nothing can change. */
  readonly refreshS: number | null;
}

/** The document around a page. It loads nothing but our own style sheet and script. */
export function layout({ texts, base, versions }: PageFrame, page: Page): string {
  const other = texts.tag === 'en' ? { tag: 'zh-CN', query: 'zh' } : { tag: 'en', query: 'en' };
  const refresh =
    page.refreshS === null ? null : html`<noscript><meta http-equiv="refresh" content="${page.refreshS}"></noscript>`;
  return html`<!doctype html>
<html lang="${texts.tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/assets/cashier.css?v=${versions.css}">
<script src="${base}/assets/cashier.js?v=${versions.js}" defer></script>
${refresh}
</head>
<body>
<header class="top"><p class="shop">${LOCK}${page.shop === null ? texts.cashier : html`<span><span class="pay-to">${texts.payTo}</span> <bdi>${legible(page.shop)}</bdi></span>`}</p></header>
${page.main}
<footer><p class="foot">${texts.secure} · <a href="?lang=${other.query}" lang="${other.tag}" hreflang="${other.tag}" rel="nofollow">${texts.otherLanguage}</a></p></footer>
<p id="announcer" class="hidden-text" role="status" aria-live="polite"></p>
</body>
</html>
`.safeHtml;
}
