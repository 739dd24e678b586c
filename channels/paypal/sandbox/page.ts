import type { WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import type { Entry, Ledger } from './ledger.ts';
import { wireMoney } from './money.ts';
import type { Till } from './till.ts';

/** PayPal's page for the buyer. */
export const PAGE = '/checkoutnow';

const CHOICES = [
  ['good', 'Pay now'],
  ['declined', 'Pay with a card that is declined'],
  ['echeck', 'Pay by eCheck, which takes days'],
  ['cancel', 'Cancel and go back'],
] as const;

/** Plain forms, no script. The choice decides what comes of the shop's capture. */
export function openPage(ledger: Ledger, till: Till, baseUrl: () => string, now: () => number) {
  return (request: WireRequest): WireAnswer => {
    const token = request.query.get('token') ?? '';
    const entry = ledger.find(({ order }) => order.tradeNo === token);
    if (entry === undefined || !/^(?:GET|POST)$/.test(request.method)) return page(404, 'Not found', '');
    const { order, detail } = entry;
    if (detail.capture !== null || detail.status === 'APPROVED') return back(detail.returnUrl, token);
    if ((order.expiresAt ?? 0) <= now()) return page(410, 'Expired', '<p>This checkout has expired.</p>');
    if (request.method !== 'POST') return choices(entry, `${baseUrl()}${PAGE}?token=${token}`);
    const chosen = new URLSearchParams(request.body.toString('utf8')).get('choice');
    if (chosen === 'cancel') return back(detail.cancelUrl, token);
    if (chosen !== 'good' && chosen !== 'declined' && chosen !== 'echeck') return page(400, 'Choose', '');
    till.approve(entry, { instrument: chosen, payMinor: null, delivery: { mode: 'send' } });
    return back(detail.returnUrl, token);
  };
}

function choices({ order, detail }: Entry, action: string): WireAnswer {
  const { value, currency_code } = wireMoney(order.amountMinor, order.currency);
  const declined = detail.tries === 0 ? '' : '<p role="alert">Your card was declined. Please choose again.</p>';
  const buttons = CHOICES.map(
    ([choice, label]) => `<p><button type="submit" name="choice" value="${choice}">${label}</button></p>`,
  );
  return page(
    200,
    'PayPal (sandbox)',
    `<p>${escapeHtml(detail.description)}</p><p><strong>${value} ${currency_code}</strong></p>${declined}
<form method="post" action="${escapeHtml(action)}">${buttons.join('')}</form>`,
  );
}

function back(url: string, token: string): WireAnswer {
  const target = new URL(url);
  target.searchParams.set('token', token);
  target.searchParams.set('PayerID', 'SANDBOXBUYER1');
  return { status: 303, headers: { location: target.href, 'cache-control': 'no-store' }, body: '' };
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
