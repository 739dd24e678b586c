import type { Payment } from '../../payment/index.ts';
import { type Device, foreignWallet } from './device.ts';
import { type Html, html } from './html.ts';
import type { PageFrame } from './layout.ts';
import { qrSvg } from './qr.ts';
import { payUrl, type Stage } from './stage.ts';
import { type Texts, withMethod } from './texts.ts';
import { transferFacts } from './transfer.ts';

type PayStage = Extract<Stage, { kind: 'scan' | 'redirect' | 'form' }>;

/** Codes that only their own app understands; a buyer has no use for their text. */
const FOR_APPS = /^(weixin|wxp|alipays?|alipayqr|mqqapi|https?):/i;

/** The one way to pay that is open: a code to scan, or a button that leads to the provider's page. */
export async function wayToPay(
  frame: PageFrame,
  { payment, device }: { readonly payment: Payment; readonly device: Device },
  stage: PayStage,
): Promise<Html> {
  const { texts, base } = frame;
  const { method } = stage;
  const go = `${base}/${payment.id}/go`;
  const wallet = foreignWallet(device, method);
  const elsewhere =
    wallet === null ? null : html`<p class="quiet">${withMethod(texts.elsewhere[wallet], texts, method)}</p>`;
  if (stage.kind !== 'scan') {
    return html`<p><a class="button" href="${go}">${withMethod(texts.pay, texts, method)}</a></p>
<p class="quiet">${texts.payNote}</p>${elsewhere}`;
  }
  const svg = await qrSvg(stage.qrCode);
  if (svg === null) return html`<p>${texts.qrBroken}</p>`;
  const isHere = device !== 'desktop';
  const opens = isHere && payUrl(stage) !== null;
  const open = opens
    ? html`<p><a class="button" href="${go}">${withMethod(texts.openApp, texts, method)}</a></p>`
    : null;
  // Money that is sent to an address needs no album: the address can be copied.
  const onPhone =
    isHere && stage.quote === null ? html`<p class="quiet">${withMethod(texts.scanOnPhone, texts, method)}</p>` : null;
  return html`${open}<p>${withMethod(texts.scan, texts, method)}</p>
<figure class="qr" role="img" aria-label="${withMethod(texts.qrLabel, texts, method)}">${svg}</figure>
${transferFacts(texts, stage.quote)}${codeText(texts, stage.qrCode)}${onPhone}${elsewhere}`;
}

/** A code that is text for people too (an address, Pix "copia e cola") can be copied. */
function codeText(texts: Texts, code: string): Html | null {
  if (FOR_APPS.test(code)) return null;
  return html`<div class="code"><p class="code-label" id="code-label">${texts.copyLabel}</p><code aria-labelledby="code-label">${code}</code>
<button class="copy" type="button" data-copy="${code}" data-copied="${texts.copied}" hidden>${texts.copy}</button></div>`;
}
