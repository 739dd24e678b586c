import { headlineOf } from './headline.ts';
import type {
  ChannelFigures,
  ChannelReport,
  Compared,
  Counted,
  CurrencyMoney,
  MoneyFigures,
  RecordedFigures,
  TotalFigures,
  TrafficSource,
  WhatIfReport,
} from './report.ts';
import { type ChannelTally, roundedMinor, type Sum, type Tally } from './tally.ts';
import type { Evidence, World } from './types.ts';

/** Below this many orders whose end is known a channel's figures are a guess, below the second a rough estimate. */
const GUESS_BELOW = 30;
const ROUGH_BELOW = 200;
/** Of the payments routed, in a channel of which so little is known that the result is a guess. */
const GUESSED_SHARE_MAX = 0.05;

export interface Tried {
  readonly live: Tally;
  readonly proposed: Tally;
  readonly world: World;
  readonly seed: number;
  readonly traffic: TrafficSource;
  readonly recorded: RecordedFigures | null;
  /** Of each configuration; who appears in neither is left out. */
  readonly channelIds: readonly string[];
}

/** Puts two replays of the same traffic side by side. */
export function compare(tried: Tried): WhatIfReport {
  const { live, proposed, world } = tried;
  const channels = [...new Set(tried.channelIds)].sort().map((id) => channelReport(id, live, proposed, world));
  const totals = compared(totalsOf(live), totalsOf(proposed));
  const money = moneyOf(allMoney(live), allMoney(proposed));
  const refused = countsOf(live.refused, proposed.refused);
  const notes = notesOf(tried, channels);
  return {
    ...{ object: 'what_if', version: 1 },
    headline: headlineOf({ totals, money, channels }),
    ...{ seed: tried.seed, traffic: tried.traffic, totals, money, channels, refused },
    exclusions: [...new Set([...live.exclusions.keys(), ...proposed.exclusions.keys()])].sort().flatMap((channel) =>
      countsOf(live.exclusions.get(channel), proposed.exclusions.get(channel)).map((count) => ({
        channel,
        ...count,
      })),
    ),
    reasons: countsOf(live.reasons, proposed.reasons),
    ...{ recorded: tried.recorded, notes },
  };
}

function channelReport(channel: string, live: Tally, proposed: Tally, world: World): ChannelReport {
  const [before, after] = [live.channels.get(channel), proposed.channels.get(channel)];
  const { basis, calls, orders } = world.evidence(channel);
  return {
    channel,
    evidence: { basis, calls, orders, words: evidenceWords({ basis, calls, orders }) },
    ...compared(channelFigures(before, live), channelFigures(after, proposed)),
    money: moneyOf(before?.money ?? new Map(), after?.money ?? new Map()),
  };
}

function evidenceWords({ basis, orders }: Evidence): string {
  if (basis === 'scenario') return 'as the scenario says';
  if (basis === 'assumed') return 'not in the scenario: assumed';
  if (orders === 0) return 'n 0: taken to be like the others';
  if (orders < GUESS_BELOW) return `n ${orders}: a guess`;
  return orders < ROUGH_BELOW ? `n ${orders}: rough` : `n ${orders}`;
}

function channelFigures(channel: ChannelTally | undefined, { payments }: Tally): ChannelFigures {
  const { first, failovers, opened, paid, latencyMs } = channel ?? EMPTY;
  return {
    first_choices: first,
    share: ratio(first, payments) ?? 0,
    failovers: hundredths(failovers),
    succeeded: hundredths(paid),
    success_ratio: ratio(paid, opened),
    latency_ms: opened > 0 ? Math.round(latencyMs / opened) : null,
  };
}

const EMPTY = { first: 0, failovers: 0, opened: 0, paid: 0, latencyMs: 0 };

function totalsOf(tally: Tally): TotalFigures {
  const { payments, opened, paid, exhausted, rejected, waitMs, channels, refused } = tally;
  return {
    payments,
    refused: [...refused.values()].reduce((sum, count) => sum + count, 0),
    exhausted: hundredths(exhausted),
    rejected: hundredths(rejected),
    opened: hundredths(opened),
    succeeded: hundredths(paid),
    success_ratio: ratio(paid, payments) ?? 0,
    failovers: hundredths([...channels.values()].reduce((sum, channel) => sum + channel.failovers, 0)),
    wait_ms: opened > 0 ? Math.round(waitMs / opened) : null,
  };
}

function allMoney({ channels }: Tally): ReadonlyMap<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const { money } of channels.values()) {
    for (const [currency, { capturedParts, feeParts }] of money) {
      const sum = sums.get(currency) ?? { capturedParts: 0n, feeParts: 0n };
      sum.capturedParts += capturedParts;
      sum.feeParts += feeParts;
      sums.set(currency, sum);
    }
  }
  return sums;
}

function moneyOf(live: ReadonlyMap<string, Sum>, proposed: ReadonlyMap<string, Sum>): readonly CurrencyMoney[] {
  return [...new Set([...live.keys(), ...proposed.keys()])].sort().map((currency) => ({
    currency,
    ...compared(moneyFigures(live.get(currency)), moneyFigures(proposed.get(currency))),
  }));
}

function moneyFigures(sum: Sum | undefined): MoneyFigures {
  const captured = roundedMinor(sum?.capturedParts ?? 0n);
  const fees = roundedMinor(sum?.feeParts ?? 0n);
  return { captured, fees, after_fees: captured - fees };
}

function countsOf(
  live: ReadonlyMap<string, number> | undefined,
  proposed: ReadonlyMap<string, number> | undefined,
): readonly Counted[] {
  return [...new Set([...(live?.keys() ?? []), ...(proposed?.keys() ?? [])])].sort().map((reason) => {
    const [before, after] = [live?.get(reason) ?? 0, proposed?.get(reason) ?? 0];
    return { reason, live: before, proposed: after, difference: after - before };
  });
}

type Figures = { readonly [name: string]: number | null };

function compared<T extends { readonly [K in keyof T]: number | null }>(live: T, proposed: T): Compared<T> {
  const difference: Record<string, number | null> = {};
  const [before, after] = [live as Figures, proposed as Figures];
  for (const [name, value] of Object.entries(after)) {
    const was = before[name] ?? null;
    difference[name] = value === null || was === null ? null : hundredMillionths(value - was);
  }
  return { live, proposed, difference: difference as T };
}

function notesOf({ traffic, live, proposed, recorded }: Tried, channels: readonly ChannelReport[]): readonly string[] {
  const notes: string[] = [];
  if (traffic.kind === 'recorded') {
    if (traffic.payments === 0) notes.push('No payment was recorded in this time; there is nothing to compare.');
    if (traffic.every > 1) {
      notes.push(
        `Of ${traffic.recorded} payments every ${ordinal(traffic.every)} was routed again; all figures are of those ${traffic.payments}.`,
      );
    }
    notes.push('Payments that were refused before a channel was asked are not recorded, so they are not in here.');
  }
  const bases = channels.filter((one) => one.evidence.basis === 'assumed' && isUsed(one)).map(({ channel }) => channel);
  if (bases.length > 0) {
    notes.push(`The scenario says nothing of ${bases.join(', ')}: 99% technical success and 90% paid are assumed.`);
  }
  for (const { channel, evidence, proposed: after } of channels) {
    if (evidence.basis !== 'recorded' || evidence.orders >= GUESS_BELOW || after.share < GUESSED_SHARE_MAX) continue;
    const { orders } = evidence;
    const some = orders === 1 ? 'is only 1 recorded order' : `are only ${orders} recorded orders`;
    const seen = orders === 0 ? 'is no recorded order' : some;
    notes.push(
      `${channel} would get ${percent(after.share)} of payments, and there ${seen} to judge it by: a guess. Move a few per cent first.`,
    );
  }
  if (recorded !== null && recorded.payments > 0 && live.payments > 0) {
    notes.push(howClose(live.paid / live.payments, recorded.expired));
  }
  for (const [name, { ruleErrors }] of Object.entries({ live, proposed })) {
    for (const [rule, count] of ruleErrors) {
      notes.push(`The ${name} rule ${rule} could not be evaluated ${count} times; then it does not hold.`);
    }
  }
  if (live.payments !== proposed.payments)
    notes.push('The two replays saw different payments: a fault, please report it.');
  return notes;
}

function howClose(expected: number, { payments, succeeded }: RecordedFigures['expired']): string {
  const claim = `How close the replay is: under the live configuration it expects ${percent(expected)} to succeed;`;
  if (payments === 0) return `${claim} what really did is not known yet, since all of them can still be paid.`;
  return `${claim} of the ${payments} that can no longer be paid ${percent(succeeded / payments)} really did.`;
}

function isUsed({ live, proposed }: ChannelReport): boolean {
  return [live, proposed].some(({ first_choices: first, failovers }) => first + failovers > 0);
}

function ordinal(n: number): string {
  const tail = n % 100 >= 11 && n % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${tail}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function ratio(part: number, whole: number): number | null {
  return whole > 0 ? Math.round((part / whole) * 1e6) / 1e6 : null;
}

function hundredths(count: number): number {
  return Math.round(count * 100) / 100;
}

/** Takes the dust off a difference of two decimal fractions. */
function hundredMillionths(value: number): number {
  return Math.round(value * 1e8) / 1e8 || 0;
}
