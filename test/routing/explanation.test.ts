import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toDecimalString } from '../../src/payment/index.ts';
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
  DAY_MS,
  type ViewParts,
} from './builders.ts';

const main: ViewParts = { profile: { id: 'main' } };
const sentence = (a: ViewParts, b: ViewParts) =>
  rank(aRequest(), [aView(a), aView(b)], aSettings(), chance()).choice?.decision.explanation;

test('the sentence tells the two largest differences, the larger first, in money and points', () => {
  const rate = (ratePpm: number) => ({ ratePpm, fixedMinor: 0, minMinor: 1, maxMinor: null });
  expect(
    sentence(
      { profile: { id: 'alipay-main', fee: rate(5_000) }, estimate: { paymentRatio: 0.908, sampleSize: 412.4 } },
      { profile: { id: 'alipay-backup', fee: rate(15_000) }, estimate: { sampleSize: 900 } },
    ),
  ).toBe('alipay-main over alipay-backup: costs 0.50 less on 50.00 CNY; succeeds 0.8 points more often (n 412)');
});

test('what speaks against the leader is told after a "but"', () => {
  const dear = { ratePpm: 8_000, fixedMinor: 0, minMinor: 1, maxMinor: null };
  expect(
    sentence({ profile: { id: 'main', fee: dear }, estimate: { paymentRatio: 0.931 } }, { profile: { id: 'backup' } }),
  ).toBe('main over backup: succeeds 3.1 points more often (n 412); but costs 0.10 more on 50.00 CNY');
});

test('a single difference makes a single clause, whichever it is', () => {
  const backup = (parts: ViewParts): ViewParts => ({ ...parts, profile: { id: 'backup', ...parts.profile } });
  const slow = backup({ estimate: { latencyMs: 420.4 } });
  const later = backup({ profile: { settlementDelayMs: 7 * DAY_MS } });
  const soon = backup({ profile: { settlementDelayMs: DAY_MS + 5_400_000 } });
  const lessLiked = backup({ profile: { weight: 50 } });
  const barely = backup({ estimate: { paymentRatio: 0.8999 } });
  expect(sentence(main, slow)).toBe('main over backup: answers 120 ms faster');
  expect(sentence(main, later)).toBe('main over backup: settles 6 days sooner');
  expect(sentence(main, soon)).toBe('main over backup: settles 1.5 hours sooner');
  expect(sentence(main, lessLiked)).toBe('main over backup: has the weight 100 against 50');
  expect(sentence(main, barely)).toBe('main over backup: succeeds under 0.1 points more often (n 412)');
});

test('a currency without decimals is written without them', () => {
  const yen = { currencies: ['JPY'], limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: null } };
  const views = [
    aView({ profile: { id: 'a', ...yen } }),
    aView({ profile: { id: 'b', ...yen, fee: { ratePpm: 36_000, fixedMinor: 0, minMinor: 1, maxMinor: null } } }),
  ];
  const { choice } = rank(aRequest({ amount: { minor: 5_000, currency: 'JPY' } }), views, aSettings(), chance());
  expect(choice?.decision.explanation).toBe('a over b: costs 150 less on 5000 JPY');
});

/** Every clause of a sentence against the numbers that are stored beside it. */
test('the sentence agrees with the stored numbers, and names an advantage first', () => {
  fc.assert(
    fc.property(anyViews, anyRequest, anyWeights, (views, request, weights) => {
      const { choice, candidates } = rank(request, views, aSettings({ weights }), chance());
      const [leader, other] = candidates;
      if (!choice || request.pinnedChannelId !== null || !leader || !other || other.excluded !== null) return;
      const [mine, theirs] = [readingOf(leader.channelId), readingOf(other.channelId)];
      const head = `${leader.channelId} over ${other.channelId}: `;
      const text = choice.decision.explanation.replace(/^after .* failed, /, '');
      expect(text.startsWith(head)).toBe(true);
      const clauses = text.slice(head.length).split('; ');
      if (clauses[0] === 'equal scores, so the first name') {
        expect(leader.score).toBe(other.score);
        return;
      }
      expect(clauses.length).toBeLessThanOrEqual(2);
      expect(clauses[0]?.startsWith('but ')).toBe(false);
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

interface Reading {
  readonly view: ChannelView;
  readonly candidate: ReturnType<typeof rank>['candidates'][number];
}

/** What a clause about its subject has to say, written from the numbers alone. */
function truth(clause: string, mine: Reading, theirs: Reading, amountMinor: number): string {
  const by = (number: (reading: Reading) => number | null) => (number(mine) ?? 0) - (number(theirs) ?? 0);
  const but = (worse: boolean) => (worse ? 'but ' : '');
  const subject = clause.replace(/^but /, '').split(' ')[0];
  if (subject === 'succeeds') {
    const points = by(({ candidate }) => candidate.successRatio) * 100;
    const size = Math.round(Math.abs(points) * 10) / 10 || 'under 0.1';
    const n = Math.min(mine.candidate.sampleSize ?? 0, theirs.candidate.sampleSize ?? 0);
    return `${but(points < 0)}succeeds ${size} points ${points > 0 ? 'more' : 'less'} often (n ${n})`;
  }
  if (subject === 'costs') {
    const fee = by(({ candidate }) => candidate.feeMinor);
    const on = `on ${toDecimalString(cny(amountMinor))} CNY`;
    return `${but(fee > 0)}costs ${toDecimalString(cny(Math.abs(fee)))} ${fee > 0 ? 'more' : 'less'} ${on}`;
  }
  if (subject === 'answers') {
    const ms = by(({ candidate }) => candidate.latencyMs);
    return `${but(ms > 0)}answers ${Math.abs(ms)} ms ${ms > 0 ? 'slower' : 'faster'}`;
  }
  if (subject === 'settles') {
    const hours = by(({ view }) => view.profile.settlementDelayMs) / 3_600_000;
    const span = Math.abs(hours);
    const size = span < 24 ? `${span} hours` : `${Math.round((span / 24) * 10) / 10} days`;
    return `${but(hours > 0)}settles ${size} ${hours > 0 ? 'later' : 'sooner'}`;
  }
  const [weight, otherWeight] = [mine.view.profile.weight, theirs.view.profile.weight];
  return `${but(weight < otherWeight)}has the weight ${weight} against ${otherWeight}`;
}
