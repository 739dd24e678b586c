import { agoText, moneyText } from './figures.ts';
import type { ChannelStatus, FullStatus, Problem } from './model.ts';

/** Whether a channel's limits leave no room for an ordinary payment in a currency. */
export function isFullFor({ full }: ChannelStatus, currency: string): boolean {
  return full?.some((one) => one.currency === null || one.currency === currency) ?? false;
}

/** `only 0.50 CNY left of its daily limit, which begins anew in 3 h`. */
export function fullText({ limit, currency, left_minor, until }: FullStatus, time: string): string {
  const anew = agoText(time, until);
  if (limit === 'per_minute') return `its limit per minute is used up, which begins anew in ${anew}`;
  const left = left_minor === null || currency === null ? 'nothing' : `only ${moneyText(left_minor, currency)}`;
  return `${left} left of its daily limit, which begins anew in ${anew}`;
}

/**
 * Methods that limits alone close, by currency.
 * @param open  the channels that would take payments if they had room
 */
export function limitProblems(open: readonly ChannelStatus[], time: string): readonly Problem[] {
  const pairs = open.flatMap(({ methods, currencies }) =>
    methods.flatMap((method) => currencies.map((currency) => JSON.stringify([method, currency]))),
  );
  return [...new Set(pairs)].flatMap((pair) => {
    const [method, currency]: [string, string] = JSON.parse(pair);
    const takers = open.filter((one) => one.methods.includes(method) && one.currencies.includes(currency));
    if (!takers.every((one) => isFullFor(one, currency))) return [];
    return [closedBy(takers, { method, currency }, time)];
  });
}

function closedBy(
  takers: readonly ChannelStatus[],
  { method, currency }: { readonly method: string; readonly currency: string },
  time: string,
): Problem {
  const reasons = takers.map(({ channel, full }) => {
    const own = (full ?? []).filter((one) => one.currency === null || one.currency === currency);
    return `${channel}: ${own.map((one) => fullText(one, time)).join(', ')}`;
  });
  const text = `${method} in ${currency}: limits leave no room for payments, shops get 503 for them (${reasons.join('; ')}). Raise a limit, as far as the provider allows it, or give another channel a weight.`;
  return { urgency: 'now', text, runbook: 'AllChannelsOfMethodDown' };
}
