import { type Quote, toDecimalString } from '../../payment/index.ts';
import { type Html, html } from './html.ts';
import type { Texts } from './texts.ts';

/** What to send, where to, over which network, and how exactly: none of it may be guessed by the buyer. */
export function transferFacts({ transfer }: Texts, quote: Quote | null): Html | null {
  if (quote === null) return null;
  const { amount, network, address } = quote;
  const exact = toDecimalString(amount).replace(/(\.\d\d\d*?)0+$/, '$1');
  return html`<dl class="facts transfer"><dt>${transfer.send}</dt><dd><strong>${exact} ${amount.currency}</strong></dd>
<dt>${transfer.network}</dt><dd>${network}</dd><dt>${transfer.address}</dt><dd><code>${address}</code></dd></dl>
<p class="notice">${transfer.exactly}</p>`;
}
