import { describe, expect, test } from 'vitest';
import { maintenanceAt, ruleContext } from '../../src/routing/index.ts';
import { faultsOf, GATEWAY, lineOfPart, loaded, replaced } from './builders.ts';

const withRules = (rules: string): string =>
  replaced(GATEWAY, '  exploration: 2%\n', `  exploration: 2%\n  rules:\n${rules}`);

const NIGHT = `    - name: night-freeze
      when: "now.getHours('Asia/Shanghai') >= 23"
      exclude: [pay-backup]
`;
const CANARY = `    - name: canary
      when: "true"
      split:
        pay-main: 95%
        pay-backup: 5%
`;
const RULES = NIGHT + CANARY;

test('rules arrive compiled, in the order of the file', () => {
  const { rules = [] } = loaded({ gateway: withRules(RULES) }).settings.routing;
  expect(rules.map(({ name, effect }) => [name, effect])).toEqual([
    ['night-freeze', { kind: 'exclude', channelIds: ['pay-backup'] }],
    [
      'canary',
      {
        kind: 'split',
        shares: [
          { channelId: 'pay-main', sharePpm: 950_000 },
          { channelId: 'pay-backup', sharePpm: 50_000 },
        ],
      },
    ],
  ]);
  const night = (at: string) =>
    rules[0]?.holds(
      ruleContext({
        ...{ amountMinor: 1, currency: 'CNY', methods: [], scene: 'qr', merchantId: 'm', country: '', subject: '' },
        ...{ metadata: {}, now: Date.parse(at) },
      }),
    );
  expect(night('2026-01-01T23:00:00+08:00')).toEqual({ ok: true, value: true });
  expect(night('2026-01-01T22:59:00+08:00')).toEqual({ ok: true, value: false });
});

/** What is replaced in the rules, by what, and the one fault that follows: path, message, the text on its line. */
type Row = readonly [from: string, to: string, path: string, message: RegExp, lineHas?: string];

const FAULTS: readonly Row[] = [
  ['>= 23"', '>= 23 &&"', 'rules[0].when', /is no condition: Unexpected token/, 'when: "now'],
  ['now.getHours', 'nwo.getHours', 'rules[0].when', /uses nwo, which is not a variable.*; did you mean now\?/],
  ['Asia/Shanghai', 'Asia/Shangai', 'rules[0].when', /time zone Asia\/Shangai, which does not exist/],
  ['>= 23', ">= '23'", 'rules[0].when', /no such overload: int >= string/],
  ['>= 23', '+ 23', 'rules[0].when', /must be true or false in the end \(bool\), not int/],
  ['"true"', 'true', 'rules[1].when', /put quotes around it/, 'when: true'],
  ['      when: "true"\n', '', 'rules[1].when', /must be a text|is required/, '- name: canary'],
  ['night-freeze', 'canary', 'rules[1].name', /is the name of an earlier rule/, '- name: canary\n      when: "true"'],
  ['night-freeze', 'Night freeze', 'rules[0].name', /a-z, 0-9 and -/],
  ['[pay-backup]', '[pay-bakcup]', 'rules[0].exclude[0]', /gateway.yaml does not have; did you mean pay-backup\?/],
  ['[pay-backup]', '[]', 'rules[0].exclude', /at least 1 entry/],
  ['[pay-backup]', 'pay-backup', 'rules[0].exclude', /must be a list/],
  ['[pay-backup]', '[pay-backup, pay-backup]', 'rules[0].exclude', /twice/],
  ['pay-backup: 5%', 'pay-bakcup: 5%', 'rules[1].split.pay-bakcup', /did you mean pay-backup\?/],
  ['pay-backup: 5%', 'pay-backup: 4%', 'rules[1].split', /must add up to 100%, not 99%/, 'split:'],
  ['pay-backup: 5%', 'pay-backup: 5.0001%', 'rules[1].split', /must add up to 100%, not 100.0001%/, 'split:'],
  ['pay-backup: 5%', 'pay-backup: 5', 'rules[1].split.pay-backup', /percent sign/],
  ['exclude: [pay-backup]', 'exlude: [pay-backup]', 'rules[0].exlude', /not a known key; did you mean exclude\?/],
  [
    '      exclude: [pay-backup]\n',
    '',
    'rules[0]',
    /has no effect; give it one of prefer, exclude, split, require/,
    '- name: night',
  ],
  [
    'exclude: [pay-backup]\n',
    'exclude: [pay-backup]\n      prefer: [pay-main]\n',
    'rules[0].exclude',
    /is a second effect beside prefer; make it a rule of its own/,
    'exclude: [pay-backup]',
  ],
];

describe('a rule', () => {
  test.each(FAULTS.map((row) => [row[1].trim() || row[0].trim(), row] as const))('%s', (_name, row) => {
    const [from, to, path, message, lineHas = to.trim()] = row;
    const gateway = withRules(replaced(RULES, from, to));
    const faults = faultsOf({ gateway });
    expect(faults.map((fault) => fault.path)).toEqual([`routing.${path}`]);
    expect(faults[0]?.message).toMatch(message);
    expect(faults[0]?.line).toBe(lineOfPart(gateway, lineHas));
  });

  test('with several faults has each of them named', () => {
    const rules =
      '    - { name: a, when: "amout < 1", exclude: [pay-mian] }\n    - { name: a, when: "1", split: { pay-main: 1% } }\n';
    expect(faultsOf({ gateway: withRules(rules) }).map(({ path }) => path)).toEqual([
      'routing.rules[0].exclude[0]',
      'routing.rules[0].when',
      'routing.rules[1].name',
      'routing.rules[1].split',
      'routing.rules[1].when',
    ]);
  });

  test('is one of at most a hundred', () => {
    const many = (count: number): string =>
      Array.from({ length: count }, (_, i) => `    - { name: r${i}, when: "true", exclude: [pay-backup] }\n`).join('');
    expect(loaded({ gateway: withRules(many(100)) }).settings.routing.rules).toHaveLength(100);
    expect(faultsOf({ gateway: withRules(many(101)) })).toMatchObject([{ path: 'routing.rules' }]);
  });
});

const FEE = '      max: 500\n';
const LIMITS = '      per_minute: 60\n';
const BOUNDS = '      min: 1\n      max: 5000000\n      daily: 100000000\n';
const DELAY = '    settlement_delay: 1d\n';

describe('schedules of a channel', () => {
  test('tiers, pacing, time zone and maintenance arrive as the other parts count', () => {
    const tiers = `${FEE}      tiers: [{ from: 1000000, rate: 0.5% }, { from: 5000000, rate: 0.38% }]\n      tier_period: day\n`;
    const windows = `    timezone: Europe/Berlin
    maintenance:
      - { from: 2026-12-01T02:00:00+08:00, to: 2026-12-01T04:00:00Z, reason: new certificates }
      - { daily: "23:30-00:30" }
      - { daily: "02:00-24:00", timezone: Asia/Shanghai, reason: settlement }
`;
    let gateway = replaced(GATEWAY, FEE, tiers);
    gateway = replaced(gateway, LIMITS, `${LIMITS}      pacing: even\n`);
    gateway = replaced(gateway, DELAY, DELAY + windows);
    const profile = loaded({ gateway }).channels[0]?.profile;
    expect(profile).toMatchObject({
      fee: {
        tiers: [
          { fromMinor: 1_000_000, ratePpm: 5_000 },
          { fromMinor: 5_000_000, ratePpm: 3_800 },
        ],
        tierPeriod: 'day',
      },
      limits: { pacing: 'even' },
      timezone: 'Europe/Berlin',
      maintenance: [
        { kind: 'once', from: Date.UTC(2026, 10, 30, 18), to: Date.UTC(2026, 11, 1, 4), reason: 'new certificates' },
        { kind: 'daily', fromMinute: 1_410, toMinute: 30, zone: 'Europe/Berlin', reason: null },
        { kind: 'daily', fromMinute: 120, toMinute: 1_440, zone: 'Asia/Shanghai', reason: 'settlement' },
      ],
    });
    expect(maintenanceAt(profile?.maintenance ?? [], Date.UTC(2026, 10, 30, 20))?.reason).toBe('new certificates');
  });

  test.each([
    [...tier('{ from: 0, rate: 0.5% }'), 'fee.tiers[0].from', /at least 1/],
    [
      ...tier('{ from: 5, rate: 0.5% }, { from: 5, rate: 0.4% }'),
      'fee.tiers[1].from',
      /more than that of the tier before/,
    ],
    [...tier('{ from: 5, rate: 0.005 }'), 'fee.tiers[0].rate', /percent sign/],
    [...tier('{ from: 5, rate: 0.5%, rte: 0.5% }'), 'fee.tiers[0].rte', /did you mean rate\?/],
    [FEE, `${FEE}      tier_period: year\n`, 'fee.tier_period', /one of month, day/],
    [LIMITS, `${LIMITS}      pacing: evn\n`, 'limits.pacing', /one of none, even; did you mean even\?/],
    ['      daily: 100000000\n', '      pacing: even\n', 'limits.pacing', /limits.daily, which is not set/],
    [BOUNDS, '      daily: 499\n      min: 500\n      max: 5000000\n', 'limits.daily', /less than limits.min/],
    [DELAY, `${DELAY}    timezone: Asia/Shangai\n`, 'timezone', /is not a time zone/],
    [...window('{ from: 2026-12-01 02:00, to: 2026-12-02T00:00:00Z }'), 'maintenance[0].from', /time with its offset/],
    [
      ...window('{ from: 2026-12-01T02:00:00, to: 2026-12-02T00:00:00Z }'),
      'maintenance[0].from',
      /time with its offset/,
    ],
    [...window('{ from: 2026-12-01T02:00:00Z, to: 2026-12-01T02:00:00Z }'), 'maintenance[0].to', /later than from/],
    [...window('{ from: 2026-12-01T02:00:00Z }'), 'maintenance[0].to', /is required/],
    [
      ...window('{ from: 2026-02-30T02:00:00Z, to: 2026-03-04T02:00:00Z }'),
      'maintenance[0].from',
      /not a time with its offset/,
    ],
    [...window('{ daily: "2:00-3:00" }'), 'maintenance[0].daily', /not a part of a day/],
    [...window('{ daily: "02:00-02:00" }'), 'maintenance[0].daily', /not a part of a day/],
    [...window('{ daily: "02:00-03:00", timezone: Mars }'), 'maintenance[0].timezone', /is not a time zone/],
    [...window('{ daily: "02:00-03:00", zone: UTC }'), 'maintenance[0].zone', /a window has daily, timezone, reason/],
  ] as const)('%j as %j', (from, to, path, message) => {
    const gateway = replaced(GATEWAY, from, to);
    const faults = faultsOf({ gateway });
    expect(faults.map((fault) => fault.path)).toEqual([`channels.pay-main.${path}`]);
    expect(faults[0]?.message).toMatch(message);
    const added = to.replace(from, '').trim();
    expect(faults[0]?.line).toBe(lineOfPart(gateway, added));
  });

  function tier(tiers: string) {
    return [FEE, `${FEE}      tiers: [${tiers}]\n`] as const;
  }
  function window(text: string) {
    return [DELAY, `${DELAY}    maintenance: [${text}]\n`] as const;
  }
});
