import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { aFreePort } from '../services/free-port.ts';
import { inTheatre, isListening, type Program, type Theatre } from './program.ts';

const SLOW_MS = 60_000;

/** One that has to end by itself with 1, with words for an operator on stderr and nothing on stdout. */
async function refusal(program: Program): Promise<string> {
  expect(await program.ended, program.output()).toEqual({ code: 1, signal: null });
  expect(program.stdout()).toBe('');
  expect(program.stderr()).not.toMatch(/\n\s+at |node:internal|Error:/);
  return program.stderr();
}

const lines = (text: string): readonly string[] => text.trim().split('\n');

describe.concurrent('a start is refused', { timeout: SLOW_MS }, () => {
  test(
    'on the data of a gateway that runs; that one goes on',
    inTheatre(async (theatre) => {
      const first = await theatre.start();
      const said = await refusal(theatre.run(['start']));
      expect(lines(said)).toHaveLength(1);
      expect(said).toContain('in use by another gateway');
      expect(said).toContain('DATA_DIR');
      expect(await isListening(`${first.adminUrl}/readyz`)).toBe(true);
      first.program.kill('SIGKILL');
      await first.program.ended;
      // Also a killed one leaves nothing behind that keeps the next one out.
      await theatre.start();
    }),
  );

  test(
    'with another master key than the data is sealed with, or with none where there was one',
    inTheatre(async (theatre) => {
      const first = await theatre.start();
      first.program.kill('SIGTERM');
      await first.program.ended;
      const other = Buffer.from('vutsrqponmlkjihgfedcba9876543210').toString('base64');
      const said = await refusal(theatre.run(['start'], { MASTER_KEY: other }));
      expect(said).toMatch(/master-key\.id: says that this data is sealed with the master key [0-9a-f]{8}/);
      expect(said).not.toContain(other);
      rmSync(join(theatre.dataDir, 'master.key'));
      expect(await refusal(theatre.run(['start']))).toContain('master.key: is gone');
    }),
  );

  test.each(['PORT', 'ADMIN_PORT', 'SANDBOX_PORT'])('when %s is in use, and lets go of the others', (name) =>
    inTheatre(async (theatre) => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const port = String((taken.address() as AddressInfo).port);
      const others = ['PORT', 'ADMIN_PORT', 'SANDBOX_PORT'].filter((other) => other !== name);
      const free = Object.fromEntries(
        await Promise.all(others.map(async (other) => [other, String(await aFreePort())])),
      );
      const said = await refusal(theatre.run(['start'], { ...free, [name]: port }));
      expect(said).toBe(`port ${port} is in use; set ${name}\n`);
      for (const other of Object.values(free)) expect(await isListening(`http://127.0.0.1:${other}/`)).toBe(false);
      await new Promise((resolve) => taken.close(resolve));
    })(),
  );

  test(
    'by a configuration with faults: all of them, with their lines, and nothing was opened',
    inTheatre(async (theatre) => {
      const { config, folder } = theatre;
      const yaml = readFileSync(config, 'utf8')
        .replace('version: 1', 'version: 2')
        .replace('rate: 0.6%', 'rate: 0.6')
        .replace('provider: stripe', 'provider: strip');
      writeFileSync(config, yaml);
      const merchants = join(folder, 'merchants.yaml');
      writeFileSync(merchants, readFileSync(merchants, 'utf8').replace('name: Demo shop', 'nam: Demo shop'));
      const PORT = String(await aFreePort());
      const said = await refusal(theatre.run(['start'], { PORT }));
      const lineOf = (needle: string) => yaml.split('\n').findIndex((line) => line.includes(needle)) + 1;
      expect(said).toContain(`${config}:${lineOf('version: 2')}: version: `);
      expect(said).toContain(`${config}:${lineOf('rate: 0.6,')}: channels.alipay-main.fee.rate: `);
      expect(said).toContain(`${config}:${lineOf('provider: strip')}: channels.stripe-main.provider: `);
      expect(said).toContain(`${merchants}:`);
      expect(said).toContain('nam');
      expect(await isListening(`http://127.0.0.1:${PORT}/`)).toBe(false);
      expect(() => readFileSync(join(theatre.dataDir, 'switchyard.db'))).toThrow();
    }),
  );

  test(
    'by an environment with faults: all of them',
    inTheatre(async (theatre) => {
      const said = await refusal(
        theatre.run(['start'], {
          PORT: 'http',
          LOG_LEVEL: 'loud',
          PUBLIC_URL: 'pay.example',
          MONGO_URL: 'mongo.example',
        }),
      );
      expect(lines(said).map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
        'environment PORT',
        'environment PUBLIC_URL',
        'environment LOG_LEVEL',
        'environment MONGO_URL',
      ]);
    }),
  );

  test(
    'in production with sandbox channels and demo secrets, without repeating a secret',
    inTheatre(async (theatre) => {
      const env = { NODE_ENV: 'production', PUBLIC_URL: 'https://pay.example' };
      const said = await refusal(theatre.run(['start'], env));
      for (const channel of [
        'alipay-main',
        'alipay-backup',
        'wechatpay-main',
        'stripe-main',
        'paypal-main',
        'epay-upstream',
        'usdt-main',
      ]) {
        expect(said).toContain(`channels.${channel}.mode: must be live in production`);
      }
      expect(said).toContain('merchants.m_demo.secret_keys[0]');
      expect(said).not.toMatch(/sk_sandbox_demo|whsec_|sandbox-epay-key/);
    }),
  );

  test(
    'by a sandbox elsewhere that does not have a channel, by name',
    inTheatre(async (theatre) => {
      const { config } = theatre;
      const { url } = await theatre.sandbox();
      const yaml = readFileSync(config, 'utf8');
      writeFileSync(config, yaml.replace('\n  wechatpay-main:', '\n  wechatpay-other:'));
      const said = await refusal(theatre.run(['start'], { SANDBOX_URL: url }));
      expect(said).toBe(`the sandbox at ${url} has no channel wechatpay-other; start it with the same configuration\n`);
    }),
  );
});

describe.concurrent('a damaged database is refused with its path and a next step', { timeout: SLOW_MS }, () => {
  const path = (theatre: Theatre) => join(theatre.dataDir, 'switchyard.db');
  const spoilt = async (theatre: Theatre) => {
    const said = await refusal(theatre.run(['start']));
    expect(lines(said)).toHaveLength(1);
    expect(said).toContain(path(theatre));
    return said;
  };

  test(
    'no database at all',
    inTheatre(async (theatre) => {
      mkdirSync(theatre.dataDir);
      writeFileSync(path(theatre), 'these are not the bytes of a database\n'.repeat(500));
      expect(await spoilt(theatre)).toContain('not a SQLite database');
    }),
  );

  test(
    "another program's database, which is left as it was",
    inTheatre(async (theatre) => {
      mkdirSync(theatre.dataDir);
      const other = new Database(path(theatre));
      other.exec('CREATE TABLE notes (text TEXT)');
      other.close();
      const before = readFileSync(path(theatre));
      expect(await spoilt(theatre)).toContain('another program');
      expect(readFileSync(path(theatre)).equals(before)).toBe(true);
    }),
  );

  test(
    'one that was cut',
    inTheatre(async (theatre) => {
      const gateway = await theatre.start();
      gateway.program.kill('SIGTERM');
      await gateway.program.ended;
      truncateSync(path(theatre), Math.floor(readFileSync(path(theatre)).length / 2));
      expect(await spoilt(theatre)).toMatch(/damaged/);
    }),
  );
});
