import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Gateway, inTheatre, type Theatre } from './program.ts';
import { type Desk, inChannel, openDesk, soon, withChannel, withoutChannel } from './reload-stage.ts';
import { openShop, type Shop } from './shop.ts';
import { call } from './stage.ts';

const SLOW_MS = 120_000;

interface Scene {
  readonly theatre: Theatre;
  readonly gateway: Gateway;
  readonly desk: Desk;
  readonly shop: Shop;
  /** Creates a payment by Alipay QR. */
  order(set?: Readonly<Record<string, unknown>>): ReturnType<typeof call>;
}

function inScene(act: (scene: Scene) => Promise<void>): () => Promise<void> {
  return inTheatre(async (theatre) => {
    const shop = await openShop();
    try {
      const gateway = await theatre.start();
      let orders = 0;
      const order: Scene['order'] = (set = {}) => {
        orders += 1;
        const what = { merchant_order_no: `R${orders}`, amount: 1000, currency: 'CNY', subject: 'Game key' };
        const way = { methods: ['alipay'], scene: 'qr', notify_url: shop.url };
        return gateway.api('POST', '/v1/payments', { ...what, ...way, ...set });
      };
      await act({ theatre, gateway, desk: openDesk(theatre, gateway), shop, order });
    } finally {
      await shop.close();
    }
  });
}

const A_CHANNEL = `  alipay-third:
    provider: alipay
    mode: sandbox
    methods: [alipay]
    currencies: [CNY]
    scenes: [redirect, qr, wap]
    fee: { rate: 0.1% }
`;

describe('a configuration that changes while the gateway runs', { timeout: SLOW_MS }, () => {
  test(
    'moves the traffic without a failed request',
    inScene(async ({ desk, order }) => {
      const answers: { status: number; channel: string }[] = [];
      let stop = false;
      const buyer = async (): Promise<void> => {
        while (!stop) {
          const { status, body } = await order();
          answers.push({ status, channel: body.channel });
        }
      };
      const buyers = [buyer(), buyer(), buyer(), buyer()];
      await soon(() => answers.some(({ channel }) => channel === 'alipay-main'));
      await desk.edit((yaml) => inChannel(yaml, 'alipay-main', 'weight: 100', 'weight: 0'));
      await soon(async () => (await desk.channel('alipay-main')).weight === 0);
      const from = answers.length + buyers.length;
      await soon(() => answers.length > from + 20);
      stop = true;
      await Promise.all(buyers);
      expect(answers.filter(({ status }) => status !== 201)).toEqual([]);
      expect(new Set(answers.slice(from).map(({ channel }) => channel))).toEqual(new Set(['alipay-backup']));
      expect(await desk.reloads('accepted')).toBe(1);
    }),
  );

  test(
    'is refused whole with the line of its fault; payments go on, and a mended one is taken',
    inScene(async ({ theatre, gateway, desk, order }) => {
      const good = readFileSync(theatre.config, 'utf8');
      await desk.edit((yaml) => inChannel(yaml, 'alipay-main', 'weight: 100', 'weight: lots').replace('2%', '0%'));
      const refused = await soon(async () => (await desk.status()).config.refused);
      const line =
        readFileSync(theatre.config, 'utf8')
          .split('\n')
          .findIndex((text) => text.includes('lots')) + 1;
      const fault = { file: theatre.config, line, path: 'channels.alipay-main.weight' };
      expect(refused.faults).toEqual([expect.objectContaining(fault)]);
      await gateway.program.says(/configuration refused/);
      expect(gateway.program.output()).toContain(`${theatre.config}:${line}: channels.alipay-main.weight: `);
      expect(await desk.metric('switchyard_config_last_reload_successful')).toBe(0);
      expect((await order()).status).toBe(201);
      expect((await desk.channel('alipay-main')).weight).toBe(100);

      // Asking again says the same, and is counted; the log has it once.
      const asked = await desk.reload();
      expect(asked).toMatchObject({ status: 422, body: { error: 'config_refused', faults: [fault] } });
      expect(await desk.reloads('refused')).toBe(2);
      expect(gateway.program.output().split('configuration refused')).toHaveLength(2);

      await desk.edit(() => inChannel(good, 'alipay-main', 'weight: 100', 'weight: 7'));
      await desk.taken(1);
      expect((await desk.status()).config.refused).toBeNull();
      expect((await desk.channel('alipay-main')).weight).toBe(7);
      expect(await desk.metric('switchyard_config_last_reload_successful')).toBe(1);
    }),
  );

  test(
    'is read again at SIGHUP and when asked, and what says the same changes nothing',
    inScene(async ({ theatre, gateway, desk }) => {
      gateway.program.kill('SIGHUP');
      await soon(async () => (await desk.reloads('unchanged')) === 1);
      expect(await desk.reload()).toMatchObject({ status: 200, body: { outcome: 'unchanged', changes: [] } });
      await desk.edit((yaml) => inChannel(yaml, 'alipay-main', 'rate: 0.6%', 'rate: 0.5%'));
      const answer = await desk.reload();
      const text = 'channels.alipay-main.fee.rate: 0.6% -> 0.5%';
      expect(answer.body).toMatchObject({ outcome: 'accepted', changes: [{ text }] });
      expect((await fetch(`${gateway.adminUrl}/admin/config/reload`, { method: 'POST' })).status).toBe(415);
      expect(readFileSync(theatre.config, 'utf8')).toContain('0.5%');
    }),
  );

  test(
    'is noticed behind links that are exchanged, and in files that it names',
    inScene(async ({ theatre, desk, gateway }) => {
      const generation = async (name: string, key: string): Promise<void> => {
        await mkdir(join(theatre.folder, name));
        await writeFile(join(theatre.folder, name, 'key'), key);
        await symlink(name, join(theatre.folder, 'next'));
        await rename(join(theatre.folder, 'next'), join(theatre.folder, 'current'));
      };
      await generation('one', 'sk_first_key_of_the_shop\n');
      await desk.editMerchants((yaml) => yaml.replace(/secret_keys: .*/, 'secret_keys: ["file:current/key"]'));
      await desk.taken(1);
      const withKey = async (key: string) =>
        (await call('GET', `${gateway.url}/v1/payments`, undefined, { authorization: `Bearer ${key}` })).status;
      expect(await withKey('sk_first_key_of_the_shop')).toBe(200);
      expect(await withKey('sk_sandbox_demo')).toBe(401);
      await generation('two', 'sk_second_key_of_the_shop\n');
      await desk.taken(2);
      expect(await withKey('sk_second_key_of_the_shop')).toBe(200);
      expect(await withKey('sk_first_key_of_the_shop')).toBe(401);
      expect(gateway.program.output()).not.toContain('key_of_the_shop');
      await soon(() => gateway.program.output().split('keys or credentials replaced').length === 3);
    }),
  );

  test(
    'adds a channel, drains it, and lets it go only when nothing of it is open',
    inScene(async ({ gateway, desk, shop, order }) => {
      await desk.edit((yaml) => withChannel(yaml, A_CHANNEL));
      await desk.taken(1);
      const { status, body } = await order({ channel: 'alipay-third' });
      expect(status).toBe(201);
      await desk.edit((yaml) => inChannel(yaml, 'alipay-third', 'mode: sandbox', 'mode: sandbox\n    weight: 0'));
      await desk.taken(2);
      expect((await order({ channel: 'alipay-third' })).status).toBe(422);

      const drained = await desk.edit((yaml) => withoutChannel(yaml, 'alipay-third')).then(() => desk.reload());
      expect(drained.status).toBe(422);
      expect(drained.body.detail).toContain('channels.alipay-third: is gone, but has 1 open payment;');

      // Its money still comes, and counts.
      const paid = { provider_ref: body.attempts[0].provider_ref };
      expect((await desk.control('alipay-third', 'pay', paid)).status).toBe(200);
      await soon(async () => (await gateway.api('GET', `/v1/payments/${body.id}`)).body.status === 'succeeded');
      await soon(() => shop.eventsOf(body.id).length > 0);
      expect(shop.eventsOf(body.id).map(({ type }) => type)).toEqual(['payment.succeeded']);
      expect((await desk.reload()).body).toMatchObject({ outcome: 'accepted' });
      expect((await order({ channel: 'alipay-third' })).status).toBe(422);
      // Its simulator has kept the books.
      expect((await desk.control('alipay-third', `orders?provider_ref=${paid.provider_ref}`)).body.data).toHaveLength(
        1,
      );
    }),
  );

  test(
    'does not turn a channel into another one',
    inScene(async ({ desk }) => {
      await desk.edit((yaml) => inChannel(yaml, 'alipay-backup', 'provider: alipay', 'provider: wechatpay'));
      const answer = await desk.reload();
      expect(answer.body.faults).toEqual([expect.objectContaining({ path: 'channels.alipay-backup.provider' })]);
      expect(answer.body.detail).toContain('cannot change (it runs with alipay)');
      expect((await desk.channel('alipay-backup')).provider).toBe('alipay');
    }),
  );

  test(
    'replaces credentials while calls are under way; those end on the old ones',
    inScene(async ({ theatre, gateway, desk, order }) => {
      const connected = await desk.control('stripe-main', 'connect', { public_url: 'http://127.0.0.1:9' });
      const { credentials } = connected.body;
      const entry = (secrets: readonly string[]) => `  stripe-live:
    provider: stripe
    mode: live
    methods: [card]
    currencies: [CNY]
    fee: { rate: 2.9% }
    timeouts: { create: 9s }
    credentials: ${JSON.stringify({ ...credentials, webhook_secrets: secrets })}
`;
      const [secret] = credentials.webhook_secrets;
      const before = readFileSync(theatre.config, 'utf8');
      await desk.edit((yaml) => withChannel(yaml, entry([secret])));
      await desk.taken(1);
      await desk.control('stripe-main', 'faults', { latency_ms: 1_500 });
      // Beside a live channel, plain http is refused.
      const card = { methods: ['card'], scene: 'redirect', channel: 'stripe-live', notify_url: undefined };
      let answered = 0;
      const underWay = [1, 2, 3, 4].map(() => order(card).finally(() => (answered += 1)));
      await desk.edit(() => withChannel(before, entry([secret, 'whsec_c2Vjb25kLXNlY3JldC1vZi10aGUtYWNjb3VudA=='])));
      const answer = await desk.reload();
      expect(answer.body).toMatchObject({
        outcome: 'accepted',
        changes: [{ text: 'channels.stripe-live.credentials.webhook_secrets: 1 added' }],
      });
      expect(answered).toBe(0);
      for (const { status, body } of await Promise.all(underWay)) expect(status, JSON.stringify(body)).toBe(201);
      expect((await order(card)).status).toBe(201);
      const other = { ...credentials, account: 'acct_anotherAccount42' };
      await desk.edit(() =>
        withChannel(before, entry([secret]).replace(/credentials: .*/, `credentials: ${JSON.stringify(other)}`)),
      );
      expect((await desk.reload()).body.detail).toContain('has the credentials of another account');
      expect(answer.body.changes[0].text).not.toContain(secret);
      const shown = await (await fetch(`${gateway.adminUrl}/admin/config`)).text();
      expect(shown).toContain('stripe-live');
      expect(shown).not.toMatch(/sk_(test|live|sandbox)_|whsec_|sandbox-epay-key/);
    }),
  );

  test(
    'may be saved file by file and bit by bit: nothing of it is refused',
    inScene(async ({ theatre, desk }) => {
      const yaml = readFileSync(theatre.config, 'utf8');
      await desk.editMerchants((text) => text.replace('channels: all', 'channels: [alipay-main, alipay-third]'));
      const whole = withChannel(yaml, A_CHANNEL);
      await writeFile(theatre.config, whole.slice(0, whole.indexOf('currencies')));
      await writeFile(theatre.config, whole);
      await desk.taken(1);
      expect(await desk.reloads('refused')).toBe(0);
      expect(await desk.channel('alipay-third')).toMatchObject({ enabled: true });
    }),
  );

  test(
    'loses no payment of a channel that is taken out while the gateway is down',
    inTheatre(async (theatre) => {
      const elsewhere = await theatre.sandbox();
      const first = await theatre.start({ SANDBOX_URL: elsewhere.url });
      const order = { merchant_order_no: 'R1', amount: 1000, currency: 'CNY', subject: 'Game key', scene: 'qr' };
      const { body } = await first.api('POST', '/v1/payments', { ...order, channel: 'alipay-backup' });
      expect(body.status).toBe('pending');
      first.program.kill('SIGKILL');
      await first.program.ended;

      const yaml = readFileSync(theatre.config, 'utf8');
      writeFileSync(theatre.config, withoutChannel(yaml, 'alipay-backup'));
      const next = await theatre.start({ ...first.place, SANDBOX_URL: elsewhere.url });
      const desk = openDesk(theatre, next);
      const pay = { provider_ref: body.attempts[0].provider_ref };
      const paid = await call('POST', `${elsewhere.url}/_control/channels/alipay-backup/pay`, pay);
      expect(paid.status, JSON.stringify(paid.body)).toBe(200);
      await desk.edit(() => yaml);
      await desk.taken(1);
      const isPaid = async () => (await next.api('GET', `/v1/payments/${body.id}`)).body.status === 'succeeded';
      await soon(isPaid);
    }),
  );

  test(
    'gets the simulator of a new channel from a sandbox elsewhere',
    inTheatre(async (theatre) => {
      const { url } = await theatre.sandbox();
      const gateway = await theatre.start({ SANDBOX_URL: url });
      const desk = openDesk(theatre, gateway);
      await desk.edit((yaml) => withChannel(yaml, A_CHANNEL));
      await desk.taken(1);
      const order = { merchant_order_no: 'R1', amount: 1000, currency: 'CNY', subject: 'Game key', scene: 'qr' };
      const { status } = await gateway.api('POST', '/v1/payments', { ...order, channel: 'alipay-third' });
      expect(status).toBe(201);
      expect((await call('GET', `${url}/_control/channels/alipay-third/orders`)).body.data).toHaveLength(1);
    }),
  );

  test(
    'outlives a kill at any moment: the next start takes what the files say',
    inScene(async ({ theatre, gateway, desk, order }) => {
      const { body } = await order({ channel: 'alipay-main' });
      await desk.edit((yaml) => inChannel(yaml, 'alipay-main', 'weight: 100', 'weight: 0'));
      gateway.program.kill('SIGKILL');
      await gateway.program.ended;
      const next = await theatre.start(gateway.place);
      const again = openDesk(theatre, next);
      expect((await again.channel('alipay-main')).weight).toBe(0);
      await again.control('alipay-main', 'pay', { provider_ref: body.attempts[0].provider_ref });
      await soon(async () => (await next.api('GET', `/v1/payments/${body.id}`)).body.status === 'succeeded');
    }),
  );

  test(
    'that is written a hundred times is taken a few times, and ends as the last one says',
    inScene(async ({ theatre, desk }) => {
      const yaml = readFileSync(theatre.config, 'utf8');
      for (let weight = 1; weight <= 100; weight += 1) {
        await writeFile(theatre.config, inChannel(yaml, 'alipay-main', 'weight: 100', `weight: ${weight * 3}`));
      }
      await soon(async () => (await desk.channel('alipay-main')).weight === 300);
      const looks =
        (await desk.reloads('accepted')) + (await desk.reloads('refused')) + (await desk.reloads('unchanged'));
      expect(looks).toBeLessThan(10);
      const stormed = await Promise.all(Array.from({ length: 50 }, () => desk.reload()));
      expect(new Set(stormed.map(({ status }) => status))).toEqual(new Set([200]));
      expect(await desk.reloads('unchanged')).toBeLessThan(50);
    }),
  );
});
