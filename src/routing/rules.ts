import type { ActedRule } from '../payment/index.ts';
import type { Condition, RuleContext } from './rule-language.ts';

/** One rule of an admin: when it holds, and what it does to the choice. Compiled when the configuration is taken. */
export interface RoutingRule {
  readonly name: string;
  readonly holds: Condition;
  readonly effect: RuleEffect;
}

export type RuleEffect =
  /** These channels are not used, or (`require`) no others are. */
  | { readonly kind: 'exclude' | 'require'; readonly channelIds: readonly string[] }
  /** These come first, in the order of their scores; the others stay behind them for failover. */
  | { readonly kind: 'prefer'; readonly channelIds: readonly string[] }
  /** A draw by these shares, in parts per million, decides which one comes first. */
  | { readonly kind: 'split'; readonly shares: readonly SplitShare[] };

export interface SplitShare {
  readonly channelId: string;
  readonly sharePpm: number;
}

/** Who comes first and why, when rules say so. */
export interface Arranged<T> {
  readonly order: readonly T[];
  /** Those of the order that rules leave the first place to, by score: all without a rule, the preferred ones, or the drawn one alone. */
  readonly contenders: readonly T[];
  /** What decided the first place; null when no rule did. */
  readonly reason: 'preferred' | 'split' | null;
  /** The random number of the split; null when none was drawn. */
  readonly draw: number | null;
  readonly acted: readonly ActedRule[];
  /** One for each rule that acted: "canary sends 5% to alipay-v4". */
  readonly phrases: readonly string[];
}

/** What rules need to know of a request: a pin silences `prefer` and `split`, and a split draws for the first try only. */
export interface RuledRequest {
  readonly rules?: readonly RoutingRule[];
  readonly pinnedChannelId: string | null;
  readonly triedChannelIds: readonly string[];
}

/** The rules that hold for a payment: of each effect the first one, in the file's order. One that cannot be evaluated does not hold. */
export function holdingRules(
  rules: readonly RoutingRule[],
  context: RuleContext,
  onError: (rule: string, why: string) => void,
): readonly RoutingRule[] {
  const holding: RoutingRule[] = [];
  for (const rule of rules) {
    if (holding.some(({ effect }) => effect.kind === rule.effect.kind)) continue;
    const held = rule.holds(context);
    if (!held.ok) onError(rule.name, held.error);
    else if (held.value) holding.push(rule);
  }
  return holding;
}

/** The rule that keeps a channel out, or null. */
export function ruleAgainst(channelId: string, holding: readonly RoutingRule[]): RoutingRule | null {
  for (const rule of holding) {
    const { effect } = rule;
    if (effect.kind === 'exclude' && effect.channelIds.includes(channelId)) return rule;
    if (effect.kind === 'require' && !effect.channelIds.includes(channelId)) return rule;
  }
  return null;
}

/**
 * Puts eligible channels, best first, into the order that the rules want. Of `prefer` and `split` the one that stands earlier in the file
 * has the first word: it is applied last. So a split behind a prefer divides what the preferred channels get, and a prefer behind
 * a split orders who stands in for the drawn one. A split draws for the first choice only: failover goes on by score.
 */
export function arrange<T>(
  best: readonly T[],
  idOf: (one: T) => string,
  { rules = [], pinnedChannelId, triedChannelIds }: RuledRequest,
  random: () => number,
): Arranged<T> {
  const holding = pinnedChannelId === null ? rules : [];
  let order = best;
  let drawn: Drawn<T> | null = null;
  let preferring: RoutingRule | null = null;
  let contenders = best;
  for (const rule of holding.toReversed()) {
    const { effect } = rule;
    if (effect.kind === 'prefer') {
      const preferred = order.filter((one) => effect.channelIds.includes(idOf(one)));
      if (preferred.length === 0) continue;
      contenders = preferred;
      order = [...preferred, ...order.filter((one) => !preferred.includes(one))];
      preferring = rule;
    } else if (effect.kind === 'split' && triedChannelIds.length === 0) {
      drawn = drawFrom(order, idOf, { rule, shares: effect.shares }, random);
      if (drawn) order = [drawn.winner, ...order.filter((one) => one !== drawn?.winner)];
    }
  }
  const acting = holding.flatMap((rule): Acting[] => {
    if (rule === preferring) return [{ rule, kind: 'prefer', phrase: preferPhrase(rule) }];
    // A preferred channel that the draw did not mean stands before the drawn one; then the draw has decided nothing.
    if (rule !== drawn?.rule || order[0] !== drawn.winner) return [];
    return [{ rule, kind: 'split', phrase: drawn.phrase }];
  });
  const bySplit = acting.some(({ kind }) => kind === 'split');
  return {
    order,
    contenders: bySplit ? order.slice(0, 1) : contenders,
    reason: bySplit ? 'split' : preferring ? 'preferred' : null,
    draw: bySplit ? (drawn?.draw ?? null) : null,
    acted: acting.map(({ rule, kind }) => ({ name: rule.name, effect: kind })),
    phrases: acting.map(({ phrase }) => phrase),
  };
}

/** What the rules that keep channels out have done: "night-freeze excludes alipay-backup". */
export function exclusionsByRules(
  { rules: holding = [] }: RuledRequest,
  excluded: readonly { readonly channelId: string; readonly rule?: string }[],
): Pick<Arranged<never>, 'acted' | 'phrases'> {
  const acted: ActedRule[] = [];
  const phrases: string[] = [];
  for (const { name, effect } of holding) {
    if (effect.kind !== 'exclude' && effect.kind !== 'require') continue;
    const out = excluded.filter(({ rule }) => rule === name).map(({ channelId }) => channelId);
    if (out.length === 0) continue;
    acted.push({ name, effect: effect.kind });
    const words = effect.kind === 'exclude' ? 'excludes' : `requires ${listed(effect.channelIds)}, which excludes`;
    phrases.push(`${name} ${words} ${listed(out)}`);
  }
  return { acted, phrases };
}

interface Acting {
  readonly rule: RoutingRule;
  readonly kind: 'prefer' | 'split';
  readonly phrase: string;
}

interface Drawn<T> {
  readonly rule: RoutingRule;
  readonly winner: T;
  readonly draw: number | null;
  readonly phrase: string;
}

/** Channels that cannot take the payment give their share to the others, in proportion. With one left there is nothing to draw. */
function drawFrom<T>(
  order: readonly T[],
  idOf: (one: T) => string,
  { rule, shares }: { readonly rule: RoutingRule; readonly shares: readonly SplitShare[] },
  random: () => number,
): Drawn<T> | null {
  const open = shares.flatMap(({ channelId, sharePpm }) => {
    const one = order.find((each) => idOf(each) === channelId);
    return one && sharePpm > 0 ? [{ one, sharePpm }] : [];
  });
  const last = open.at(-1);
  if (!last) return null;
  const total = open.reduce((sum, { sharePpm }) => sum + sharePpm, 0);
  const draw = open.length > 1 ? random() : null;
  let upTo = 0;
  const won =
    open.find(({ sharePpm }) => {
      upTo += sharePpm;
      return draw !== null && draw * total < upTo;
    }) ?? last;
  const percent = Math.round((won.sharePpm / total) * 1e6) / 1e4;
  const whole = shares.filter(({ sharePpm }) => sharePpm > 0).length === open.length;
  const rest = whole ? '' : ', since others of its split cannot take this payment';
  return { rule, winner: won.one, draw, phrase: `${rule.name} sends ${percent}% to ${idOf(won.one)}${rest}` };
}

function preferPhrase({ name, effect }: RoutingRule): string {
  return `${name} prefers ${effect.kind === 'prefer' ? listed(effect.channelIds) : ''}`;
}

/** A sentence names so many and counts the rest. */
const NAMED_MAX = 4;

function listed(ids: readonly string[]): string {
  const more = ids.length - NAMED_MAX;
  return more > 0 ? `${ids.slice(0, NAMED_MAX).join(', ')} and ${more} more` : ids.join(', ');
}
