import { expect, test } from 'vitest';
import { faultsOf, GATEWAY, lineOfPart, loaded, SHIPPED } from '../config/builders.ts';
import { DAY } from './stage.ts';

const withRetention = (text: string) => GATEWAY.replace('retention: 400d', `retention: ${text}`);

test.each([
  ['1d', 1],
  ['48h', 2],
  ['400d', 400],
  ['3650d', 3_650],
])('evidence is kept for %s', (text, days) => {
  expect(loaded({ gateway: withRetention(text) }).evidence).toEqual({ retentionMs: days * DAY });
});

test('evidence is kept for 400 days where nobody says otherwise, and as shipped', () => {
  expect(loaded().evidence).toEqual({ retentionMs: 400 * DAY });
  expect(SHIPPED.gateway).toMatch(/\nevidence:\n.*\n {2}retention: 400d\n/);
});

test.each([
  ['23h', 'must be between 1d and 3650d'],
  ['3651d', 'must be between 1d and 3650d'],
  ['forever', 'is not a duration; write for example 250ms, 3s, 10m, 2h or 1d'],
])('a retention of %s is refused', (text, message) => {
  const gateway = withRetention(text);
  expect(faultsOf({ gateway })).toEqual([
    expect.objectContaining({ path: 'evidence.retention', message, line: lineOfPart(gateway, 'retention:') }),
  ]);
});
