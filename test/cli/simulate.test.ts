import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { simulate } from '../../src/simulate.ts';
import type { WhatIfReport } from '../../src/what-if/index.ts';
import { type Gateway, inTheatre, type Program, type Theatre } from '../e2e/program.ts';
import { call } from '../e2e/stage.ts';
import { differencesOf } from '../what-if/worlds.ts';

const SLOW_MS = 90_000;
const SCENARIO = 'config/scenarios/evening-outage.yaml';

async function ending(program: Program) {
  const { code } = await program.ended;
  expect(program.stderr()).not.toMatch(/\n\s+at |node:internal/);
  return { code, out: program.stdout(), err: program.stderr() };
}

/** The configuration with an edit, under another name beside it. */
function proposal(theatre: Theatre, edit: (yaml: string) => string): string {
  const path = join(theatre.folder, 'proposed.yaml');
  const yaml = readFileSync(theatre.config, 'utf8');
  expect(edit(yaml)).not.toBe(yaml);
  writeFileSync(path, edit(yaml));
  return path;
}

const draining =
  (channel: string) =>
  (yaml: string): string =>
    yaml.replace(new RegExp(`(\n  ${channel}:(?:.|\n)*?weight: )100`), '$10');

const asReport = (out: string): WhatIfReport => JSON.parse(out);

/** Orders, every third of which is paid. */
async function trade(gateway: Gateway, sandboxUrl: string, orders: number): Promise<void> {
  for (let i = 0; i < orders; i += 1) {
    const order = {
      merchant_order_no: `S${i}`,
      amount: 1_000 + i,
      currency: 'CNY',
      methods: ['alipay'],
      scene: 'qr',
      subject: 'Key',
    };
    const created = await gateway.api('POST', '/v1/payments', order);
    expect(created.status).toBe(201);
    const [attempt] = created.body.attempts;
    if (i % 3 > 0) continue;
    const paid = await call('POST', `${sandboxUrl}/_control/channels/${attempt.channel}/pay`, {
      provider_ref: attempt.provider_ref,
    });
    expect(paid.status).toBe(200);
  }
}

describe('simulate', { timeout: SLOW_MS }, () => {
  test(
    'tells from recorded payments, beside a running gateway, what a drained channel would move',
    inTheatre(async (theatre) => {
      const gateway = await theatre.start();
      const sandboxUrl = /\n +sandbox +(\S+)\n/.exec(gateway.program.stdout())?.[1] ?? '';
      await trade(gateway, sandboxUrl, 12);
      const before = await ending(theatre.run(['simulate', '--config', theatre.config, '--json', '--from', '1h']));
      expect(before).toMatchObject({ code: 0, err: '' });
      const same = asReport(before.out);
      expect(same).toMatchObject({ object: 'what_if', version: 1, headline: 'Nothing would move.', seed: 1 });
      expect(same.totals.live).toMatchObject({ payments: 12, refused: 0 });
      expect(same.recorded).toMatchObject({ payments: 12, succeeded: 4, pending: 8 });
      for (const difference of differencesOf(same)) expect([0, null]).toContain(difference);

      const [used] = same.recorded?.channels ?? [];
      const proposed = proposal(theatre, draining(used?.channel ?? ''));
      const { code, out, err } = await ending(theatre.run(['simulate', '--config', proposed, '--from', '1h']));
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(new RegExp(`${used?.channel} gets 0% (of payments )?instead of \\d`));
      expect(out).toMatch(/\n {23}LIVE +PROPOSED +DIFFERENCE\npayments +12 +12 +0\n/);
      expect(out).toContain(`${used?.channel}: draining`);
      expect(out).toMatch(/n \d+: (a guess|taken to be like the others)/);
      expect((await gateway.api('GET', '/v1/payments?limit=100')).body.data).toHaveLength(12);
    }),
  );

  test(
    'tries the shipped scenario without a gateway or a database, the same way twice',
    inTheatre(async (theatre) => {
      const args = [
        'simulate',
        '--config',
        proposal(theatre, draining('alipay-main')),
        '--scenario',
        SCENARIO,
        '--seed',
        '7',
      ];
      const [first, second] = await Promise.all([1, 2].map(() => ending(theatre.run([...args, '--json']))));
      expect(first).toMatchObject({ code: 0, err: '' });
      expect(second).toEqual(first);
      const report = asReport(first?.out ?? '');
      expect(report).toMatchObject({ seed: 7, traffic: { kind: 'scenario', duration_s: 7_200 }, recorded: null });
      const main = report.channels.find(({ channel }) => channel === 'alipay-main');
      expect(main?.live.share).toBeGreaterThan(0.05);
      expect(main?.proposed.share).toBe(0);
      const opened = report.exclusions.filter(({ reason }) => reason === 'breaker_open');
      expect(opened.find(({ channel }) => channel === 'alipay-main')).toMatchObject({ proposed: 0 });
    }),
  );

  test(
    'names what is wrong with the proposal or the scenario at its line, and ends with 1',
    inTheatre(async (theatre) => {
      const broken = proposal(theatre, (yaml) => yaml.replace('weight: 100', 'weight: much'));
      const line =
        readFileSync(broken, 'utf8')
          .split('\n')
          .findIndex((text) => text.includes('weight: much')) + 1;
      const refused = await ending(theatre.run(['simulate', '--config', broken, '--scenario', SCENARIO]));
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.err).toContain(`${broken}:${line}: channels.alipay-main.weight: `);

      const scenario = join(theatre.folder, 'scenario.yaml');
      writeFileSync(scenario, readFileSync(SCENARIO, 'utf8').replace('paid_share: 93%', 'paid_share: 930%'));
      const odd = await ending(theatre.run(['simulate', '--config', theatre.config, '--scenario', scenario]));
      expect(odd.err).toMatch(/scenario\.yaml:\d+: channels\.alipay-main\.paid_share: must be at most 100%/);
    }),
  );
});

test.each([
  [{ from: 'yesterday' }, '--from must be a time as'],
  [{ from: '1h', to: '2h' }, '--to must be later than from'],
  [{ from: '1h', scenario: SCENARIO }, 'give either --scenario, or --from and --to'],
  [{ seed: '-1' }, '--seed must be a whole number'],
  [{ maxPayments: '0' }, '--max-payments must be a whole number'],
  [{ scenario: '/nowhere.yaml' }, '/nowhere.yaml: it cannot be read'],
  [{ config: '/nowhere.yaml' }, '/nowhere.yaml: there is no such file'],
])('simulate with %j says what to do', async (options, words) => {
  const told = await simulate({}, { config: 'config/gateway.yaml', ...options }, Date.UTC(2026, 0, 1));
  expect(told).toMatchObject({ ok: false, error: expect.stringContaining(words) });
});

test('simulate without a database says what to do', async () => {
  const asked = simulate({ DATA_DIR: '/nowhere' }, { config: 'config/gateway.yaml', from: '1h' }, Date.UTC(2026, 0, 1));
  await expect(asked).rejects.toThrow('switchyard.db does not exist; start the gateway once');
});
