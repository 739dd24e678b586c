import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rank } from '../src/routing/index.ts';
import { explainRouting } from '../src/routing-explain.ts';
import { afterFact, aPayment, attemptStarted, NEW_YEAR } from './contract/payments.ts';
import { aRequest, aSettings, aView, chance, cny } from './routing/builders.ts';
import { openTemporaryStore, type TemporaryStore } from './store/sqlite/temporary.ts';

let stored: TemporaryStore;
beforeEach(() => {
  stored = openTemporaryStore();
});
afterEach(() => stored.dispose());

/** What is said of a payment of 100.00 that went where `rank` sends it between these channels. */
async function explained(...views: readonly ReturnType<typeof aView>[]): Promise<string> {
  const { choice } = rank(aRequest({ amount: cny(10_000) }), views, aSettings(), chance());
  if (!choice) throw new Error('nobody takes it');
  const fresh = aPayment({ amount: cny(10_000) });
  const fact = attemptStarted(fresh);
  if (fact.type !== 'attempt_started') throw new Error('no attempt');
  const { channelId, decision } = choice;
  const payment = afterFact(fresh, { ...fact, attempt: { ...fact.attempt, channelId, decision } }, NEW_YEAR);
  await stored.store.insert(fresh);
  await stored.store.update(payment);
  const text = await explainRouting({ DATA_DIR: dirname(stored.path), SANDBOX: 'true' }, payment.id, {});
  if (!text.ok) throw new Error(text.error);
  return text.value;
}

/** The cells of the table by their headings, of one channel. */
function rowOf(text: string, channelId: string): Record<string, string> {
  const lines = text.split('\n').map((line) => line.trim().split(/ {2,}/));
  const heading = lines.find(([first]) => first === 'CHANNEL') ?? [];
  const row = lines.find(([first]) => first === channelId) ?? [];
  return Object.fromEntries(heading.map((name, i) => [name, row[i] ?? '']));
}

describe('the table of a decision', () => {
  const next = aView({ profile: { id: 'next' }, estimate: { paymentRatio: 0.85 } });

  test.each([
    ['where no limit has a price and no weight is set', { estimate: { paymentRatio: 0.9 } }],
    ['nor for what rounding makes of a channel that is nearly dead', { estimate: { paymentRatio: 0.0012345678 } }],
  ])('has no column that says nothing: %s', async (_, other) => {
    const text = await explained(
      aView({ profile: { id: 'best' }, limitPrice: 0 }),
      aView({ profile: { id: 'other' }, ...other }),
    );
    expect(Object.keys(rowOf(text, 'best'))).toContain('x SETTLEMENT');
    expect(Object.keys(rowOf(text, 'best'))).not.toContain('x LIMIT');
    expect(Object.keys(rowOf(text, 'best'))).not.toContain('x WEIGHT');
  });

  test('holds all that makes a score, also a spared limit and a weight, so that it can be checked', async () => {
    const lessLiked = aView({ profile: { id: 'less-liked', weight: 50 } });
    const text = await explained(aView({ profile: { id: 'spared' }, limitPrice: 0.2 }), lessLiked, next);
    expect(text).toContain('next over less-liked: it has the weight 100 against 50');
    const rows = ['spared', 'less-liked', 'next'].map((id) => rowOf(text, id));
    expect(rows.map((row) => row['x LIMIT'])).toEqual(['0.8000', '1.0000', '1.0000']);
    expect(rows.map((row) => row['x WEIGHT'])).toEqual(['1.0000', '0.9000', '1.0000']);
    for (const row of rows) {
      const factors = Object.entries(row).filter(([heading]) => heading === 'SUCCESS' || heading.startsWith('x '));
      const product = factors.reduce((whole, [, factor]) => whole * Number(factor), 1);
      expect(product).toBeCloseTo(Number(row.SCORE), 3);
    }
  });

  test('shows what a channel with fee tiers charges, and what was counted', async () => {
    const fee = { ratePpm: 8_000, fixedMinor: 0, minMinor: 1, maxMinor: null };
    const tiered = { ...fee, tiers: [{ fromMinor: 1_000_000, ratePpm: 2_000 }] };
    const tiers = { paidMinor: 500_000, aheadMinor: 1_000_000 };
    const text = await explained(aView({ profile: { id: 'best', fee: tiered }, tiers }), next);
    expect(rowOf(text, 'best').FEE).toBe('0.80 (0.50)');
    expect(rowOf(text, 'next').FEE).toBe('0.60');
  });
});
