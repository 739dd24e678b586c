import { type Html, html } from '../cashier/html.ts';
import { figuresSection } from './backlog.ts';
import { channelsSection } from './channels.ts';
import { agoText, clockText, spanText } from './figures.ts';
import type { AdminPage } from './layout.ts';
import type { AdminStatus, FailingEndpointStatus, Problem } from './model.ts';

/** Often enough to watch a channel come back, seldom enough to read a line. */
const REFRESH_S = 5;

/** The page for somebody who has just been woken: what is wrong, then each channel, then what waits. */
export function statusPage(status: AdminStatus, { paused }: { readonly paused: boolean }): AdminPage {
  const { gateway, problems, channels, webhooks } = status;
  const main = html`<header>
<h1>Switchyard</h1>
<p>${gateway.version} · up ${spanText(gateway.uptime_seconds)} · <time datetime="${gateway.time}">${clockText(gateway.time)} UTC</time> · ${
    paused ? html`<a href="./">resume</a>` : html`<a href="./?paused">pause</a>`
  }</p>
</header>
<main>
${problemsSection(problems, channels.length)}
${channelsSection(channels, gateway)}
${figuresSection(gateway)}
${endpointsSection(webhooks.failing, gateway.time)}
</main>
<footer><p><a href="status">as JSON</a> · <a href="runbooks/README">all runbooks</a> · <a href="epay">shops that speak epay</a> · money of a day: UTC+8, since ${dayText(status)}</p></footer>`;
  return { title: titleOf(problems), main, refreshS: paused ? null : REFRESH_S };
}

/** A tab's title is all that is seen of a page in the background. */
function titleOf(problems: readonly Problem[]): string {
  const urgent = problems.filter(({ urgency }) => urgency === 'now').length;
  if (urgent > 0) return `(${urgent}!) Switchyard`;
  return problems.length > 0 ? `(${problems.length}) Switchyard` : 'Switchyard: all well';
}

function problemsSection(problems: readonly Problem[], channels: number): Html {
  if (problems.length === 0) {
    const what = channels === 1 ? 'The channel takes' : `All ${channels} channels take`;
    return html`<section class="well"><h2>All well</h2><p>${what} payments, but for those that were drained, disabled or are at a limit, and nothing waits too long.</p></section>`;
  }
  const urgent = problems.filter(({ urgency }) => urgency === 'now');
  const others = problems.filter(({ urgency }) => urgency === 'soon');
  return html`<section class="problems">
${urgent.length === 0 ? html`<p class="calm">Nothing is wrong that cannot wait.</p>` : html`<h2>Wrong now</h2><ul class="now">${urgent.map(problemItem)}</ul>`}
${others.length === 0 ? null : html`<h2>Within working hours</h2><ul class="soon">${others.map(problemItem)}</ul>`}
</section>`;
}

function problemItem({ text, runbook }: Problem): Html {
  return html`<li>${text} <a href="runbooks/${runbook}">what to do</a></li>`;
}

function endpointsSection(failing: readonly FailingEndpointStatus[], now: string): Html | null {
  if (failing.length === 0) return null;
  const items = failing.map(
    ({ merchant, endpoint, failing_since, paused_at, reason }) =>
      html`<li><b>${merchant}</b> ${endpoint}: ${reason}, for ${agoText(failing_since, now)}${paused_at === null ? '' : '; paused'}</li>`,
  );
  return html`<section><h2>Shops that take no events</h2><ul class="plain">${items}</ul></section>`;
}

function dayText({ channels }: AdminStatus): string {
  const since = channels[0]?.today.since;
  return since === undefined ? '-' : `${since.slice(0, 10)} ${clockText(since)} UTC`;
}
