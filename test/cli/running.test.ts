import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, openTheatre, type Program, type Theatre } from '../e2e/program.ts';
import { call } from '../e2e/stage.ts';

const SLOW_MS = 60_000;

let theatre: Theatre;
let gateway: Gateway;
let id: string;
beforeAll(async () => {
  theatre = await openTheatre();
  gateway = await theatre.start();
  const order = {
    merchant_order_no: 'A1',
    amount: 1050,
    currency: 'CNY',
    methods: ['alipay'],
    scene: 'qr',
    subject: '点卡',
  };
  const { body } = await gateway.api('POST', '/v1/payments', order);
  id = body.id;
}, SLOW_MS);
afterAll(() => theatre.close());

async function success(program: Program): Promise<string> {
  expect(await program.ended, program.output()).toEqual({ code: 0, signal: null });
  expect(program.stderr()).toBe('');
  return program.stdout();
}

async function refusal(program: Program): Promise<string> {
  expect(await program.ended, program.output()).toEqual({ code: 1, signal: null });
  expect(program.stdout()).toBe('');
  expect(program.stderr()).not.toMatch(/\n\s+at |node:internal/);
  return program.stderr();
}

const PORTS = () => ({ ADMIN_PORT: gateway.place.ADMIN_PORT ?? '' });

describe.concurrent('doctor', { timeout: SLOW_MS }, () => {
  test('says what is wrong, and how our clock stands to that of a provider that has answered', async () => {
    const text = await success(theatre.run(['doctor'], PORTS()));
    expect(text).toMatch(/^Nothing is wrong\.\n\nCLOCK OF +OURS IS\n/);
    expect(text).toMatch(/\nalipay-main +\d\.\d s (ahead|behind), give or take a few seconds/);
  });

  test('without a gateway says so', async () => {
    expect(await refusal(theatre.run(['doctor'], { ADMIN_PORT: '1' }))).toContain('no gateway answers at');
  });
});

describe.concurrent('channels', { timeout: SLOW_MS }, () => {
  test('lists each channel of the running gateway under a heading', async () => {
    const [heading = '', ...rows] = (await success(theatre.run(['channels'], PORTS()))).trimEnd().split('\n');
    expect(heading.split(/ +/)).toEqual([
      ...['CHANNEL', 'STATE', 'METHODS', 'WEIGHT', 'BREAKER', 'TECHNICAL', 'PAID', 'SCORE'],
    ]);
    expect(rows.map((row) => row.split(/ +/).slice(0, 5))).toEqual([
      ['alipay-main', 'sandbox', 'alipay', '100', 'closed'],
      ['alipay-backup', 'sandbox', 'alipay', '100', 'closed'],
      ['wechatpay-main', 'sandbox', 'wechatpay', '100', 'closed'],
      ['stripe-main', 'sandbox', 'card', '100', 'closed'],
      ['paypal-main', 'sandbox', 'paypal', '100', 'closed'],
      ['epay-upstream', 'sandbox', 'alipay,wechatpay', '100', 'closed'],
      ['usdt-main', 'sandbox', 'usdt', '100', 'closed'],
    ]);
  });

  test('works as npm run cli and as npx, and as a file with a shebang', async () => {
    const expected = await success(theatre.run(['channels'], PORTS()));
    const ways: readonly [string, readonly string[]][] = [
      ['npm', ['run', '--silent', 'cli', '--', 'channels']],
      ['npx', ['--no', 'switchyard', 'channels']],
      ['src/cli.ts', ['channels']],
    ];
    for (const [file, args] of ways) {
      const program = theatre.command(file, args, PORTS());
      expect(await program.ended, program.output()).toEqual({ code: 0, signal: null });
      // Numbers may have moved meanwhile; the rows have not.
      const names = (text: string) =>
        text
          .trimEnd()
          .split('\n')
          .map((line) => line.split(' ')[0]);
      expect(names(program.stdout())).toEqual(names(expected));
    }
  });

  test('without a gateway says where it looked and what to do', async () => {
    const said = await refusal(theatre.run(['channels'], { ADMIN_PORT: '9' }));
    expect(said).toBe(
      'no gateway answers at http://127.0.0.1:9/admin/status; start it, or set ADMIN_PORT to its admin port\n',
    );
    const ipv6 = await refusal(theatre.run(['channels'], { ADMIN_PORT: '9', ADMIN_HOST: '::1' }));
    expect(ipv6).toContain('no gateway answers at http://[::1]:9/admin/status;');
  });

  test.each([
    ['a page', 'text/html', '<!DOCTYPE html><title>hello</title>'],
    ['JSON of another kind', 'application/json', '{"channels":[{"name":"x"}]}'],
  ])('that meets a server that answers %s says so', async (_, type, body) => {
    const other = createServer((_request, response) => response.setHeader('content-type', type).end(body));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const port = String((other.address() as AddressInfo).port);
    const said = await refusal(theatre.run(['channels'], { ADMIN_PORT: port }));
    expect(said).toBe(`http://127.0.0.1:${port}/admin/status is not the admin listener of a gateway; set ADMIN_PORT\n`);
    await new Promise((resolve) => {
      other.close(resolve);
      other.closeAllConnections();
    });
  });
});

describe.concurrent('doctor epay', { timeout: SLOW_MS }, () => {
  test('lists the shops that speak epay, and tells what to type into their plug-ins', async () => {
    expect(await success(theatre.run(['doctor', 'epay'], PORTS()))).toMatch(/^1000 +m_demo +enabled +- +-$/m);
    const shop = JSON.parse(await success(theatre.run(['doctor', 'epay', '--pid', '1000', '--json'], PORTS())));
    expect(shop.plug_ins[0]).toMatchObject({ programs: 'dujiaoka', address: expect.stringMatching(/\/submit\.php$/) });
    expect(await refusal(theatre.run(['doctor', 'epay', '--pid', '7'], PORTS()))).toContain('No shop has the pid 7');
  });
});

describe('payments show', { timeout: SLOW_MS }, () => {
  const expectStory = (text: string): void => {
    const [first = '', ...more] = text.split('\n');
    expect(first).toBe(`${id}  10.50 CNY  pending`);
    expect(text).toContain('m_demo  order A1  "点卡"');
    expect(text).toMatch(/attempt 1 .* alipay-main {2}alipay {2}open/);
    expect(text).toContain('alipay-main over alipay-backup');
    expect(text).toMatch(/to do +\S+Z {2}query attempt 1/);
    expect(more.every((line) => line === '' || line.startsWith('  '))).toBe(true);
  };

  test('tells the story of a payment while the gateway runs', async () => {
    expectStory(await success(theatre.run(['payments', 'show', id])));
  });

  test('of an id that nobody has, or that is none, is an error', async () => {
    const unknown = `pay_${'0'.repeat(26)}`;
    expect(await refusal(theatre.run(['payments', 'show', unknown]))).toBe(
      `no payment ${unknown} in ${theatre.dataDir}\n`,
    );
    expect(await refusal(theatre.run(['payments', 'show', 'A1']))).toBe(
      'A1 is not a payment id (pay_ and 26 characters)\n',
    );
    expect(await refusal(theatre.run(['payments', 'show']))).toContain("missing required argument 'id'");
  });

  test('where there is no database says how there will be one', async () => {
    const said = await refusal(theatre.run(['payments', 'show', id], { DATA_DIR: `${theatre.folder}/none` }));
    expect(said).toContain(`${theatre.folder}/none/switchyard.db does not exist; start the gateway once`);
  });

  test('tells the same after the gateway has stopped', async () => {
    expect((await call('GET', `${gateway.adminUrl}/healthz`)).status).toBe(200);
    gateway.program.kill('SIGTERM');
    await gateway.program.ended;
    expectStory(await success(theatre.run(['payments', 'show', id])));
  });
});

describe.concurrent('routing explain', { timeout: SLOW_MS }, () => {
  test('says in words and numbers why the payment went where it went, and what was left out', async () => {
    const text = await success(theatre.run(['routing', 'explain', id]));
    const [first = '', sentence = ''] = text.split('\n');
    expect(first).toMatch(/^attempt 1: alipay-(main|backup) for 10\.50 CNY at \S+Z$/);
    expect(sentence).toMatch(/alipay-main.*alipay-backup|alipay-backup.*alipay-main/);
    expect(text).toMatch(
      /^ {2}CHANNEL +CALLS +PAID \(n\) +FEE +ANSWERS +SUCCESS +x FEE +x LATENCY +x SETTLEMENT +SCORE +EXPECTED$/m,
    );
    const row =
      /^ {2}alipay-main +\d+\.\d% +\d+\.\d% \(\d+\) +0\.07 +\d+ ms +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) /m.exec(
        text,
      );
    const [success_ = 0, fee = 0, latency = 0, settlement = 0, score = 0] = (row ?? []).slice(1).map(Number);
    // A person can check the score: it is the product of the factors.
    expect(success_ * fee * latency * settlement).toBeCloseTo(score, 3);
    expect(text).toMatch(/^ {2}stripe-main left out: method$/m);
  });

  test('prints the stored decisions as JSON', async () => {
    const decisions = JSON.parse(await success(theatre.run(['routing', 'explain', id, '--json'])));
    expect(decisions).toMatchObject([{ attempt: 1, position: 'first', candidates: expect.any(Array) }]);
  });

  test('refuses what is no payment', async () => {
    expect(await refusal(theatre.run(['routing', 'explain', 'pay_x']))).toContain('is not a payment id');
    const other = `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`;
    expect(await refusal(theatre.run(['routing', 'explain', other]))).toContain(`no payment ${other}`);
  });
});
