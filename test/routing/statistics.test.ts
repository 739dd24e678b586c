import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStatistics, type Statistics } from '../../src/routing/index.ts';
import { NEW_YEAR } from './builders.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const fail = (statistics: Statistics, times: number, now: number, method = 'alipay') => {
  for (let i = 0; i < times; i += 1) statistics.recordTechnical('alipay-main', method, false, 3_000, now);
};
const estimate = (statistics: Statistics, now: number, method = 'alipay') =>
  statistics.estimate('alipay-main', method, now);

test('an unknown channel is believed to be an ordinary one', () => {
  expect(estimate(createStatistics(), NEW_YEAR)).toEqual({
    technicalRatio: 0.999,
    paymentRatio: 0.9,
    sampleSize: 0,
    latencyMs: 300,
  });
});

test('evidence moves the estimate away from the prior, the more of it the further', () => {
  const statistics = createStatistics();
  fail(statistics, 10, NEW_YEAR);
  expect(estimate(statistics, NEW_YEAR).technicalRatio).toBeCloseTo(0.4995, 10);
  for (let i = 0; i < 20; i += 1) statistics.recordOutcome('alipay-main', 'alipay', 'unpaid', NEW_YEAR);
  expect(estimate(statistics, NEW_YEAR).paymentRatio).toBeCloseTo(0.45, 10);
  expect(estimate(statistics, NEW_YEAR).sampleSize).toBeCloseTo(20, 10);
});

test('an unpaid order is no technical failure, and a technical failure no unpaid order', () => {
  const statistics = createStatistics();
  statistics.recordOutcome('alipay-main', 'alipay', 'unpaid', NEW_YEAR);
  expect(estimate(statistics, NEW_YEAR).technicalRatio).toBe(0.999);
  const other = createStatistics();
  fail(other, 1, NEW_YEAR);
  expect(estimate(other, NEW_YEAR).paymentRatio).toBe(0.9);
});

test('technical failures fade in two minutes, payment outcomes in hours', () => {
  const statistics = createStatistics();
  fail(statistics, 10, NEW_YEAR);
  for (let i = 0; i < 20; i += 1) statistics.recordOutcome('alipay-main', 'alipay', 'unpaid', NEW_YEAR);
  const after = (ms: number) => estimate(statistics, NEW_YEAR + ms);
  expect(after(2 * MINUTE_MS).technicalRatio).toBeGreaterThan(0.92);
  expect(after(5 * MINUTE_MS).technicalRatio).toBeGreaterThan(0.979);
  expect(after(2 * MINUTE_MS).paymentRatio).toBeLessThan(0.46);
  expect(after(2 * HOUR_MS).paymentRatio).toBeCloseTo(0.6, 10);
  expect(after(24 * HOUR_MS).paymentRatio).toBeGreaterThan(0.89);
});

test('latency is the mean of calls that worked; failures do not make a channel fast', () => {
  const statistics = createStatistics({ priors: { ...priors, latencyMs: { value: 300, weight: 1 } } });
  statistics.recordTechnical('alipay-main', 'alipay', true, 900, NEW_YEAR);
  statistics.recordTechnical('alipay-main', 'alipay', false, 1, NEW_YEAR);
  expect(estimate(statistics, NEW_YEAR).latencyMs).toBe(600);
  expect(estimate(statistics, NEW_YEAR + 24 * HOUR_MS).latencyMs).toBeCloseTo(300, 6);
});

const priors = {
  technical: { value: 0.999, weight: 10 },
  payment: { value: 0.9, weight: 20 },
  latencyMs: { value: 300, weight: 5 },
};

test('whatever was seen, ratios stay between 0 and 1 and fade to the prior', () => {
  const event = fc.record({
    after: fc.nat(HOUR_MS),
    good: fc.boolean(),
    kind: fc.boolean(),
    latencyMs: fc.nat(60_000),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 50 }), (events) => {
      const statistics = createStatistics();
      let now = NEW_YEAR;
      for (const { after, good, kind, latencyMs } of events) {
        now += after;
        if (kind) statistics.recordTechnical('alipay-main', 'alipay', good, latencyMs, now);
        else statistics.recordOutcome('alipay-main', 'alipay', good ? 'paid' : 'unpaid', now);
        const { technicalRatio, paymentRatio } = estimate(statistics, now);
        for (const ratio of [technicalRatio, paymentRatio]) expect(ratio > 0 && ratio < 1).toBe(true);
      }
      const faded = estimate(statistics, now + 100 * HOUR_MS);
      expect(faded.technicalRatio).toBeCloseTo(0.999, 9);
      expect(faded.paymentRatio).toBeCloseTo(0.9, 6);
      expect(faded.latencyMs).toBeCloseTo(300, 6);
    }),
  );
});

test('methods and channels are learnt apart', () => {
  const statistics = createStatistics();
  fail(statistics, 5, NEW_YEAR, 'card');
  expect(estimate(statistics, NEW_YEAR, 'card').technicalRatio).toBeLessThan(0.7);
  expect(estimate(statistics, NEW_YEAR, 'alipay').technicalRatio).toBe(0.999);
  expect(statistics.estimate('alipay-backup', 'card', NEW_YEAR).technicalRatio).toBe(0.999);
});

test('a technical reset covers every method of the channel, and leaves payments and other channels alone', () => {
  const statistics = createStatistics();
  fail(statistics, 5, NEW_YEAR, 'card');
  fail(statistics, 5, NEW_YEAR, 'alipay');
  statistics.recordTechnical('alipay-backup', 'card', false, 10, NEW_YEAR);
  statistics.recordOutcome('alipay-main', 'card', 'unpaid', NEW_YEAR);
  statistics.resetTechnical('alipay-main');
  expect(estimate(statistics, NEW_YEAR, 'card').technicalRatio).toBe(0.999);
  expect(estimate(statistics, NEW_YEAR, 'alipay').technicalRatio).toBe(0.999);
  expect(estimate(statistics, NEW_YEAR, 'card').paymentRatio).toBeLessThan(0.9);
  expect(statistics.estimate('alipay-backup', 'card', NEW_YEAR).technicalRatio).toBeLessThan(0.999);
});

test('a clock that steps back neither fades nor revives anything', () => {
  const statistics = createStatistics();
  fail(statistics, 4, NEW_YEAR);
  const before = estimate(statistics, NEW_YEAR);
  expect(estimate(statistics, NEW_YEAR - HOUR_MS)).toEqual(before);
  fail(statistics, 1, NEW_YEAR - HOUR_MS);
  expect(estimate(statistics, NEW_YEAR - HOUR_MS).technicalRatio).toBeCloseTo(9.99 / 15, 10);
});

test.each([
  ['asked about', (statistics: Statistics) => void estimate(statistics, NEW_YEAR - HOUR_MS)],
  ['added to', (statistics: Statistics) => fail(statistics, 1, NEW_YEAR - HOUR_MS)],
])('after a clock was set back, what was learnt before fades once it is %s', (_, touch) => {
  const statistics = createStatistics();
  fail(statistics, 4, NEW_YEAR);
  touch(statistics);
  // Forty half-lives of the new clock, and still long before the time at which it was learnt.
  expect(estimate(statistics, NEW_YEAR - HOUR_MS / 2).technicalRatio).toBeCloseTo(0.999, 9);
});

test('memory is capped: the pair that was touched longest ago is forgotten', () => {
  const statistics = createStatistics({ entriesMax: 2 });
  fail(statistics, 1, NEW_YEAR, 'alipay');
  fail(statistics, 2, NEW_YEAR, 'card');
  fail(statistics, 1, NEW_YEAR, 'alipay');
  expect(estimate(statistics, NEW_YEAR, 'alipay').sampleSize).toBe(2);
  fail(statistics, 1, NEW_YEAR, 'pix');
  expect(statistics.snapshot().map(({ method }) => method)).toEqual(['alipay', 'pix']);
  expect(estimate(statistics, NEW_YEAR, 'card').sampleSize).toBe(0);
});

test('a snapshot goes through JSON and restores the same beliefs', () => {
  const statistics = createStatistics();
  fail(statistics, 3, NEW_YEAR);
  statistics.recordTechnical('alipay-main', 'alipay', true, 700, NEW_YEAR + 10);
  statistics.recordOutcome('alipay-main', 'alipay', 'paid', NEW_YEAR + 20);
  const restored = createStatistics();
  fail(restored, 9, NEW_YEAR, 'card');
  restored.restore(JSON.parse(JSON.stringify(statistics.snapshot())));
  expect(estimate(restored, NEW_YEAR + 500)).toEqual(estimate(statistics, NEW_YEAR + 500));
  expect(estimate(restored, NEW_YEAR, 'card').sampleSize).toBe(0);
});
