import { readFileSync } from 'node:fs';
import type { Router } from '@koa/router';
import { html } from '../cashier/html.ts';
import { type AdminPage, sendPage } from './layout.ts';
import type { AdminStatus } from './model.ts';
import { statusPage } from './page.ts';
import { loadRunbooks, runbookPage } from './runbooks.ts';

export interface StatusParts {
  /** What an operator reads when the dashboards are down. It answers quickly, also when the store does not. */
  readonly status: () => Promise<AdminStatus>;
}

/** The state of everything, as JSON for programs and as a page for people. Both only tell. */
export function addStatusRoutes(router: Router, { status }: StatusParts): void {
  const css = readFileSync(new URL('../assets/status.css', import.meta.url), 'utf8');
  const runbooks = loadRunbooks();

  router.get('/admin/status', async (ctx) => {
    ctx.set('Content-Type', 'application/json; charset=utf-8');
    ctx.body = JSON.stringify(await status());
  });

  router.get('/admin', (ctx) => {
    // Relative to where the browser thinks it is, so that a prefix of a proxy stays.
    ctx.redirect('admin/');
  });

  router.get('/admin/', async (ctx) => {
    const paused = new URLSearchParams(ctx.querystring).has('paused');
    sendPage(ctx, 200, statusPage(await status(), { paused }), '');
  });

  router.get('/admin/assets/status.css', (ctx) => {
    ctx.set('Content-Type', 'text/css; charset=utf-8');
    ctx.body = css;
  });

  router.get('/admin/runbooks/:name', (ctx) => {
    const name = (ctx.params.name ?? '').replace(/\.md$/, '');
    const markdown = runbooks.get(name);
    if (markdown === undefined) return sendPage(ctx, 404, MISSING, '../');
    sendPage(ctx, 200, runbookPage(name, markdown), '../');
  });
}

const MISSING: AdminPage = {
  title: 'No such runbook: Switchyard',
  main: html`<main class="runbook"><h1>No such runbook</h1><p>They are in grafana/runbooks of the sources. <a href="../">Status</a></p></main>`,
  refreshS: null,
};
