import type { RouterContext } from '@koa/router';
import { legible } from '../../payment/index.ts';
import { type Html, html } from '../cashier/html.ts';

/** What a page of the admin listener may load: our own style sheet, and nothing else. No form, no script, no frame. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface AdminPage {
  readonly title: string;
  readonly main: Html;
  /** Loaded again after so many seconds; null stands still. */
  readonly refreshS: number | null;
}

/** The document around a page of the admin listener. Addresses are relative, so that a proxy may add a prefix. */
function layout({ title, main, refreshS }: AdminPage, base: string): string {
  const refresh = refreshS === null ? null : html`<meta http-equiv="refresh" content="${refreshS}">`;
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
${refresh}
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}assets/status.css">
</head>
<body>
${main}
</body>
</html>
`;
  // Addresses, names of parameters and answers of shops stand on these pages; none of them is data for a program.
  return legible(document.safeHtml);
}

/** `base`: from where the page is to where the status page is. */
export function sendPage(ctx: RouterContext, status: number, page: AdminPage, base: string): void {
  ctx.status = status;
  ctx.set({
    ...{ 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': PAGE_POLICY },
    ...{ 'Referrer-Policy': 'no-referrer', 'X-Content-Type-Options': 'nosniff' },
  });
  ctx.body = layout(page, base);
}
