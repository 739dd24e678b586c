import { expect, test } from 'vitest';
import { chanceOf } from './chance.ts';
import { sellALot } from './mass.ts';
import { openShop } from './shop.ts';
import { openSite } from './site.ts';

const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));
const PAYMENTS = 2_000;
/** What `queries.paid_known_within` promises. */
const KNOWN_WITHIN_MS = 60_000;

const say = (text: string): void => void process.stdout.write(`books: ${text}\n`);

test(`${PAYMENTS} payments with lost, doubled and late callbacks: the books agree to the last fen, and nothing is known late`, async () => {
  say(`CHAOS_SEED=${SEED}`);
  const shop = await openShop();
  const site = await openSite();
  try {
    await site.sandbox.start();
    await site.gateway.start();
    const fates = { lost: 0.1, duplicated: 0.1, delayed: 0.05 };
    const report = await sellALot({
      ...{ site, shop, chance: chanceOf(SEED), payments: PAYMENTS, fates, buyers: 16 },
    });
    say(JSON.stringify({ ...report, differences: report.differences.length }));
    expect(report.differences).toEqual([]);
    const { sent, lost, duplicated, delayed } = report.known;
    expect(sent.payments + lost.payments + duplicated.payments + delayed.payments).toBe(PAYMENTS);
    expect(lost.payments).toBeGreaterThan(PAYMENTS / 20);
    for (const { msMax } of [sent, lost, duplicated, delayed]) expect(msMax).toBeLessThan(KNOWN_WITHIN_MS);
    const { byCallback, byQuery, aboveAMinute } = report.counted;
    expect(byCallback + byQuery).toBe(PAYMENTS);
    // Whoever is asked first tells first; but a lost callback leaves nothing but the question.
    expect(byQuery).toBeGreaterThanOrEqual(lost.payments);
    expect(aboveAMinute).toBe(0);
    expect(report.refunds).toBeGreaterThan(0);
  } finally {
    await site.close();
    await shop.close();
  }
}, 600_000);
