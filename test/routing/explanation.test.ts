import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Decision, toDecimalString } from '../../src/payment/index.ts';
import { type ChannelView, rank } from '../../src/routing/index.ts';
import {
  anyRequest,
  anyViews,
  anyWeights,
  aRequest,
  aSettings,
  aView,
  chance,
  cny,
  curious,
  DAY_MS,
  led,
  type ViewParts,
} from './builders.ts';

const main: ViewParts = { profile: { id: 'main' }, estimate: { latencyMs: 4_300 } };
const sentence = (a: ViewParts, b: ViewParts) =>
  rank(aRequest(), [aView(a), aView(b)], aSettings(), chance()).choice?.decision.explanation;

test('the sentence tells the two largest differences, the larger first, in money and points', () => {
  const rate = (ratePpm: number) => ({ ratePpm, fixedMinor: 0, minMinor: 1, maxMinor: null });
  expect(
    sentence(
      { profile: { id: 'alipay-main', fee: rate(5_000) }, estimate: { paymentRatio: 0.908, sampleSize: 412.4 } },
      { profile: { id: 'alipay-backup', fee: rate(15_000) }, estimate: { sampleSize: 900 } },
    ),
  ).toBe('alipay-main over alipay-backup: it costs 0.50 less on 50.00 and succeeds 0.8 points more often (n 412)');
});

test('a difference of less than a millisecond is told as what it is, in the direction that it has', () => {
  const quick: ViewParts = { profile: { id: 'quick' }, estimate: { latencyMs: 1_600.2 } };
  const slow: ViewParts = { profile: { id: 'slow' }, estimate: { latencyMs: 1_600.45 } };
  expect(sentence(slow, quick)).toBe('quick over slow: it answers under 1 ms faster');
});

test('who leads since it led before is not said to have the best score, or the first name', () => {
  const equal = [aView({ profile: { id: 'first' } }), aView({ profile: { id: 'second' } })];
  const stays = { ...chance(), stance: curious(0.5, { incumbent: led('second'), small: false }).stance };
  const kept = rank(aRequest(), equal, aSettings(), stays).choice?.decision;
  expect(kept?.explanation).toBe('second over first: equal scores, and it led before');
  const behind = [
    aView({ profile: { id: 'better' }, estimate: { paymentRatio: 0.9005 } }),
    aView({ profile: { id: 'holder' } }),
    aView({ profile: { id: 'new' }, estimate: { sampleSize: 0, opened: 0 } }),
  ];
  const draws = curious(0.001, { incumbent: led('holder') });
  const explored = rank(aRequest(), behind, aSettings({ explorationShare: 0.02 }), draws).choice?.decision;
  expect(explored?.reason).toBe('exploration');
  expect(explored?.explanation).toMatch(/ to learn about it, as 2% of payments may; holder leads$/);
});

test('with fee tiers it tells what was counted, in other words than for what is charged', () => {
  const tiered = {
    ...{ ratePpm: 8_000, fixedMinor: 0, minMinor: 1, maxMinor: null },
    tiers: [{ fromMinor: 1_000_000, ratePpm: 2_000 }],
  };
  const main = { profile: { id: 'main', fee: tiered }, tiers: { paidMinor: 500_000, aheadMinor: 1_000_000 } };
  expect(sentence(main, { profile: { id: 'backup' } })).toBe(
    'main over backup: it averages 0.05 less on 50.00 over fee tiers',
  );
});

test('what speaks against the leader is told too', () => {
  const dear = { ratePpm: 8_000, fixedMinor: 0, minMinor: 1, maxMinor: null };
  expect(
    sentence({ profile: { id: 'main', fee: dear }, estimate: { paymentRatio: 0.931 } }, { profile: { id: 'backup' } }),
  ).toBe('main over backup: it succeeds 3.1 points more often (n 412) and costs 0.10 more on 50.00');
});

test('a single difference makes a single clause, whichever it is', () => {
  const backup = (parts: ViewParts): ViewParts => ({
    profile: { id: 'backup', ...parts.profile },
    estimate: { latencyMs: 4_300, ...parts.estimate },
  });
  const slow = backup({ estimate: { latencyMs: 4_420.4 } });
  const later = backup({ profile: { settlementDelayMs: 7 * DAY_MS } });
  const soon = backup({ profile: { settlementDelayMs: DAY_MS + 5_400_000 } });
  const dayLater = backup({ profile: { settlementDelayMs: 2 * DAY_MS } });
  const lessLiked = backup({ profile: { weight: 50 } });
  const barely = backup({ estimate: { paymentRatio: 0.8999 } });
  expect(sentence(main, slow)).toBe('main over backup: it answers 120 ms faster');
  expect(sentence(main, later)).toBe('main over backup: it settles 6 days sooner');
  expect(sentence(main, soon)).toBe('main over backup: it settles 1.5 hours sooner');
  expect(sentence(main, dayLater)).toBe('main over backup: it settles 1 day sooner');
  expect(sentence(main, lessLiked)).toBe('main over backup: it has the weight 100 against 50');
  expect(sentence(main, barely)).toBe('main over backup: it succeeds under 0.1 points more often (n 412)');
});

test('a currency without decimals is written without them', () => {
  const yen = { currencies: ['JPY'], limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: null } };
  const views = [
    aView({ profile: { id: 'a', ...yen } }),
    aView({ profile: { id: 'b', ...yen, fee: { ratePpm: 36_000, fixedMinor: 0, minMinor: 1, maxMinor: null } } }),
  ];
  const { choice } = rank(aRequest({ amount: { minor: 5_000, currency: 'JPY' } }), views, aSettings(), chance());
  expect(choice?.decision.explanation).toBe('a over b: it costs 150 less on 5000');
});

/** Every clause of a sentence against the numbers that are stored beside it. */
test('the sentence agrees with the stored numbers, and names an advantage first', () => {
  fc.assert(
    fc.property(anyViews, anyRequest, anyWeights, (views, request, weights) => {
      const { choice, candidates } = rank(request, views, aSettings({ weights }), chance());
      const [leader, other] = candidates;
      if (!choice || request.pinnedChannelId !== null || !leader || !other || other.excluded !== null) return;
      const [mine, theirs] = [readingOf(leader.channelId), readingOf(other.channelId)];
      if (choice.decision.reason === 'panic') return;
      const head = `${leader.channelId} over ${other.channelId}: `;
      const text = choice.decision.explanation.replace(/^after .* failed, /, '');
      expect(text.startsWith(head)).toBe(true);
      const clauses = text.slice(head.length).replace(/^it /, '').split(' and ');
      if (clauses[0] === 'equal scores, so the first name') {
        // No factor speaks for it: the scores are equal, or it is what the failover behind it brings.
        expect(leader.score).toBeGreaterThanOrEqual(other.score);
        return;
      }
      expect(clauses.length).toBeLessThanOrEqual(2);
      for (const clause of clauses) expect(clause).toBe(truth(clause, mine, theirs, request.amount.minor));

      function readingOf(id: string): Reading {
        const view = views.find(({ profile }) => profile.id === id);
        const candidate = candidates.find(({ channelId }) => channelId === id);
        if (!view || !candidate) throw new Error(`no channel ${id}`);
        return { view, candidate };
      }
    }),
    { numRuns: 500 },
  );
});

/** Reads the sentence back: who is named, for which reason, and whether the clauses are the weightiest that the numbers hold. */
test('whatever the reason, the sentence names the chosen channel, its true rival and the weightiest differences', () => {
  const reasons = new Set<string>();
  fc.assert(
    fc.property(anyViews, anyRequest, anyWeights, anyMoment, (plain, request, weights, moment) => {
      const views = plain.map((view, i) => ({
        ...view,
        trialDue: view.breakerOpen && (moment.trials[i] ?? false),
        estimate: moment.young[i] ? aView({ estimate: { opened: 3, sampleSize: 3 } }).estimate : view.estimate,
      }));
      const { choice } = rank(request, views, aSettings({ weights, explorationShare: 0.05 }), {
        ...curious(moment.draw, { incumbent: led(`channel-${moment.incumbent}`) }),
      });
      if (!choice) return;
      reasons.add(choice.decision.reason);
      if (choice.decision.reason === 'best_score') {
        expectBest(choice.decision, request.triedChannelIds, `channel-${moment.incumbent}`, views);
      } else expectOther(choice.decision, request.triedChannelIds);
    }),
    { numRuns: 1_000 },
  );
  expect([...reasons].sort()).toEqual(['best_score', 'exploration', 'panic', 'pinned', 'probe']);
});

const afterFailed = (tried: readonly string[]): string =>
  tried.length > 0 ? `after ${tried.join(', ')} failed, ` : '';

/** The sentence when something else than the score has decided. */
function expectOther({ channelId, reason, candidates, explanation }: Decision, tried: readonly string[]): void {
  const [leader, ...others] = candidates.filter(({ excluded }) => excluded === null);
  const best = leader?.channelId;
  const isBest = others.every(({ score }) => score <= (leader?.score ?? 0));
  const leads = isBest ? `${best} has the best score` : `${best} leads`;
  const wanted: Partial<Record<typeof reason, string>> = {
    pinned: `${channelId}: pinned by the merchant`,
    panic: `${afterFailed(tried)}${channelId}: no channel is as it should be, and of those that may still work it promises most by itself`,
    probe: `${channelId} to see with a small payment whether it is back; ${leads}`,
    exploration: `${channelId} to learn about it, as 5% of payments may; ${leads}`,
  };
  expect(explanation).toBe(wanted[reason]);
  if (reason === 'probe' || reason === 'exploration') expect(channelId).not.toBe(best);
}

/** The sentence about the best: who is behind it, and why. */
function expectBest(
  { channelId, candidates, explanation }: Decision,
  tried: readonly string[],
  incumbent: string,
  views: readonly ChannelView[],
): void {
  const [best, other] = candidates.filter(({ excluded }) => excluded === null);
  expect(channelId).toBe(best?.channelId);
  const after = afterFailed(tried);
  if (!best || !other) {
    expect(explanation).toBe(`${after}${channelId}: the only channel that can take this payment`);
    return;
  }
  const head = `${after}${channelId} over ${other.channelId}: `;
  expect(explanation.slice(0, head.length)).toBe(head);
  const rest = explanation.slice(head.length);
  const stays = rest === 'it led before, and the difference is too small to move';
  expect(stays).toBe(best.score < other.score);
  if (stays) {
    expect(channelId).toBe(incumbent);
    expect(best.score).toBeGreaterThanOrEqual(other.score * 0.998);
    return;
  }
  const gains = gainsOf(best, other, views);
  const most = Math.max(...gains.values());
  if (rest === 'equal scores, and it led before') expect(channelId).toBe(incumbent);
  if (rest === 'equal scores, so the first name' || rest === 'equal scores, and it led before') {
    expect(most).toBeLessThanOrEqual(1e-9);
    return;
  }
  const [first = '', second] = rest
    .replace('it ', '')
    .split(' and ')
    .map((clause) => clause.split(' ')[0] ?? '');
  expect(gains.get(first)).toBeCloseTo(most, 9);
  gains.delete(first);
  if (first === 'spares' || first === 'draws') for (const word of ['spares', 'draws']) gains.delete(word);
  const left = Math.max(...[...gains.values()].map(Math.abs));
  expect(second === undefined ? 0 : Math.abs(gains.get(second) ?? 0)).toBeCloseTo(left, 9);
}

const anyMoment = fc.record({
  trials: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  young: fc.array(fc.constantFrom(false, false, true), { minLength: 8, maxLength: 8 }),
  draw: fc.double({ min: 0, max: 0.999, noNaN: true }),
  incumbent: fc.integer({ min: 0, max: 7 }),
});

/** By the first word of its clause: by how much a difference moves the logarithm of the score. */
function gainsOf(mine: Reading['candidate'], theirs: Reading['candidate'], views: readonly ChannelView[]) {
  const log = (a = 0, b = 0): number => Math.log(Math.max(1e-9, a) / Math.max(1e-9, b));
  const weightOf = ({ channelId }: Reading['candidate']) =>
    views.find(({ profile }) => profile.id === channelId)?.profile.weight;
  const halvings = Math.log2((weightOf(theirs) ?? 0) / (weightOf(mine) ?? 0));
  return new Map([
    ['succeeds', log(mine.factors?.success, theirs.factors?.success)],
    [
      [mine, theirs].some((one) => one.countedFeeMinor !== undefined) ? 'averages' : 'costs',
      log(mine.factors?.fee, theirs.factors?.fee),
    ],
    ['answers', log(mine.factors?.latency, theirs.factors?.latency)],
    ['settles', log(mine.factors?.settlement, theirs.factors?.settlement)],
    ['has', halvings * Math.log(0.9)],
    ['spares', log(1 - (mine.limitPrice ?? 0), 1 - (theirs.limitPrice ?? 0))],
    ['draws', log(1 - (mine.limitPrice ?? 0), 1 - (theirs.limitPrice ?? 0))],
  ]);
}

interface Reading {
  readonly view: ChannelView;
  readonly candidate: ReturnType<typeof rank>['candidates'][number];
}

/** What a clause about its subject has to say, written from the numbers alone. */
function truth(clause: string, mine: Reading, theirs: Reading, amountMinor: number): string {
  const by = (number: (reading: Reading) => number | null) => (number(mine) ?? 0) - (number(theirs) ?? 0);
  const subject = clause.split(' ')[0];
  if (subject === 'succeeds') {
    const points = by(({ candidate }) => candidate.factors?.success ?? null) * 100;
    const size = Math.round(Math.abs(points) * 10) / 10 || 'under 0.1';
    const n = Math.min(mine.candidate.sampleSize ?? 0, theirs.candidate.sampleSize ?? 0);
    return `succeeds ${size} points ${points > 0 ? 'more' : 'less'} often (n ${n})`;
  }
  if (subject === 'costs' || subject === 'averages') {
    const fee = by(({ candidate }) => candidate.countedFeeMinor ?? candidate.feeMinor);
    const on = `on ${toDecimalString(cny(amountMinor))}`;
    const text = `${toDecimalString(cny(Math.abs(fee)))} ${fee > 0 ? 'more' : 'less'} ${on}`;
    const byTiers = [mine, theirs].some(({ candidate }) => candidate.countedFeeMinor !== undefined);
    return byTiers ? `averages ${text} over fee tiers` : `costs ${text}`;
  }
  if (subject === 'answers') {
    const ms = by(({ candidate }) => candidate.latencyMs);
    const exact = by(({ view, candidate }) => {
      return view.estimate({ method: candidate.method ?? '', currency: 'CNY', band: 0 }).latencyMs;
    });
    return `answers ${Math.abs(ms) || 'under 1'} ms ${exact > 0 ? 'slower' : 'faster'}`;
  }
  if (subject === 'settles') {
    const hours = by(({ view }) => view.profile.settlementDelayMs) / 3_600_000;
    const span = Math.abs(hours);
    const [size, unit] = span < 24 ? [span, 'hour'] : [Math.round((span / 24) * 10) / 10, 'day'];
    return `settles ${size} ${size === 1 ? unit : `${unit}s`} ${hours > 0 ? 'later' : 'sooner'}`;
  }
  if (subject === 'spares' || subject === 'draws') {
    const spares = by(({ candidate }) => candidate.limitPrice ?? 0) < 0;
    return spares
      ? `spares the daily limit of ${theirs.candidate.channelId}`
      : 'draws on a daily limit that will be used up';
  }
  const [weight, otherWeight] = [mine.view.profile.weight, theirs.view.profile.weight];
  return `has the weight ${weight} against ${otherWeight}`;
}
