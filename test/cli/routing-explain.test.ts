import { expect, test } from 'vitest';
import { rank } from '../../src/routing/index.ts';
import { explainedAttempt } from '../../src/routing-explain.ts';
import { aRequest, aSettings, aView, chance, type ViewParts } from '../routing/builders.ts';

/** The table of a choice, a record for each channel: heading to cell. */
function tableOf(...parts: readonly ViewParts[]): readonly Readonly<Record<string, string>>[] {
  const request = aRequest();
  const { choice } = rank(request, parts.map(aView), aSettings(), chance());
  if (!choice) throw new Error('nobody was chosen');
  const text = explainedAttempt({ seq: 1, channelId: choice.channelId, decision: choice.decision }, request.amount);
  const lines = text.split('\n').map((line) => line.trim());
  const [headings = [], ...rows] = lines.slice(lines.findIndex((line) => line.startsWith('CHANNEL'))).map(cells);
  return rows.map((row) => Object.fromEntries(row.map((cell, i) => [headings[i] ?? '', cell])));
}

const cells = (line: string) => line.split(/ {2,}/);
const productOf = (row: Readonly<Record<string, string>>) =>
  Object.entries(row)
    .filter(([heading]) => heading === 'SUCCESS' || heading.startsWith('x '))
    .reduce((product, [, cell]) => product * Number(cell), 1);

test('the score is the product of what stands before it, also where a limit or a weight has its part in it', () => {
  const rows = tableOf(
    { profile: { id: 'spared' }, limitPrice: 0.2 },
    { profile: { id: 'less-liked', weight: 50 } },
    { profile: { id: 'plain' } },
  );
  expect(rows.map((row) => row.CHANNEL)).toEqual(['plain', 'less-liked', 'spared']);
  expect(rows.map((row) => row['x LIMIT'])).toEqual(['1.0000', '1.0000', '0.8000']);
  expect(rows.map((row) => row['x WEIGHT'])).toEqual(['1.0000', '0.9000', '1.0000']);
  for (const row of rows) expect(productOf(row)).toBeCloseTo(Number(row.SCORE), 3);
});

test('what says nothing of any channel is left out', () => {
  const [row = {}] = tableOf({ profile: { id: 'a' } }, { profile: { id: 'b' } });
  expect(Object.keys(row)).toContain('x SETTLEMENT');
  expect(Object.keys(row)).not.toContain('x LIMIT');
  expect(Object.keys(row)).not.toContain('x WEIGHT');
});
