import { toDecimalString } from '../payment/index.ts';
import type { ChannelReport, Compared, CurrencyMoney, TotalFigures } from './report.ts';

/** A move of less than this share of payments is not worth a headline. */
const SHARE_MOVED_MIN = 0.005;
/** Nor are fewer successes than this in a thousand. */
const SUCCESSES_MOVED_MIN = 0.05;
const CHANNELS_NAMED_MAX = 2;

export interface Headlined {
  readonly totals: Compared<TotalFigures>;
  readonly money: readonly CurrencyMoney[];
  readonly channels: readonly ChannelReport[];
}

/** What would move, in one sentence for an admin. */
export function headlineOf({ totals, money, channels }: Headlined): string {
  if (totals.live.payments === 0) return 'There is no payment to route again.';
  const parts = [...shares(channels), ...successes(totals), ...refusals(totals), ...fees(money)];
  if (parts.length === 0) return 'Nothing would move.';
  const moved = channels.some(({ difference }) => Math.abs(difference.share) >= SHARE_MOVED_MIN);
  const sentence = (moved ? parts : ['payments go where they went', ...parts]).join('; ');
  return `${sentence.charAt(0).match(/[a-z]/) && !moved ? sentence.charAt(0).toUpperCase() + sentence.slice(1) : sentence}.`;
}

function shares(channels: readonly ChannelReport[]): readonly string[] {
  return channels
    .filter(({ difference }) => Math.abs(difference.share) >= SHARE_MOVED_MIN)
    .toSorted((a, b) => Math.abs(b.difference.share) - Math.abs(a.difference.share))
    .slice(0, CHANNELS_NAMED_MAX)
    .sort((a, b) => b.difference.share - a.difference.share)
    .map(({ channel, live, proposed }, index) => {
      const what = index === 0 ? ' of payments' : '';
      return `${channel} gets ${share(proposed.share)}${what} instead of ${share(live.share)}`;
    });
}

function successes({ live, proposed }: Compared<TotalFigures>): readonly string[] {
  const perThousand = (proposed.success_ratio - live.success_ratio) * 1_000;
  if (Math.abs(perThousand) < SUCCESSES_MOVED_MIN) return [];
  const count =
    Math.abs(perThousand) < 10 ? Math.abs(perThousand).toFixed(1) : String(Math.round(Math.abs(perThousand)));
  return [`${count} ${perThousand > 0 ? 'more' : 'fewer'} of 1,000 succeed`];
}

function refusals({ difference }: Compared<TotalFigures>): readonly string[] {
  const { refused } = difference;
  if (refused === 0) return [];
  const count = Math.abs(refused);
  return [`${count} ${refused > 0 ? 'more' : 'fewer'} ${count === 1 ? 'payment is' : 'payments are'} refused`];
}

function fees(money: readonly CurrencyMoney[]): readonly string[] {
  return money.flatMap(({ currency, difference }) => {
    if (difference.fees === 0 && difference.after_fees === 0) return [];
    const amount = (minor: number): string => `${toDecimalString({ minor: Math.abs(minor), currency })} ${currency}`;
    const moved =
      difference.fees === 0 ? [] : [`fees ${difference.fees > 0 ? 'rise' : 'fall'} by ${amount(difference.fees)}`];
    const left =
      difference.after_fees === 0
        ? []
        : [`${amount(difference.after_fees)} ${difference.after_fees > 0 ? 'more' : 'less'} is left after fees`];
    return [[...moved, ...left].join(' and ')];
  });
}

function share(ratio: number): string {
  const percent = ratio * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)}%`;
}
