import { type Html, html, trusted } from './html.ts';

/** Plain signs of our own drawing, in the colours that people know the methods by; the name always stands beside them. */
const SIGNS: Readonly<Record<string, string>> = {
  alipay: '<path d="M7 9h10M12 6v3M8 12.5h8c-1 3.2-3.6 5.5-8 6M9 14c2 .6 6 2.6 9 4"/>',
  wechatpay:
    '<path d="M10 5.5c-3.6 0-6.2 2.2-6.2 5 0 1.6.9 3 2.3 3.9L5.5 16.5l2.4-1.2c.7.1 1.4.2 2.1.2"/><path d="M15 10.2c3 0 5.3 1.9 5.3 4.3 0 1.3-.7 2.5-1.9 3.3l.5 1.7-2-1c-.6.2-1.2.2-1.9.2-3 0-5.3-1.9-5.3-4.2s2.3-4.3 5.3-4.3z"/>',
  card: '<rect x="4" y="6.5" width="16" height="11" rx="2"/><path d="M4 10h16M7 14.5h4"/>',
  paypal: '<path d="M8 19 10 5.5h4.5c2.5 0 3.8 1.5 3.4 3.7-.4 2.5-2.3 3.9-4.8 3.9H10.5L9.7 19z"/>',
  usdt: '<path d="M6.5 6.5h11M12 6.5V18M6 11c0 1.1 2.7 1.9 6 1.9s6-.8 6-1.9-2.7-1.9-6-1.9-6 .8-6 1.9z"/>',
  pix: '<path d="m12 5 7 7-7 7-7-7zM8.5 8.5l7 7M15.5 8.5l-7 7"/>',
  qqpay: '<circle cx="11.5" cy="11.5" r="6"/><path d="m14.5 14.5 4 4"/>',
  bank: '<path d="M4.5 9.5 12 5l7.5 4.5zM6.5 9.5v7M10.2 9.5v7M13.8 9.5v7M17.5 9.5v7M4.5 18.5h15"/>',
};
const OTHER = '<circle cx="12" cy="12" r="7"/><path d="M12 8.5v7M9.5 10.5h5"/>';

/** The sign of a method; decoration, so that nobody has it read out. */
export function methodIcon(method: string): Html {
  const sign = SIGNS[method];
  return html`<span class="icon icon-${sign === undefined ? 'other' : method}" aria-hidden="true">${drawn(sign ?? OTHER)}</span>`;
}

export const LOCK = drawn(
  '<rect x="5.5" y="10.5" width="13" height="9" rx="2"/><path d="M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5"/>',
);

function drawn(paths: string): Html {
  return trusted(`<svg viewBox="0 0 24 24" focusable="false">${paths}</svg>`);
}
