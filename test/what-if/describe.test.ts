import { expect, test } from 'vitest';
import { table } from '../../src/table.ts';
import { describeReport } from '../../src/what-if/index.ts';
import { aChannel, aScenario, aSetup, compareIn } from './worlds.ts';

/** Every `1.4 -> 0.1 (-1.3)` of a text, and every row of three figures. */
const CELLS = /(-?\d+\.\d) -> (-?\d+\.\d) \(([+-]?\d+\.\d)\)/g;
const ROWS = /^(?:succeed|failovers|no channel worked|refused by a provider) +(\S+) +(\S+) +(\S+)$/gm;

test('what a text shows as the difference of two figures is that of the figures beside it', () => {
  const scenario = aScenario({ one: { failure: 0.2, paid: 0.77 }, two: { paid: 0.713 }, three: { failure: 0.01 } });
  const channels = [aChannel('one'), aChannel('two'), aChannel('three', { weight: 90 })];
  const proposed = aSetup([aChannel('one', { weight: 60 }), aChannel('two'), aChannel('three', { weight: 91 })]);
  const texts = [1, 2, 3].map((seed) =>
    describeReport(compareIn(scenario, aSetup(channels), proposed, seed), (rows) => table(rows)),
  );
  const told = texts.flatMap((text) => [...text.matchAll(CELLS), ...text.matchAll(ROWS)]);
  expect(told.length).toBeGreaterThan(20);
  for (const [text, live = '', after = '', difference = ''] of told) {
    expect(Number(difference), text).toBeCloseTo(Number(after) - Number(live), 6);
    expect(difference, text).not.toBe('-0.0');
  }
});
