import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { simulate } from '../../src/simulate.ts';
import type { WhatIfReport } from '../../src/what-if/index.ts';

const ROOT = join(import.meta.dirname, '../..');
const SHIPPED = readFileSync(join(ROOT, 'config/gateway.yaml'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'switchyard-rules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The shipped scenario under the shipped configuration with these rules. */
async function under(rules: string): Promise<WhatIfReport> {
  const config = join(folder, 'gateway.yaml');
  const proposed = SHIPPED.replace('\nchannels:\n', `\n  rules:\n${rules}\nchannels:\n`);
  expect(proposed).not.toBe(SHIPPED);
  writeFileSync(config, proposed);
  const scenario = join(ROOT, 'config/scenarios/evening-outage.yaml');
  const env = { CONFIG: join(ROOT, 'config/gateway.yaml') };
  const told = await simulate(env, { config, scenario, json: true }, 0);
  if (!told.ok) throw new Error(told.error);
  return JSON.parse(told.value);
}

test('an excluding rule is named among the exclusions, for the hours in which it holds', async () => {
  const rule = `    - { name: late-freeze, when: "now.getHours('Asia/Shanghai') >= 19", exclude: [wechatpay-main] }`;
  const { exclusions, totals } = await under(rule);
  const frozen = exclusions.find(({ reason }) => reason === 'rule late-freeze');
  expect(frozen).toMatchObject({ channel: 'wechatpay-main', live: 0 });
  expect(frozen?.proposed).toBeGreaterThan(100);
  expect(frozen?.proposed).toBeLessThan(totals.proposed.payments);
});

test('a split sends its share, and is the reason', async () => {
  const { channels, reasons } = await under(
    '    - { name: canary, when: "methods == [\'alipay\']", split: { alipay-main: 50%, alipay-backup: 50% } }',
  );
  expect(reasons.find(({ reason }) => reason === 'split')?.proposed).toBeGreaterThan(1_000);
  expect(channels.find(({ channel }) => channel === 'alipay-main')?.proposed.share).toBeGreaterThan(0.1);
});

test('a rule that cannot be evaluated does not hold, and is told', async () => {
  const { totals, notes } = await under(
    '    - { name: vip, when: "metadata.tier == \'vip\'", exclude: [alipay-main] }',
  );
  expect(notes.join('\n')).toMatch(
    /The proposed rule vip \(\w+\) could not be evaluated \d+ times; then it does not hold\./,
  );
  expect(totals.difference.payments).toBe(0);
});
