import type { WayToPay } from '../../gateway/index.ts';
import { mayChoose, type Payment } from '../../payment/index.ts';
import { type Html, html } from './html.ts';
import { methodIcon } from './icons.ts';
import type { PageFrame } from './layout.ts';
import { methodLabel } from './texts.ts';

/** Whether the buyer has something to choose: beside a way that is open already, there must be another. */
export function hasChoice(payment: Payment, ways: readonly WayToPay[], open: string | null, now: number): boolean {
  return mayChoose(payment, now) && ways.some(({ method }) => method !== open);
}

/**
 * The ways to pay as one form whose buttons are the methods, so that it works without JavaScript. It says how many attempts the
 * buyer has seen: a choice made on an older page changes nothing.
 */
export function chooser(frame: PageFrame, payment: Payment, ways: readonly WayToPay[], open: string | null): Html {
  const { texts, base, suffix } = frame;
  const title = open === null ? texts.ways : texts.otherWays;
  return html`<section class="chooser" aria-labelledby="ways-title">
<h2 id="ways-title"${open === null ? html` class="hidden-text"` : null}>${title}</h2>
<form method="post" action="${base}/${payment.id}/choose${suffix}" data-busy="${texts.busy}">
<input type="hidden" name="seen" value="${payment.attempts.length}">
<ul class="ways">${ways.map((way) => html`<li>${entry(frame, way, way.method === open)}</li>`)}</ul>
</form></section>`;
}

function entry({ texts }: PageFrame, { method, available }: WayToPay, isOpen: boolean): Html {
  const name = html`${methodIcon(method)}<span class="way-name">${methodLabel(texts, method)}</span>`;
  if (isOpen) {
    return html`<p class="way selected" aria-current="true">${name}<span class="way-note">${texts.selected}</span><span class="tick" aria-hidden="true">✓</span></p>`;
  }
  if (!available) return html`<p class="way off">${name}<span class="way-note">${texts.away}</span></p>`;
  return html`<button class="way" name="method" value="${method}">${name}<span class="arrow" aria-hidden="true"></span></button>`;
}
