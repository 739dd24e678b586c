import type { Router, RouterContext } from '@koa/router';
import type { EpayDoctor } from '../../doctor/index.ts';
import { sendPage } from '../status/layout.ts';
import { nobodyPage, overviewPage, shopPage } from './page.ts';

export interface EpayDoctorParts {
  readonly epayDoctor: EpayDoctor;
}

/** Why shops that speak epay get no further: as pages for people and as JSON for programs. They only tell. */
export function addEpayDoctorRoutes(router: Router, { epayDoctor }: EpayDoctorParts): void {
  router.get('/admin/epay', (ctx) => sendPage(ctx, 200, overviewPage(epayDoctor.overview()), ''));
  router.get('/admin/epay.json', (ctx) => sendJson(ctx, 200, epayDoctor.overview()));

  router.get('/admin/epay/:name', async (ctx) => {
    const [, pid, json] = /^([1-9]\d{0,8})(\.json)?$/.exec(ctx.params.name ?? '') ?? [];
    const report = pid === undefined ? null : await epayDoctor.shop(Number(pid));
    if (json === undefined) return sendPage(ctx, report ? 200 : 404, report ? shopPage(report) : nobodyPage(), '../');
    if (report) return sendJson(ctx, 200, report);
    sendJson(ctx, 404, { error: 'not_found', detail: `No shop has the pid ${pid}; \`doctor epay\` lists them.` });
  });
}

function sendJson(ctx: RouterContext, status: number, body: unknown): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.body = JSON.stringify(body);
}
