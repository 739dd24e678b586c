import { type Html, html } from '../cashier/html.ts';
import { agoText, moneyText } from './figures.ts';
import { fullText } from './limits.ts';
import { type ChannelStatus, type FailureStatus, type GatewayStatus, GUARDED_OPERATIONS } from './model.ts';

const HEADS = [
  'Channel',
  'State',
  'Calls that work',
  'Orders paid',
  'Answers in',
  'Score',
  'Balance',
  'Today',
  'Last heard',
];

/** One row per channel; on a phone one card. */
export function channelsSection(channels: readonly ChannelStatus[], { time }: GatewayStatus): Html {
  return html`<section>
<h2>Channels</h2>
<table>
<thead><tr>${HEADS.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${channels.map((channel) => row(channel, time))}
</tbody>
</table>
</section>`;
}

function row(channel: ChannelStatus, now: string): Html {
  const { technical_ratio, payment_ratio, sample_size, latency_ms, score } = channel;
  const n = html`<small>n ${sample_size < 10 ? sample_size.toFixed(1) : Math.round(sample_size)}</small>`;
  const cells: readonly Html[] = [
    stateCell(channel, now),
    html`${percent(technical_ratio)} ${n}`,
    html`${percent(payment_ratio)}`,
    html`${Math.round(latency_ms)} ms`,
    html`${score.toFixed(3)} <small>weight ${channel.weight}</small>`,
    balanceCell(channel, now),
    todayCell(channel),
    heardCell(channel, now),
  ];
  return html`<tr class="${toneOf(channel)}">
<th scope="row">${channel.channel} <small>${channel.provider}, ${channel.mode}; ${channel.methods.join(' ')}; ${channel.currencies.join(' ')}</small></th>
${cells.map((cell, index) => html`<td data-head="${HEADS[index + 1] ?? ''}"><div>${cell}</div></td>`)}
</tr>`;
}

function toneOf({ state, mode, breaker, breakers, full }: ChannelStatus): string {
  if (state !== mode) return 'idle';
  if (breaker.create !== 'closed') return 'down';
  if (full !== null && full.length > 0) return 'ill';
  return Object.values(breakers).some(({ state }) => state !== 'closed') ? 'ill' : 'up';
}

function stateCell(channel: ChannelStatus, now: string): Html {
  const { breakers } = channel;
  const shut = GUARDED_OPERATIONS.filter((operation) => breakers[operation].state !== 'closed');
  const limits = (channel.full ?? []).map((one) => html`<span class="line">${fullText(one, now)}</span>`);
  const breakerLines = shut.map((operation) => {
    const { state, since, cause } = breakers[operation];
    const what = state === 'open' ? 'shut off' : 'on trial';
    return html`<span class="line"><b>${operation}</b> ${what} for ${agoText(since, now)}${cause === null ? null : html`: ${failureText(cause)}`}</span>`;
  });
  const lines = [...breakerLines, ...limits];
  if (channel.state !== channel.mode)
    return html`<strong>${channel.state}</strong> <small>no new payments</small>${lines}`;
  if (shut.includes('create')) return html`<strong>down</strong>${lines}`;
  return html`<strong>${lines.length === 0 ? 'up' : 'up, but'}</strong>${lines}`;
}

function balanceCell({ balance }: ChannelStatus, now: string): Html {
  if (balance === null) return html`<small>not told</small>`;
  if (balance.length === 0) return html`<small>not known</small>`;
  const amounts = balance.map(({ currency, available_minor, threshold_minor }) => {
    const low = threshold_minor !== null && available_minor < threshold_minor;
    return html`<span class="line${low ? ' low' : ''}">${moneyText(available_minor, currency)}${low ? ' (low)' : ''}</span>`;
  });
  return html`${amounts}<small>${agoText(balance[0]?.at ?? now, now)} ago</small>`;
}

function todayCell({ today }: ChannelStatus): Html {
  if (today.successes.length === 0) return html`<small>nothing</small>`;
  return html`${today.successes.map(
    ({ currency, count, sum_minor }) =>
      html`<span class="line">${moneyText(sum_minor, currency)} <small>in ${count}</small></span>`,
  )}`;
}

function heardCell({ last_callback_at, last_failure }: ChannelStatus, now: string): Html {
  const called = last_callback_at === null ? 'no callback yet' : `callback ${agoText(last_callback_at, now)} ago`;
  const failed =
    last_failure === null
      ? null
      : html`<span class="line"><small>error ${agoText(last_failure.at, now)} ago, ${last_failure.operation}: ${failureText(last_failure)}</small></span>`;
  return html`<span class="line">${called}</span>${failed}`;
}

/** Long words of capitals may break where they have an underscore. */
function failureText({ kind, code }: FailureStatus): Html {
  const words = (code === null ? kind : `${kind} (${code})`).split('_');
  return html`${words.map((word, index) => (index === 0 ? html`${word}` : html`_<wbr>${word}`))}`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)}%`;
}
