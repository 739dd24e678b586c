import type { WayToPay } from '../../gateway/index.ts';
import { type EpochMs, isPaid, legible, type Payment } from '../../payment/index.ts';
import { amountText } from './amount.ts';
import { chooser, hasChoice } from './chooser.ts';
import type { Device } from './device.ts';
import { type Html, html } from './html.ts';
import type { Page, PageFrame } from './layout.ts';
import { givenUpMethod, pollEveryMs, type Stage, secondPayment, stageTag, webUrl } from './stage.ts';
import { methodLabel, methodName, type Texts, withMethod } from './texts.ts';
import { wayToPay } from './way-to-pay.ts';

/** A word that a page begins with because of what the buyer has just done. */
export type Notice = keyof Texts['notices'] | 'checked';

export interface CashierView {
  readonly payment: Payment;
  readonly stage: Stage;
  readonly shop: string | null;
  readonly now: EpochMs;
  readonly device: Device;
  /** What the buyer may choose from; empty where there is nothing to choose. */
  readonly ways: readonly WayToPay[];
  readonly notice: Notice | null;
  /** The buyer has just chosen: a way to pay that is another page is gone to at once. */
  readonly goesOn: boolean;
}

/** The cashier page of one payment: what is bought, what to do now, and how it stands. Nothing personal is on it. */
export async function cashierPage(frame: PageFrame, view: CashierView): Promise<Page> {
  const { texts, base, suffix } = frame;
  const { payment, stage, shop, ways, goesOn } = view;
  const title = texts.titles[titleKey(stage)];
  const poll = pollEveryMs(stage);
  const own = `${base}/${payment.id}`;
  const go = goesOn && (stage.kind === 'redirect' || stage.kind === 'form') ? `${own}/go` : '';
  const main = html`<main id="cashier" class="stage-${stage.kind}" data-stage="${stageTag(payment, stage, ways)}"
 data-self="${own}${suffix}" data-state-url="${own}/state" data-events-url="${own}/events" data-poll-ms="${poll ?? 0}" data-go="${go}" data-return-url="${proofUrl(frame, payment) ?? ''}">
<section class="order">
<p class="subject"><bdi>${legible(payment.subject)}</bdi></p>
<p class="amount"><span class="hidden-text">${texts.amount}: </span>${amountText(payment.amount)}</p>
${countdown(texts, view)}
<dl class="facts"><dt>${texts.orderNo}</dt><dd>${payment.epay?.outTradeNo ?? payment.merchantOrderNo}</dd></dl>
</section>
<div class="doing">
<section class="state" aria-labelledby="state-title">
<h1 id="state-title" tabindex="-1">${mark(stage)}${title}</h1>
${notices(texts, view)}${await body(frame, view)}
</section>
${choice(frame, view)}
${'reason' in stage || poll === null ? null : html`<p class="quiet updates">${texts.updates}</p>`}
</div>
</main>`;
  return { title: `${title} · ${amountText(payment.amount)}`, shop, main, refreshS: refreshOf(stage, poll) };
}

/** Without JavaScript the whole page is loaded again; less often, since that disturbs whoever is reading. */
function refreshOf({ kind }: Stage, pollMs: number | null): number | null {
  if (kind === 'choose') return 30;
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

/** What went wrong, or what came of the buyer's last click; the first thing after the title. */
function notices(texts: Texts, { stage, notice, payment }: CashierView): Html | null {
  const isOpen = 'retry' in stage;
  if (!isOpen) return null;
  const lines: Html[] = [];
  // Why the last way came to nothing says more than that it did.
  if (notice !== null && notice !== 'checked' && !(notice === 'away' && stage.retry !== null)) {
    lines.push(html`<p class="notice">${texts.notices[notice]}</p>`);
  }
  if (stage.retry !== null) {
    const { why, next } = texts.reasons[stage.retry];
    const last = methodLabel(texts, payment.attempts.at(-1)?.method ?? '');
    const words = stage.kind === 'choose' ? `${last}: ${why} ${texts.chooseNext}` : `${texts.lastTry} ${why} ${next}`;
    lines.push(html`<p class="notice">${words}</p>`);
  }
  const earlier = givenUpMethod(payment);
  if (earlier !== null) lines.push(html`<p class="notice">${withMethod(texts.alreadyPaid, texts, earlier)}</p>`);
  if (notice === 'checked' && stage.retry === null) lines.push(html`<p class="notice">${texts.checked}</p>`);
  return html`${lines}`;
}

async function body(frame: PageFrame, view: CashierView): Promise<Html> {
  const { texts } = frame;
  const { stage, payment, ways } = view;
  const second = secondPayment(payment);
  const twice = second === null ? null : html`<p class="notice">${texts.paidTwice[second]}</p>`;
  switch (stage.kind) {
    case 'choose':
      return ways.length === 0
        ? html`<p>${texts.noWay}</p>${backToShop(frame, payment)}`
        : html`${stage.retry === null ? html`<p class="quiet">${texts.choose}</p>` : null}`;
    case 'scan':
    case 'redirect':
    case 'form':
      return html`${await wayToPay(frame, view, stage)}${havePaid(frame, payment)}`;
    case 'inapp':
      return html`<p>${texts.inapp}</p>${backToShop(frame, payment)}${havePaid(frame, payment)}`;
    case 'preparing':
      return html`<p>${texts.preparing}</p>`;
    case 'closing':
      return html`<p>${texts.closing}</p>${havePaid(frame, payment)}`;
    case 'failed':
    case 'closed':
      return html`<p>${texts.reasons[stage.reason].why}</p><p>${texts.reasons[stage.reason].next}</p>${backToShop(frame, payment)}`;
    default:
      return html`<p>${texts[stage.kind]}</p>${twice}${backToShop(frame, payment)}`;
  }
}

/** The ways to pay to choose from, and for whoever has paid before choosing again, the question whether it has arrived. */
function choice(frame: PageFrame, { payment, stage, ways, now }: CashierView): Html | null {
  if (!('retry' in stage)) return null;
  const open = 'method' in stage ? stage.method : null;
  const asks = stage.kind === 'choose' && givenUpMethod(payment) !== null ? havePaid(frame, payment) : null;
  return html`${hasChoice(payment, ways, open, now) ? chooser(frame, payment, ways, open) : null}${asks}`;
}

function havePaid({ texts, base, suffix }: PageFrame, { id }: Payment): Html {
  return html`<form method="post" action="${base}/${id}/paid${suffix}" data-busy="${texts.busy}"><button class="button plain">${texts.havePaid}</button></form>`;
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

/** Counted down from what the server says is left, so that the buyer's clock does not matter. */
function countdown(texts: Texts, { payment, stage, now }: CashierView): Html | null {
  if (!('retry' in stage) && stage.kind !== 'preparing') return null;
  const leftS = secondsLeft(payment, now);
  return html`<p class="quiet left">${texts.timeLeft} <span class="clock" role="timer" data-left-s="${leftS}">${clockText(leftS)}</span></p>`;
}

export function secondsLeft({ expiresAt }: Payment, now: EpochMs): number {
  return Math.max(0, Math.ceil((expiresAt - now) / 1_000));
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
  const main = html`<main id="cashier" class="alone"><section class="state"><h1>${title}</h1><p>${texts[which]}</p></section></main>`;
  return { title, shop: null, main, refreshS: null };
}

/**
 * The step between our page and a provider that wants a form to be posted. The provider's own HTML is shown as it is, but no
 * script in it runs: ours posts its first form, and without JavaScript the button that we add to the page's end says how.
 */
export function formPage(texts: Texts, stage: Extract<Stage, { kind: 'form' }>, form: Html): Page {
  const name = methodName(texts, stage.method);
  const main = html`<main id="cashier" class="alone"><section class="state"><h1>${texts.goingOn.replace('{method}', () => name)}</h1>
<div id="provider-form" class="provider-form">${form}</div>
<p><button id="provider-go" class="button" type="button">${withMethod(texts.goOn, texts, stage.method)}</button></p></section></main>`;
  return { title: texts.goingOn.replace('{method}', () => name), shop: null, main, refreshS: null };
}
