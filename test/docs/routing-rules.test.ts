import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PROVIDERS } from '../../channels/index.ts';
import { feeMinorCeil } from '../../src/payment/index.ts';
import { compileCondition, pacedMinor, periodAt, RULE_VARIABLES, ruleContext } from '../../src/routing/index.ts';
import { loaded, replaced, SHIPPED } from '../config/builders.ts';
import { blocks, readPage, rows, section } from './pages.ts';

const page = readPage('docs/routing-rules.md');
const examples = blocks(page.text, 'yaml');
const example = (key: string): string => {
  const found = examples.find((text) => Object.keys(parse(text))[0] === key);
  if (found === undefined) throw new Error(`the page has no example of ${key}`);
  return found;
};
const indented = (text: string, by: string): string => text.replaceAll(/^(?=.)/gm, by);

/** The shipped configuration with the page's rules, and its limits, windows and fees for the first channel. */
function withExamples() {
  let gateway = replaced(
    SHIPPED.gateway,
    '  exploration: 2%\n',
    `  exploration: 2%\n${indented(example('rules'), '  ')}`,
  );
  const [head = '', main = '', ...rest] = gateway.split(/(?=^ {2}alipay-(?:main|backup):\n)/m);
  const lines = main.split('\n').filter((line) => !/^ {4}(fee|limits|timezone):/.test(line));
  const extra = ['limits', 'maintenance', 'fee'].map((key) => indented(example(key), '    '));
  gateway = [head, `${lines.join('\n').trimEnd()}\n${extra.join('')}\n`, ...rest].join('');
  return loaded({ gateway, merchants: SHIPPED.merchants }, { providers: PROVIDERS });
}

const facts = {
  ...{ amountMinor: 100_000, currency: 'CNY', methods: ['alipay'], scene: 'qr', merchantId: 'm_demo', country: '' },
  ...{ subject: 'A game key', metadata: {}, now: Date.parse('2026-01-03T23:30:00+08:00') },
};

test('every example loads as it stands', () => {
  const config = withExamples();
  expect(config.settings.routing.rules?.map(({ name }) => name)).toEqual([
    ...['small-to-wechat', 'night-freeze', 'contract', 'abroad', 'canary'],
  ]);
  const [main] = config.channels;
  expect(main?.profile).toMatchObject({
    limits: { dailyMinor: 100_000_000, perMinute: 300, pacing: 'even' },
    maintenance: [{ kind: 'once' }, { kind: 'daily' }],
    fee: { tiers: [{ ratePpm: 5_000 }, { ratePpm: 3_800 }] },
  });
});

test('the rules hold when the page says so', () => {
  const { rules = [] } = withExamples().settings.routing;
  const holding = (set: Partial<typeof facts>) =>
    rules.flatMap(({ name, holds }) => {
      const held = holds(ruleContext({ ...facts, ...set }));
      return held.ok && held.value ? [name] : [];
    });
  expect(holding({})).toEqual(['night-freeze', 'contract', 'canary']);
  expect(holding({ amountMinor: 499, methods: ['wechatpay'], country: 'DE' })).toEqual([
    ...['small-to-wechat', 'night-freeze', 'abroad', 'canary'],
  ]);
});

describe('the condition', () => {
  const conditions = page.text
    .split('\n')
    .flatMap((line) => /^\| `((?:[^`]|\\\|)+[ =][^`]*)` +\| /.exec(line)?.[1] ?? [])
    .map((text) => text.trim().replaceAll('\\|', '|'));

  test('table is found', () => {
    expect(conditions).toHaveLength(6);
  });

  test.each(conditions)('%s is one, and can be evaluated', (text) => {
    const condition = compileCondition(text);
    expect(condition.ok && condition.value(ruleContext(facts)).ok).toBe(true);
  });
});

test('the variables are those that there are, with their types', () => {
  const table = rows(
    section(page, '### Conditions'),
    /^`(amount|currency|methods|scene|merchant|country|subject|metadata|now)`$/,
  );
  const said = Object.fromEntries(table.map(([name = '', type = '']) => [name.slice(1, -1), type]));
  expect(said).toEqual({ ...RULE_VARIABLES, now: 'timestamp' });
});

test('the sums on the page are right', () => {
  const { fee } = withExamples().channels[0]?.profile ?? {};
  expect(fee && feeMinorCeil(fee, 300_000, 99_900_000)).toBe(1_600);
  const noon = Date.parse('2026-01-01T12:00:00+08:00');
  const day = periodAt('day', 'Asia/Shanghai', noon);
  expect([day.start, noon, day.start + 0.9 * (day.end - day.start)].map((at) => pacedMinor(100, day, at))).toEqual([
    ...[10, 60, 100],
  ]);
});
