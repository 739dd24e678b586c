import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually, openStage, patient, type Stage } from '../e2e/stage.ts';
import { aFreePort } from '../services/free-port.ts';
import type { Found } from '../services/program.ts';
import { blocks, ROOT, readPage, section } from './pages.ts';

const SECRET = 'whsec_c3dpdGNoeWFyZC1zYW5kYm94LWRlbW8=';

interface Language {
  readonly program: Found;
  /** The fence of its blocks in the README. */
  readonly fence: string;
  readonly ending: string;
  /** How its example serves webhooks on a port. */
  readonly serve: (file: string, port: number) => readonly string[];
}

const LANGUAGES: Readonly<Record<string, Language>> = {
  typescript: { program: { path: process.execPath }, fence: 'ts', ending: 'ts', serve: (file) => [file] },
  php: {
    program: inject('php'),
    fence: 'php',
    ending: 'php',
    serve: (file, port) => ['-S', `127.0.0.1:${port}`, file],
  },
  python: { program: inject('python'), fence: 'python', ending: 'py', serve: (file) => [file] },
};

let stage: Stage;
const servers: ChildProcess[] = [];
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
});
afterAll(async () => {
  for (const server of servers) {
    const ended = once(server, 'exit');
    if (server.kill()) await ended;
  }
  await stage.stop();
});

const fileOf = (name: string) => join(ROOT, 'examples', name);
const pathOf = (program: Found) => ('path' in program ? program.path : '');

/** Creates a payment by an example; answers what it printed. */
function create(program: string, file: string, orderNo: string, set: Readonly<Record<string, string>> = {}) {
  const env = {
    ...process.env,
    ...{ SWITCHYARD_URL: stage.gateway().publicUrl, SWITCHYARD_KEY: 'sk_sandbox_demo' },
    ...{ ORDER_NO: orderNo, NOTIFY_URL: stage.shop.url, ...set },
  };
  const child = spawn(program, [fileOf(file)], { env });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
  return once(child, 'close').then(([code]) => ({ code, ...texts }));
}

async function serve(program: string, args: readonly string[], port: number): Promise<string> {
  servers.push(
    spawn(program, args, { env: { ...process.env, WEBHOOK_SECRET: SECRET, PORT: `${port}` }, stdio: 'ignore' }),
  );
  const url = `http://127.0.0.1:${port}/`;
  await eventually(() =>
    fetch(url, { method: 'POST', body: '{}' }).then(
      ({ status }) => status === 400,
      () => false,
    ),
  );
  return url;
}

async function statusOf(
  url: string,
  body: string,
  { secret = SECRET, at = new Date(), more = '' } = {},
): Promise<number> {
  const signature = `${more}${new Webhook(secret).sign('evt_1', at, body)}`;
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': `${Math.floor(at.getTime() / 1_000)}`,
    'webhook-signature': signature,
  };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

for (const [name, { program, fence, ending, serve: args }] of Object.entries(LANGUAGES)) {
  describe.skipIf('missing' in program)(`the examples in ${name}`, () => {
    const creating = `${name}/create-payment.${ending}`;
    const verifying = `${name}/verify-webhook.${ending}`;

    test('are in the README as they are in their files', () => {
      const shown = blocks(section(readPage('README.md'), '## From your language'), fence);
      expect(shown).toEqual([creating, verifying].map((file) => readFileSync(fileOf(file), 'utf8')));
    });

    test('create a payment, take its event, and say that the goods are out', async () => {
      const port = await aFreePort();
      const url = await serve(pathOf(program), args(fileOf(verifying), port), port);
      const made = await create(pathOf(program), creating, `X-${name}`, { NOTIFY_URL: url });
      expect({ code: made.code, said: made.stderr }).toEqual({ code: 0, said: '' });
      const id = /^(pay_\w+): send the buyer to http:\S+\/pay\/\1\n$/.exec(made.stdout)?.[1] ?? '';
      const { body: payment } = await stage.api('GET', `/v1/payments/${id}`);
      await stage.control(payment.channel, 'pay', { provider_ref: payment.attempts[0].provider_ref });
      await eventually(async () => (await stage.api('GET', `/v1/payments/${id}`)).body.fulfilment === 'delivered');

      const body = '{"type":"payment.closed","data":{"subject":"会员"}}';
      expect(await statusOf(url, body, { more: 'v1,AAAA ' })).toBe(200);
      expect(await statusOf(url, body, { secret: `whsec_${btoa('another secret of a shop')}` })).toBe(400);
      expect(await statusOf(url, body, { at: new Date(Date.now() - 302_000) })).toBe(400);
      expect((await fetch(url, { method: 'POST', body })).status).toBe(400);
    });

    test('say why a payment was refused', async () => {
      const refused = await create(pathOf(program), creating, 'no such number');
      expect({ code: refused.code, said: refused.stderr.trim() }).toEqual({
        code: 1,
        said: 'validation_failed: merchant_order_no: must be 1-64 of A-Z a-z 0-9 _ -',
      });
    });
  });
}

const needed = { curl: inject('curl'), openssl: inject('openssl') };
describe.skipIf(Object.values(needed).some((found) => 'missing' in found))('the examples in the shell', () => {
  test('are in the README as they are in their files, and no example is missing there', () => {
    const shown = blocks(section(readPage('README.md'), '## From your language'), 'sh');
    expect(shown).toEqual(
      ['create-payment', 'verify-webhook'].map((file) => readFileSync(fileOf(`curl/${file}.sh`), 'utf8')),
    );
    expect(readdirSync(fileOf('')).toSorted()).toEqual(['curl', ...Object.keys(LANGUAGES)].toSorted());
  });

  test('create a payment', async () => {
    const made = await create('bash', 'curl/create-payment.sh', 'X-curl');
    expect(JSON.parse(made.stdout)).toMatchObject({
      object: 'payment',
      merchant_order_no: 'X-curl',
      status: 'pending',
    });
    expect((await create('bash', 'curl/create-payment.sh', 'x y')).code).not.toBe(0);
  });

  test('tell a genuine webhook from a forged one', () => {
    const body = '{"type":"payment.succeeded","data":{"subject":"会员"}}';
    const at = new Date();
    const told = (set: Readonly<Record<string, string>>) => {
      const env = {
        ...{ PATH: process.env.PATH, WEBHOOK_SECRET: SECRET, WEBHOOK_ID: 'evt_1', BODY: body },
        WEBHOOK_TIMESTAMP: `${Math.floor(at.getTime() / 1_000)}`,
        WEBHOOK_SIGNATURE: `v1,AAAA ${new Webhook(SECRET).sign('evt_1', at, body)}`,
        ...set,
      };
      return spawnSync('bash', [fileOf('curl/verify-webhook.sh')], { env, encoding: 'utf8' }).stdout.trim();
    };
    expect(told({})).toBe('genuine');
    expect(told({ BODY: body.replace('会员', '会費') })).toBe('forged');
    const old = new Date(at.getTime() - 400_000);
    const signature = new Webhook(SECRET).sign('evt_1', old, body);
    expect(told({ WEBHOOK_TIMESTAMP: `${Math.floor(old.getTime() / 1_000)}`, WEBHOOK_SIGNATURE: signature })).toBe('');
  });
});
