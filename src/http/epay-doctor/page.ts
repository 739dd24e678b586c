import type { Diagnosis, EpayOverview, NoticeView, RequestView, ShopLine, ShopReport } from '../../doctor/index.ts';
import { type Html, html } from '../cashier/html.ts';
import { agoText, clockText } from '../status/figures.ts';
import type { AdminPage } from '../status/layout.ts';

type Last = ShopLine['last_request'];

/** The shops that speak epay, a row for each. */
export function overviewPage({ shops, nobodys, time }: EpayOverview): AdminPage {
  const heads = ['Shop', 'Pid', 'Last request', 'Last notification'];
  const rows = shops.map(
    ({ pid, merchant, name, enabled, last_request, last_notice }) => html`<tr>
<th scope="row"><a href="epay/${pid}">${name}</a><small>${merchant}${enabled ? '' : ', disabled'}</small></th>
<td data-head="Pid">${pid}</td>
<td data-head="Last request">${lastCell(last_request, time)}</td>
<td data-head="Last notification">${lastCell(last_notice, time)}</td>
</tr>`,
  );
  const list =
    shops.length === 0
      ? html`<p>No shop speaks epay. <code>switchyard merchants add &lt;id&gt; --name &lt;name&gt; --epay</code> makes one.</p>`
      : html`<table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows}
</tbody>
</table>`;
  const main = html`<header><h1>Shops that speak epay</h1><p><a href="./">Status</a> · <time datetime="${time}">${clockText(time)} UTC</time></p></header>
<main class="doctor">
<section>${list}</section>
${nobodySection(nobodys, time)}
</main>
<footer><p><a href="epay.json">as JSON</a></p></footer>`;
  return { title: 'Shops that speak epay: Switchyard', main, refreshS: null };
}

/** One shop: what to type where, and what went wrong. */
export function shopPage(report: ShopReport): AdminPage {
  const { shop, time, requests, notices, nobodys } = report;
  const main = html`<header><h1>${shop.name} <small>pid ${shop.pid}</small></h1><p><a href="../epay">all shops</a> · <a href="../">Status</a> · <time datetime="${time}">${clockText(time)} UTC</time></p></header>
<main class="doctor">
${shop.enabled ? null : html`<section class="problems"><ul class="now"><li>${shop.merchant} is disabled: its requests are refused.</li></ul></section>`}
${noticesSection(notices, time)}
${requestsSection(requests, time)}
${settingsSection(report)}
${nobodySection(nobodys, time)}
</main>
<footer><p><a href="${shop.pid}.json">as JSON</a> · in a terminal: <code>switchyard doctor epay --pid ${shop.pid}</code></p></footer>`;
  return { title: `${shop.name}, pid ${shop.pid}: Switchyard`, main, refreshS: null };
}

export function nobodyPage(): AdminPage {
  const main = html`<main class="runbook"><h1>No such shop</h1><p>This pid is nobody's. <a href="../epay">All shops</a></p></main>`;
  return { title: 'No such shop: Switchyard', main, refreshS: null };
}

function lastCell(last: Last, now: string): Html {
  if (last === null) return html`<span class="idle">none</span>`;
  return html`<span class="${last.state}">${last.verdict}</span> <small>${agoText(last.at, now)} ago</small>`;
}

function settingsSection({ shop, plug_ins, platform_public_key }: ShopReport): Html {
  const facts: readonly (readonly [string, string])[] = [
    ['Merchant', shop.merchant],
    ['Pid', String(shop.pid)],
    ['Signatures', shop.sign.join(', ')],
    ['Key', `${shop.key_fingerprints.join(', then ')}: so begins its SHA-256; the key itself is never shown`],
    ['The key is kept in', `${shop.key_kept_in}; a new one: switchyard merchants rotate ${shop.merchant} --epay-key`],
    ['Public key of the shop', shop.has_public_key ? 'set' : 'none'],
    ['Notify hosts', shop.notify_hosts === 'any' ? 'any' : shop.notify_hosts.join(', ')],
    ['Refunds by the interface', shop.refunds ? 'on' : 'off'],
    ["The shop's certificate", shop.tls_verify ? 'verified' : 'not verified (tls_verify: false)'],
  ];
  const rows = plug_ins.map(
    ({ programs, address, sign, accepted, note }) => html`<tr>
<th scope="row">${programs}</th>
<td data-head="Address"><code>${address}</code></td>
<td data-head="Signature">${sign}${accepted ? null : html` <span class="wrong">not accepted</span>`}</td>
<td data-head="Note">${note}</td>
</tr>`,
  );
  return html`<section><h2>Settings</h2>
<dl>${facts.map(([term, text]) => html`<div><dt>${term}</dt><dd>${text}</dd></div>`)}</dl></section>
<section><h2>What to type into the plug-in</h2><p>This address, the pid ${shop.pid}, and the key.</p>
<table>
<thead><tr>${['Program', 'Address', 'Signature', 'Note'].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows}
</tbody>
</table>
<p>For V2 the plug-in wants the public key of this platform:</p>
<pre>${platform_public_key ?? '(the key file cannot be read; see the log)'}</pre></section>`;
}

function requestsSection(requests: readonly RequestView[], now: string): Html {
  const none = html`<p>None. The shop has asked for nothing yet, or asks at another address.</p>`;
  return html`<section><h2>Last requests of the shop</h2>${requests.length === 0 ? none : requestList(requests, now)}</section>`;
}

function nobodySection(nobodys: readonly RequestView[], now: string): Html | null {
  if (nobodys.length === 0) return null;
  return html`<section><h2>Requests that name no shop</h2><p>Any shop's may be among them.</p>${requestList(nobodys, now)}</section>`;
}

function requestList(requests: readonly RequestView[], now: string): Html {
  const items = requests.map((one) => {
    const sent = `${one.method} ${one.endpoint}${one.sign === null ? '' : `, ${one.sign}`}`;
    const signed = one.state !== 'wrong' || one.names.length === 0 ? null : small(`Signed: ${one.names.join(' ')}`);
    return item(one, one.at, now, html`${small(sent)}${signed}`);
  });
  return html`<ul class="findings">${items}</ul>`;
}

function noticesSection(notices: readonly NoticeView[], now: string): Html {
  const none = html`<p>None. No order of this shop was paid yet.</p>`;
  const items = notices.map((one) => item(one, one.at, now, noticeDetails(one)));
  return html`<section><h2>Last notifications to the shop</h2>${notices.length === 0 ? none : html`<ul class="findings">${items}</ul>`}</section>`;
}

function noticeDetails(one: NoticeView): Html {
  const own = one.own_query.length === 0 ? '' : `; own query: ${one.own_query.join(' ')}`;
  const sent = small(`Order ${one.out_trade_no ?? '?'}, try ${one.try}: ${one.address}${own}`);
  if (one.state === 'well') return sent;
  const answer =
    one.status === null
      ? small(`No answer: ${one.answer}`)
      : html`${small(`Status ${one.status}${one.answer.trim() === '' ? ', empty' : ':'}`)}${one.answer.trim() === '' ? null : html`<pre>${one.answer}</pre>`}`;
  return html`${sent}${answer}<small class="line">Send it again: <code>${one.again}</code></small>`;
}

function item({ state, verdict, why, cure }: Diagnosis, at: string, now: string, details: Html): Html {
  return html`<li class="${state}"><b>${verdict}</b> <small><time datetime="${at}">${agoText(at, now)} ago</time></small>
${why === '' ? null : html`<p>${why}</p>`}${cure === '' ? null : html`<p class="cure">${cure}</p>`}${details}</li>`;
}

function small(text: string): Html {
  return html`<small class="line">${text}</small>`;
}
