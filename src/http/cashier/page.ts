import { type EpochMs, isPaid, type Payment } from '../../payment/index.ts';
import { amountText } from './amount.ts';
import { type Html, html } from './html.ts';
import type { Page, PageFrame } from './layout.ts';
import { qrSvg } from './qr.ts';
import { payUrl, pollEveryMs, type Stage, secondPayment, stageTag, webUrl } from './stage.ts';
import { methodName, type Texts, withMethod } from './texts.ts';

interface CashierView {
  readonly payment: Payment;
  readonly stage: Stage;
  readonly shop: string | null;
  readonly now: EpochMs;
  /** The buyer has just said "I have paid". */
  readonly checked: boolean;
}

/** The cashier page of one payment: what is bought, what to do now, and how it stands. Nothing personal is on it. */
export async function cashierPage(frame: PageFrame, view: CashierView): Promise<Page> {
  const { texts, base } = frame;
  const { payment, stage, shop } = view;
  const title = texts.titles[titleKey(stage)];
  const poll = pollEveryMs(stage);
  const main = html`<main id="cashier" class="stage-${stage.kind}" data-stage="${stageTag(payment, stage)}"
 data-state-url="${base}/${payment.id}/state" data-poll-ms="${poll ?? 0}" data-return-url="${proofUrl(frame, payment) ?? ''}">
<section class="order">
<p class="subject"><bdi>${payment.subject}</bdi></p>
<p class="amount"><span class="hidden-text">${texts.amount}: </span>${amountText(payment.amount)}</p>
</section>
<section class="state" aria-labelledby="state-title">
<h1 id="state-title">${mark(stage)}${title}</h1>
${await body(frame, view)}
</section>
${countdown(texts, view)}
<dl class="facts"><dt>${texts.orderNo}</dt><dd>${payment.epay?.outTradeNo ?? payment.merchantOrderNo}</dd></dl>
${'reason' in stage || poll === null ? null : html`<p class="quiet">${texts.updates}</p>`}
</main>`;
  return { title: `${title} · ${amountText(payment.amount)}`, shop, main, refreshS: refreshOf(poll) };
}

/** Without JavaScript the whole page is loaded again; less often, since that disturbs whoever is reading. */
function refreshOf(pollMs: number | null): number | null {
  return pollMs === null ? null : Math.max(5, pollMs / 1_000);
}

function titleKey(stage: Stage): keyof Texts['titles'] {
  return stage.kind === 'form' ? 'redirect' : stage.kind;
}

function mark(stage: Stage): Html | null {
  if (stage.kind === 'paid') return html`<span class="mark good" aria-hidden="true">✓</span>`;
  if (stage.kind === 'failed') return html`<span class="mark bad" aria-hidden="true">!</span>`;
  if (stage.kind === 'preparing' || stage.kind === 'closing')
    return html`<span class="mark busy" aria-hidden="true"></span>`;
  return null;
}

async function body(frame: PageFrame, view: CashierView): Promise<Html> {
  const { texts } = frame;
  const { stage, payment } = view;
  const second = secondPayment(payment);
  const twice = second === null ? null : html`<p class="notice">${texts.paidTwice[second]}</p>`;
  switch (stage.kind) {
    case 'scan':
    case 'redirect':
    case 'form':
    case 'inapp':
      return html`${retryNotice(texts, stage.retry)}${await wayToPay(frame, view)}`;
    case 'preparing':
      return html`<p>${texts.preparing}</p>`;
    case 'closing':
      return html`<p>${texts.closing}</p>${havePaid(frame, view)}`;
    case 'failed':
    case 'closed':
      return html`<p>${texts.reasons[stage.reason].why}</p><p>${texts.reasons[stage.reason].next}</p>${backToShop(frame, payment)}`;
    default:
      return html`<p>${texts[stage.kind]}</p>${twice}${backToShop(frame, payment)}`;
  }
}

async function wayToPay(frame: PageFrame, view: CashierView): Promise<Html> {
  const { texts, base } = frame;
  const { stage, payment } = view;
  const method = 'method' in stage ? stage.method : '';
  const go = `${base}/${payment.id}/go`;
  if (stage.kind === 'inapp') return html`<p>${texts.inapp}</p>${backToShop(frame, payment)}${havePaid(frame, view)}`;
  if (stage.kind !== 'scan') {
    const label = withMethod(texts.pay, texts, method);
    return html`<p><a class="button" href="${go}">${label}</a></p>
<p class="quiet">${withMethod(texts.payNote, texts, method)}</p>${havePaid(frame, view)}`;
  }
  const svg = await qrSvg(stage.qrCode);
  if (svg === null) return html`<p>${texts.qrBroken}</p>`;
  const open =
    payUrl(stage) === null
      ? null
      : html`<p><a class="button" href="${go}">${withMethod(texts.openApp, texts, method)}</a></p>`;
  return html`<p>${withMethod(texts.scan, texts, method)}</p>
<figure class="qr" role="img" aria-label="${withMethod(texts.qrLabel, texts, method)}">${svg}</figure>
<p class="quiet">${withMethod(texts.scanOnPhone, texts, method)}</p>${open}${havePaid(frame, view)}`;
}

function retryNotice(texts: Texts, retry: keyof Texts['reasons'] | null): Html | null {
  if (retry === null) return null;
  const { why, next } = texts.reasons[retry];
  return html`<p class="notice">${texts.lastTry} ${why} ${next}</p>`;
}

function havePaid({ texts, base }: PageFrame, { payment, checked }: CashierView): Html {
  return html`${checked ? html`<p class="notice">${texts.checked}</p>` : null}
<form method="post" action="${base}/${payment.id}/paid"><button class="button plain">${texts.havePaid}</button></form>`;
}

/** Where a shop that speaks epay gets its buyer back with the proof of a paid order; the signature is made at that moment. */
export function proofUrl({ base }: Pick<PageFrame, 'base'>, payment: Payment): string | null {
  const hasProof = payment.epay !== undefined && payment.returnUrl !== null && isPaid(payment);
  return hasProof ? `${base}/${payment.id}/return` : null;
}

/** Only a link: what the shop learns of the payment, it learns from its event (I12). */
function backToShop(frame: PageFrame, payment: Payment): Html | null {
  const { texts } = frame;
  const url = proofUrl(frame, payment) ?? (payment.returnUrl === null ? null : webUrl(payment.returnUrl));
  return url === null ? null : html`<p><a class="button plain" href="${url}">${texts.backToShop}</a></p>`;
}

function countdown(texts: Texts, { payment, stage, now }: CashierView): Html | null {
  if (!('retry' in stage) && stage.kind !== 'preparing') return null;
  const leftS = Math.max(0, Math.ceil((payment.expiresAt - now) / 1_000));
  return html`<p class="quiet">${texts.timeLeft} <span class="clock" role="timer" data-left-s="${leftS}">${clockText(leftS)}</span></p>`;
}

function clockText(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours === 0 ? rest : `${hours}:${rest}`;
}

/** A page without a payment: unknown address, or a fault of ours. */
export function messagePage(texts: Texts, which: 'notFound' | 'broken'): Page {
  const title = which === 'notFound' ? texts.notFoundTitle : texts.brokenTitle;
  const main = html`<main id="cashier"><section class="state"><h1>${title}</h1><p>${texts[which]}</p></section></main>`;
  return { title, shop: null, main, refreshS: null };
}

/**
 * The step between our page and a provider that wants a form to be posted. The provider's own HTML is shown as it is, but no
 * script in it runs: ours posts its first form, and without JavaScript the button that we add to the page's end says how.
 */
export function formPage(texts: Texts, stage: Extract<Stage, { kind: 'form' }>, form: Html): Page {
  const name = methodName(texts, stage.method);
  const main = html`<main id="cashier"><section class="state"><h1>${texts.goingOn.replace('{method}', () => name)}</h1>
<div id="provider-form" class="provider-form">${form}</div>
<p><button id="provider-go" class="button" type="button">${withMethod(texts.goOn, texts, stage.method)}</button></p></section></main>`;
  return { title: texts.goingOn.replace('{method}', () => name), shop: null, main, refreshS: null };
}
