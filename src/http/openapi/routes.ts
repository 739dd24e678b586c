import type { Router } from '@koa/router';
import type { EdgeContext, PublicAppParts, RequestState } from '../context.ts';
import { openApiDocument } from './document.ts';
import { docsCss, docsPage } from './page.ts';

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The description of the merchant API, for programs (`/openapi.json`) and for people (`/docs`). Both are public. */
export function addDocumentRoutes(router: Router<RequestState>, { settings }: Pick<PublicAppParts, 'settings'>): void {
  const texts = createTexts();

  router.get('/openapi.json', (ctx) => {
    send(ctx, 'application/json; charset=utf-8', texts(settings()).json);
  });

  router.get('/docs', (ctx) => {
    send(ctx, 'text/html; charset=utf-8', texts(settings()).page);
    ctx.set('Content-Security-Policy', PAGE_POLICY);
  });

  router.get('/docs/docs.css', (ctx) => send(ctx, 'text/css; charset=utf-8', docsCss));
}

/** Rendered when somebody asks for the first time, and again when a reload has changed what they say. */
function createTexts() {
  let last: { readonly key: string; readonly json: string; readonly page: string } | null = null;
  return ({ publicUrl, allowHttpUrls }: { readonly publicUrl: string; readonly allowHttpUrls: boolean }) => {
    const key = `${allowHttpUrls} ${publicUrl}`;
    if (last?.key !== key) {
      const document = openApiDocument({ publicUrl, allowHttpUrls });
      last = { key, json: JSON.stringify(document), page: docsPage(document, publicUrl) };
    }
    return last;
  };
}

function send(ctx: EdgeContext, contentType: string, body: string): void {
  ctx.status = 200;
  ctx.set('Content-Type', contentType);
  ctx.body = body;
}
