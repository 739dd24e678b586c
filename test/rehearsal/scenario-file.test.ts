import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readScenario } from '../../src/rehearsal/index.ts';

const CHANNELS = new Set([
  'alipay-main',
  'alipay-backup',
  'wechatpay-main',
  'stripe-main',
  'paypal-main',
  'epay-upstream',
  'usdt-main',
]);
const SHIPPED = readFileSync(join(import.meta.dirname, '../../config/scenarios/evening-outage.yaml'), 'utf8');

const faultsOf = (edit: (yaml: string) => string): readonly string[] => {
  const text = edit(SHIPPED);
  expect(text).not.toBe(SHIPPED);
  const read = readScenario('s.yaml', text, CHANNELS);
  if (read.ok) throw new Error('it was taken');
  const lineOf = (line: number): string => text.split('\n')[line - 1]?.trim() ?? '';
  return read.error.map(({ line, path, message }) => `${lineOf(line)} | ${path}: ${message}`);
};

describe('a scenario file', () => {
  test('becomes streams, and channels that change over time', () => {
    const read = readScenario('s.yaml', SHIPPED, CHANNELS);
    if (!read.ok) throw new Error(JSON.stringify(read.error));
    const { startsAt, durationMs, streams, channels } = read.value;
    expect(new Date(startsAt).toISOString()).toBe('2026-01-01T10:00:00.000Z');
    expect(durationMs).toBe(7_200_000);
    expect(streams.map(({ name, rates }) => [name, rates])).toEqual([
      ['top-ups', [{ fromMs: 0, perMinute: 30 }]],
      [
        'game-keys',
        [
          { fromMs: 0, perMinute: 10 },
          { fromMs: 3_600_000, perMinute: 25 },
        ],
      ],
    ]);
    const main = channels.get('alipay-main');
    expect(
      main?.changes.map(({ fromMs, behaviour }) => [
        fromMs / 60_000,
        behaviour.failure.toFixed(3),
        behaviour.latencyMs,
      ]),
    ).toEqual([
      [40, '0.960', 220],
      [65, '0.150', 900],
      [80, '0.005', 220],
    ]);
  });

  test.each([
    [
      'an unknown key',
      (y: string) => y.replace('duration: 2h', 'duraton: 2h'),
      'duraton: 2h | duraton: is not a known key; did you mean duration?',
    ],
    [
      'a wrong share',
      (y: string) => y.replace('99.5%', '0.995'),
      'technical_success: 0.995 | channels.alipay-main.technical_success: ',
    ],
    [
      'a channel that no configuration has',
      (y: string) => y.replace('  alipay-backup:', '  alipay-bakup:'),
      'alipay-bakup: | channels.alipay-bakup: is in neither configuration',
    ],
    [
      'changes that go back in time',
      (y: string) => y.replace('from: 65m', 'from: 30m'),
      'changes: | channels.alipay-main.changes: must be in the order of time',
    ],
    ['a rate that begins too late', (y: string) => y.replace('from: 0m', 'from: 1m'), 'from: 1m, per_minute: 10'],
    [
      'an amount that contradicts itself',
      (y: string) => y.replace('min: 100,', 'min: 4000,'),
      'must have min <= median <= max',
    ],
    [
      'a currency that is none',
      (y: string) => y.replace('currency: CNY', 'currency: CNX'),
      'currency: CNX | streams.top-ups.currency: is not a currency',
    ],
    ['too many payments', (y: string) => y.replace('per_minute: 30', 'per_minute: 9000'), 'make about'],
    ['a time without a zone', (y: string) => y.replace('18:00:00+08:00', '18:00:00'), '| starts_at: must be a time'],
    ['no YAML', (y: string) => `${y}\n  - [`, ''],
  ])('with %s is refused at its line', (_name, edit, fault) => {
    expect(faultsOf(edit).join('\n')).toContain(fault);
  });
});
