import { toDecimalString } from '../payment/index.ts';
import type { Compared, Counted, WhatIfReport } from './report.ts';

/** A report as a text for a terminal; `table` lines up rows, the heading first. */
export function describeReport(report: WhatIfReport, table: (rows: readonly (readonly string[])[]) => string): string {
  return [
    report.headline,
    trafficWords(report),
    table([['', 'LIVE', 'PROPOSED', 'DIFFERENCE'], ...totalRows(report)]),
    table([CHANNEL_HEADING, ...report.channels.map(channelRow)]),
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
      const shown: Show = (minor) => (minor < 0 ? '-' : '') + toDecimalString({ minor: Math.abs(minor), currency });
      const sum = (name: string, key: 'captured' | 'fees' | 'after_fees'): readonly string[] =>
        comparedRow(
          `${name}, ${currency}`,
          { live: figures.live[key], proposed: figures.proposed[key], difference: figures.difference[key] },
          shown,
        );
      return [sum('captured', 'captured'), sum('fees', 'fees'), sum('after fees', 'after_fees')];
    }),
  ];
}

const CHANNEL_HEADING = ['CHANNEL', 'SHARE', 'FIRST', 'FAILOVERS', 'SUCCEED', 'LATENCY MS', 'FEES', 'KNOWN FROM'];

function channelRow({ channel, live, proposed, evidence, money }: WhatIfReport['channels'][number]): readonly string[] {
  const pair = (of: (figures: typeof live) => number | null, show: Show): string =>
    `${shown(of(live), show)} -> ${shown(of(proposed), show)}`;
  const fees = money.map(({ currency, live: before, proposed: after }) => {
    const amount = (minor: number): string => toDecimalString({ minor, currency });
    return `${amount(before.fees)} -> ${amount(after.fees)} ${currency}`;
  });
  return [
    channel,
    pair((f) => f.share, percent),
    pair((f) => f.first_choices, whole),
    pair((f) => f.failovers, oneDecimal),
    pair((f) => f.succeeded, oneDecimal),
    pair((f) => f.latency_ms, whole),
    fees.join(', ') || '-',
    evidence.words,
  ];
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

function comparedRow(
  name: string,
  { live, proposed, difference }: Compared<number | null>,
  show: Show,
): readonly string[] {
  const by = difference ?? 0;
  const change = show === percent ? `${(by * 100).toFixed(2)} points` : show(by);
  const signed = by > 0 ? `+${change}` : change;
  return [name, shown(live, show), shown(proposed, show), difference === null ? '-' : by === 0 ? '0' : signed];
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
