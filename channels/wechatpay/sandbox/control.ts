import type { WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import type { Account } from './account.ts';
import { parseJson } from './json.ts';
import { detailOf } from './orders.ts';
import { stickRefund } from './refunds.ts';
import { controlSchema, withWishes } from './settings.ts';

/** Below the channel's base URL: settings of this simulator that no real WeChat has. */
export const CONTROL_PATH = '/_sandbox';

/** `POST /<channel id>/_sandbox` with any of the wishes of `settings.ts`; answers the settings as they are then. */
export async function serveControl(request: WireRequest, account: Account): Promise<WireAnswer> {
  const wishes = controlSchema.safeParse(parseJson(request.body));
  if (request.method !== 'POST' || !wishes.success) return answer(400, { detail: 'POST one JSON object of settings' });
  const { paying, rotate_certificate: rotate, stuck_refund: stuck } = wishes.data;
  if (paying) {
    const order = account.books.find(paying.provider_ref);
    if (!order) return answer(404, { detail: 'no such order' });
    account.books.put({ ...order, detail: { ...detailOf(order), payingUntil: account.now() + paying.for_ms } });
  }
  if (stuck && !stickRefund(stuck.refund_no, account)) return answer(404, { detail: 'no such pending refund' });
  account.change(withWishes(account.settings(), wishes.data));
  if (rotate) await account.platform.rotate();
  return answer(200, account.settings());
}

function answer(status: number, json: unknown): WireAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) };
}
