import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inTheatre, isListening, type Program, type Theatre } from '../e2e/program.ts';
import { call } from '../e2e/stage.ts';

const SLOW_MS = 60_000;

async function ending(program: Program) {
  const { code } = await program.ended;
  expect(program.stderr()).not.toMatch(/\n\s+at |node:internal/);
  return { code, out: program.stdout(), err: program.stderr() };
}

const edited = (theatre: Theatre, name: string, edit: (yaml: string) => string): string => {
  const path = join(theatre.folder, name);
  const yaml = edit(readFileSync(path, 'utf8'));
  writeFileSync(path, yaml);
  return yaml;
};

describe.concurrent('config check', { timeout: SLOW_MS }, () => {
  test(
    'of a good configuration counts what is in it: the named file, or the one of CONFIG',
    inTheatre(async (theatre) => {
      const good = { code: 0, out: `${theatre.config}: ok, 7 channels, 1 merchant\n`, err: '' };
      expect(await ending(theatre.run(['config', 'check']))).toEqual(good);
      expect(await ending(theatre.run(['config', 'check', theatre.config], { CONFIG: '/nowhere' }))).toEqual(good);
    }),
  );

  test(
    'of the shipped configuration is good',
    inTheatre(async (theatre) => {
      const shipped = { code: 0, out: 'config/gateway.yaml: ok, 7 channels, 1 merchant\n', err: '' };
      expect(await ending(theatre.run(['config', 'check', 'config/gateway.yaml']))).toEqual(shipped);
    }),
  );

  test(
    'of a bad one names every fault as file:line: path: message, and ends with 1',
    inTheatre(async (theatre) => {
      const gateway = edited(theatre, 'gateway.yaml', (yaml) =>
        yaml.replace('weight: 100', 'weight: much').replace('limits: { min: 1,', 'limits: { minimum: 1,'),
      );
      const merchants = edited(theatre, 'merchants.yaml', (yaml) =>
        yaml.replace('channels: all', 'channels: [alipay-mian]'),
      );
      const lineOf = (text: string, needle: string) => text.split('\n').findIndex((line) => line.includes(needle)) + 1;
      const { code, out, err } = await ending(theatre.run(['config', 'check']));
      expect({ code, out }).toEqual({ code: 1, out: '' });
      const lines = err.trimEnd().split('\n');
      expect(lines).toHaveLength(3);
      expect(lines[0]).toContain(`${theatre.config}:${lineOf(gateway, 'weight: much')}: channels.alipay-main.weight: `);
      expect(lines[1]).toContain(
        `${theatre.config}:${lineOf(gateway, 'minimum: 1')}: channels.alipay-main.limits.minimum: `,
      );
      const path = join(theatre.folder, 'merchants.yaml');
      expect(lines[2]).toContain(`${path}:${lineOf(merchants, 'alipay-mian')}: merchants.m_demo.channels`);
      expect(lines[2]).toContain('alipay-main');
    }),
  );

  test(
    'of no file, and with a bad environment, ends with 1',
    inTheatre(async (theatre) => {
      const missing = await ending(theatre.run(['config', 'check', '/nowhere/gateway.yaml']));
      expect(missing).toMatchObject({ code: 1, out: '' });
      expect(missing.err).toContain('/nowhere/gateway.yaml: there is no such file');
      const environment = await ending(theatre.run(['config', 'check'], { PORT: '70000' }));
      expect(environment).toMatchObject({ code: 1, out: '' });
      expect(environment.err).toContain('environment: PORT: ');
    }),
  );
});

describe.concurrent('sandbox', { timeout: SLOW_MS }, () => {
  test(
    'serves the simulators alone until it is told to stop',
    inTheatre(async (theatre) => {
      const { url, program } = await theatre.sandbox();
      expect(program.stdout()).toBe(
        `Sandbox for alipay-main, alipay-backup, wechatpay-main, stripe-main, paypal-main, epay-upstream, usdt-main on ${url}\nStart gateways with SANDBOX_URL=${url}\n`,
      );
      const { body } = await call('GET', `${url}/_control/channels`);
      expect(body.data).toHaveLength(7);
      program.kill('SIGTERM');
      expect(await program.ended).toEqual({ code: 0, signal: null });
      expect(await isListening(`${url}/_control/channels`)).toBe(false);
    }),
  );

  test(
    'on a port in use says which variable to set',
    inTheatre(async (theatre) => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const SANDBOX_PORT = String((taken.address() as AddressInfo).port);
      const said = { code: 1, out: '', err: `port ${SANDBOX_PORT} is in use; set SANDBOX_PORT\n` };
      expect(await ending(theatre.run(['sandbox'], { SANDBOX_PORT }))).toEqual(said);
      await new Promise((resolve) => taken.close(resolve));
    }),
  );

  test(
    'is refused where every channel is live: there is nothing to simulate',
    inTheatre(async (theatre) => {
      const credentials = JSON.stringify({
        secret_key: 'sk_live_51Hq0aBcDeFgHiJkLmNoPqRsT',
        publishable_key: 'pk_live_51Hq0aBcDeFgHiJkLmNoPqRsT',
        webhook_secrets: ['whsec_0123456789abcdefABCDEF0123456789'],
        account: 'acct_1Hq0aBcDeFgHiJk',
      });
      const channel = `{ provider: stripe, mode: live, methods: [card], currencies: [USD], fee: { rate: 2.9% }, credentials: ${credentials} }`;
      edited(theatre, 'gateway.yaml', () => `version: 1\nchannels:\n  stripe-main: ${channel}\n`);
      const said = `${theatre.config}: channels: has no channel in sandbox mode; there is nothing to simulate\n`;
      expect(await ending(theatre.run(['sandbox']))).toEqual({ code: 1, out: '', err: said });
    }),
  );

  test(
    'is refused in production and by a bad configuration',
    inTheatre(async (theatre) => {
      const production = { NODE_ENV: 'production', PUBLIC_URL: 'https://pay.example' };
      const refused = await ending(theatre.run(['sandbox'], production));
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.err).toContain('must be live in production');
      edited(theatre, 'gateway.yaml', (yaml) => yaml.replace('version: 1', 'version: one'));
      const bad = await ending(theatre.run(['sandbox']));
      expect(bad).toMatchObject({ code: 1, out: '' });
      expect(bad.err).toContain(`${theatre.config}:`);
    }),
  );
});

describe.concurrent('the program', { timeout: SLOW_MS }, () => {
  test(
    'names its commands when it is asked for help',
    inTheatre(async (theatre) => {
      const { code, out, err } = await ending(theatre.run(['--help']));
      expect({ code, err }).toEqual({ code: 0, err: '' });
      for (const command of ['start', 'sandbox', 'config', 'channels', 'payments'])
        expect(out).toContain(`\n  ${command} `);
      const config = await ending(theatre.run(['config', '--help']));
      expect(config.out).toMatch(/check \[file\] +\S+/);
    }),
  );

  test.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['chanels'], 'Did you mean channels?'],
    [['channels', 'more'], 'too many arguments'],
    [['start', '--port', '1'], "unknown option '--port'"],
    [[], 'Usage: switchyard'],
  ])('given %j ends with 1 and says why', (args, words) =>
    inTheatre(async (theatre) => {
      const { code, out, err } = await ending(theatre.run(args));
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toContain(words);
    })(),
  );
});
