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
  const lessLiked = backup({ profile: { weight: 50 } });
  const barely = backup({ estimate: { paymentRatio: 0.8999 } });
  expect(sentence(main, slow)).toBe('main over backup: it answers 120 ms faster');
  expect(sentence(main, later)).toBe('main over backup: it settles 6 days sooner');
  expect(sentence(main, soon)).toBe('main over backup: it settles 1.5 hours sooner');
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
  if (subject === 'costs') {
    const fee = by(({ candidate }) => candidate.feeMinor);
    const on = `on ${toDecimalString(cny(amountMinor))}`;
    return `costs ${toDecimalString(cny(Math.abs(fee)))} ${fee > 0 ? 'more' : 'less'} ${on}`;
  }
  if (subject === 'answers') {
    const ms = by(({ candidate }) => candidate.latencyMs);
    return `answers ${Math.abs(ms)} ms ${ms > 0 ? 'slower' : 'faster'}`;
  }
  if (subject === 'settles') {
    const hours = by(({ view }) => view.profile.settlementDelayMs) / 3_600_000;
    const span = Math.abs(hours);
    const size = span < 24 ? `${span} hours` : `${Math.round((span / 24) * 10) / 10} days`;
    return `settles ${size} ${hours > 0 ? 'later' : 'sooner'}`;
  }
  const [weight, otherWeight] = [mine.view.profile.weight, theirs.view.profile.weight];
  return `has the weight ${weight} against ${otherWeight}`;
}
