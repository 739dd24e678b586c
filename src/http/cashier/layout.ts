import { type Html, html } from './html.ts';
import type { Texts } from './texts.ts';

/** Where the page's parts are: a path prefix of `PUBLIC_URL` is kept. */
export interface PageFrame {
  readonly texts: Texts;
  /** Path of `/pay` as the browser sees it. */
  readonly base: string;
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
<header><p>${page.shop === null ? texts.cashier : html`${texts.payTo} <bdi>${page.shop}</bdi>`}</p></header>
${page.main}
<p id="announcer" class="hidden-text" role="status" aria-live="polite"></p>
</body>
</html>
`.safeHtml;
}
