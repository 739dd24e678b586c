import type { WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { GOOD_CARD } from './cards.ts';
import { parseForm, textAt } from './form.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { Till, Tried } from './purchase.ts';

/** Everything below this path is for a buyer's browser. */
export const PAGES = '/c/';

/** The hosted Checkout page and the bank's 3-D Secure page; plain forms, no script. */
export function openPages(ledger: Ledger, till: Till, baseUrl: () => string): (request: WireRequest) => WireAnswer {
  const showCheckout = (request: WireRequest, entry: Entry): WireAnswer => {
    const { order, detail } = entry;
    if (order.status === 'closed') return page(200, 'Expired', '<p>This checkout session has expired.</p>');
    if (order.status === 'paid') return toShop(entry);
    if (request.method !== 'POST') return checkoutForm(entry, null);
    const form = parseForm(request.body.toString('utf8'));
    const card = form === null ? undefined : textAt(form, 'card_number');
    return afterTry(till.payWithCard(entry, card ?? '', detail.session?.successUrl ?? null));
  };

  const showChallenge = (request: WireRequest, entry: Entry): WireAnswer => {
    if (entry.detail.intent?.status !== 'requires_action') return toShop(entry);
    if (request.method !== 'POST') return challengeForm(entry);
    const form = parseForm(request.body.toString('utf8'));
    const outcome = form === null ? undefined : textAt(form, 'outcome');
    return afterTry(till.answerChallenge(entry, outcome === 'complete'));
  };

  const afterTry = (tried: Tried): WireAnswer => {
    if (tried.kind === 'paid') return toShop(tried.entry);
    if (tried.kind === 'challenge') return redirect(`${baseUrl()}/c/3ds/${tried.entry.detail.intent?.id}`);
    return tried.entry.detail.session === null ? toShop(tried.entry) : checkoutForm(tried.entry, tried.refusal.message);
  };

  return (request) => {
    const [, kind, id] = /^\/c\/(pay|3ds)\/(\w+)$/.exec(request.path) ?? [];
    const found = kind === 'pay' ? ledger.bySession(id ?? '') : ledger.byIntent(id ?? '');
    if (found === undefined || !/^(?:GET|POST)$/.test(request.method)) {
      return page(404, 'Not found', '<p>Something went wrong: this page could not be found.</p>');
    }
    const entry = till.refresh(found);
    return kind === 'pay' ? showCheckout(request, entry) : showChallenge(request, entry);
  };

  function checkoutForm({ detail }: Entry, problem: string | null): WireAnswer {
    const { session } = detail;
    const cancel = session?.cancelUrl ? `<p><a href="${escapeHtml(session.cancelUrl)}">Back</a></p>` : '';
    return page(
      200,
      'Checkout (sandbox)',
      `<p>${escapeHtml(detail.name)}</p><p><strong>${detail.amount} ${escapeHtml(detail.currency)}</strong> (smallest unit)</p>
${problem === null ? '' : `<p role="alert">${escapeHtml(problem)}</p>`}
<form method="post" action="${escapeHtml(`${baseUrl()}/c/pay/${session?.id}`)}">
<label>Card number <input name="card_number" value="${GOOD_CARD}" inputmode="numeric" autocomplete="off"></label>
<button type="submit">Pay</button></form>${cancel}`,
    );
  }

  function challengeForm({ detail }: Entry): WireAnswer {
    return page(
      200,
      '3-D Secure (sandbox)',
      `<p>Your bank wants to make sure that it is you who pays.</p>
<form method="post" action="${escapeHtml(`${baseUrl()}/c/3ds/${detail.intent?.id}`)}">
<button type="submit" name="outcome" value="complete">Complete</button>
<button type="submit" name="outcome" value="fail">Fail</button></form>`,
    );
  }
}

/** Back to the shop; a Session's address may want the Session's id. */
function toShop({ detail }: Entry): WireAnswer {
  const { session, intent } = detail;
  if (session !== null) return redirect(session.successUrl.replaceAll('{CHECKOUT_SESSION_ID}', session.id));
  const url = intent?.returnUrl ? URL.parse(intent.returnUrl) : null;
  if (url === null || intent === null) return page(200, 'Done', '<p>You can go back to the shop.</p>');
  url.searchParams.set('payment_intent', intent.id);
  url.searchParams.set('payment_intent_client_secret', intent.clientSecret);
  url.searchParams.set('redirect_status', intent.status === 'succeeded' ? 'succeeded' : 'failed');
  return redirect(url.href);
}

function redirect(url: string): WireAnswer {
  return { status: 303, headers: { location: url, 'cache-control': 'no-store' }, body: '' };
}

function page(status: number, title: string, body: string): WireAnswer {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><body><h1>${title}</h1>${body}</body></html>`,
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
