import { toDecimalString } from '../payment/index.ts';
import type { ChannelReport, Compared, Counted, WhatIfReport } from './report.ts';

/** A report as a text for a terminal; `table` lines up rows, the heading first. */
export function describeReport(report: WhatIfReport, table: (rows: readonly (readonly string[])[]) => string): string {
  return [
    report.headline,
    trafficWords(report),
    table([['', 'LIVE', 'PROPOSED', 'DIFFERENCE'], ...totalRows(report)]),
    table([CHANNEL_HEADING, ...report.channels.map(channelRow)]),
    table([MONEY_HEADING, ...report.channels.flatMap(moneyRows)]),
    ...counted('Refused, by reason', report.refused, table),
    ...counted(
      'Channels that could not take a payment, by reason',
      report.exclusions.map(({ channel, ...count }) => ({ ...count, reason: `${channel}: ${count.reason}` })),
      table,
    ),
    ...counted('First choices, by reason', report.reasons, table),
    report.notes.join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function trafficWords({ traffic, seed }: WhatIfReport): string {
  if (traffic.kind === 'scenario')
    return `${traffic.payments} payments of the scenario "${traffic.name}", seed ${seed}`;
  const { payments, from, to, warm_up: warmUp } = traffic;
  return `${payments} recorded payments from ${from} to ${to}, after ${warmUp} to warm up, seed ${seed}`;
}

function totalRows({ totals, money }: WhatIfReport): readonly (readonly string[])[] {
  const { live, proposed } = totals;
  const row = (name: string, of: (figures: typeof live) => number | null, show: Show): readonly string[] =>
    comparedRow(name, { live: of(live), proposed: of(proposed), difference: of(totals.difference) }, show);
  return [
    row('payments', (t) => t.payments, whole),
    row('succeed', (t) => t.succeeded, oneDecimal),
    row('share that succeeds', (t) => t.success_ratio, percent),
    row('refused', (t) => t.refused, whole),
    row('no channel worked', (t) => t.exhausted, oneDecimal),
    row('refused by a provider', (t) => t.rejected, oneDecimal),
    row('failovers', (t) => t.failovers, oneDecimal),
    row('buyer waits, ms', (t) => t.wait_ms, whole),
    ...money.flatMap(({ currency, ...figures }) => {
      const sum = (name: string, key: 'captured' | 'fees' | 'after_fees'): readonly string[] =>
        comparedRow(
          `${name}, ${currency}`,
          { live: figures.live[key], proposed: figures.proposed[key], difference: figures.difference[key] },
          amountIn(currency),
        );
      return [sum('captured', 'captured'), sum('fees', 'fees'), sum('after fees', 'after_fees')];
    }),
  ];
}

const CHANNEL_HEADING = ['CHANNEL', 'SHARE', 'FAILOVERS', 'SUCCEED', 'LATENCY MS', 'KNOWN FROM'];

function channelRow({ channel, live, proposed, difference, evidence }: ChannelReport): readonly string[] {
  const cell = (of: (figures: typeof live) => number | null, show: Show): string =>
    moved({ live: of(live), proposed: of(proposed), difference: of(difference) }, show);
  return [
    channel,
    cell((f) => f.share, percent),
    cell((f) => f.failovers, oneDecimal),
    cell((f) => f.succeeded, oneDecimal),
    cell((f) => f.latency_ms, whole),
    evidence.words,
  ];
}

const MONEY_HEADING = ['CHANNEL', 'CURRENCY', 'CAPTURED', 'FEES', 'AFTER FEES'];

function moneyRows({ channel, money }: ChannelReport): readonly (readonly string[])[] {
  return money.map(({ currency, live, proposed, difference }) => {
    const cell = (key: keyof typeof live): string =>
      moved({ live: live[key], proposed: proposed[key], difference: difference[key] }, amountIn(currency));
    return [channel, currency, cell('captured'), cell('fees'), cell('after_fees')];
  });
}

/** `12 -> 15 (+3)`, or `12` where nothing moves. */
function moved(compared: Compared<number | null>, show: Show): string {
  const { live, proposed, difference } = asShown(compared, show);
  if (live === proposed) return shown(live, show);
  const pair = `${shown(live, show)} -> ${shown(proposed, show)}`;
  return difference === null ? pair : `${pair} (${signed(difference, show)})`;
}

function counted(
  title: string,
  counts: readonly Counted[],
  table: (rows: readonly (readonly string[])[]) => string,
): readonly string[] {
  if (counts.length === 0) return [];
  return [
    table([
      [title, 'LIVE', 'PROPOSED', 'DIFFERENCE'],
      ...counts.map((count) => comparedRow(count.reason, count, whole)),
    ]),
  ];
}

type Show = (value: number) => string;

function comparedRow(name: string, compared: Compared<number | null>, show: Show): readonly string[] {
  const { live, proposed, difference } = asShown(compared, show);
  return [name, shown(live, show), shown(proposed, show), difference === null ? '-' : signed(difference, show)];
}

/** Figures with one decimal are rounded before they are compared, so that the difference is that of the figures beside it. */
function asShown(compared: Compared<number | null>, show: Show): Compared<number | null> {
  const { live, proposed, difference } = compared;
  if (show !== oneDecimal || live === null || proposed === null || difference === null) return compared;
  const [before, after] = [Math.round(live * 10), Math.round(proposed * 10)];
  return { live: before / 10, proposed: after / 10, difference: (after - before) / 10 };
}

function signed(by: number, show: Show): string {
  if (by === 0) return '0';
  const change = show === percent ? `${(by * 100).toFixed(2)} points` : show(by);
  return by > 0 ? `+${change}` : change;
}

function amountIn(currency: string): Show {
  return (minor) => (minor < 0 ? '-' : '') + toDecimalString({ minor: Math.abs(minor), currency });
}

function shown(value: number | null, show: Show): string {
  return value === null ? '-' : show(value);
}

function whole(value: number): string {
  return String(Math.round(value));
}

function oneDecimal(value: number): string {
  return value.toFixed(1);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
