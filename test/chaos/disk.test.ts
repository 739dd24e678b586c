import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isListening } from '../e2e/program.ts';
import { eventually } from '../e2e/stage.ts';
import { differencesInEvents, differencesInMoney, readAccounts } from './judge.ts';
import { openShop, type Shop } from './shop.ts';
import { type Answer, openSite, type Site, type SiteOptions } from './site.ts';
import { WAYS } from './traffic.ts';

const SLOW_MS = 120_000;
const MASTER_KEY = randomBytes(32).toString('base64');

/** Runs a command in a mount namespace of its own, with a small file system at the data folder; `first` runs in it before. */
function onSmallDisk(options: string, first = 'true') {
  return (dataDir: string): readonly [string, ...string[]] => {
    mkdirSync(dataDir, { recursive: true });
    const script = `mount -t tmpfs -o ${options} tmpfs "$0" && ${first} && exec "$@"`;
    return ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, dataDir];
  };
}

/** Where the system lets nobody mount, a full disk cannot be made. */
const [unshare, ...onTrial] = onSmallDisk('size=1m')(tmpdir());
const canMount = process.platform === 'linux' && spawnSync(unshare, [...onTrial, 'true']).status === 0;

interface Scene {
  readonly site: Site;
  readonly shop: Shop;
  create(set?: Readonly<Record<string, unknown>>): Promise<Answer>;
  pay(created: Answer): Promise<void>;
  statusOf(created: Answer): Promise<string>;
}

async function inScene(act: (scene: Scene) => Promise<void>, options: SiteOptions = {}): Promise<void> {
  const shop = await openShop();
  const site = await openSite(options);
  let orders = 0;
  const create: Scene['create'] = (set = {}) => {
    orders += 1;
    const order = { merchant_order_no: `D${orders}`, amount: 1_000, currency: 'CNY', subject: 'Game key' };
    return site.api('POST', '/v1/payments', { ...order, ...WAYS[0], notify_url: shop.url, ...set });
  };
  const pay: Scene['pay'] = async ({ body }) => {
    const [{ channel, provider_ref }] = body.attempts;
    expect((await site.control(channel, 'pay', { provider_ref })).status).toBe(200);
  };
  const statusOf: Scene['statusOf'] = async ({ body }) =>
    (await site.api('GET', `/v1/payments/${body.id}`)).body.status;
  try {
    if (!site.sandbox.isRunning()) await site.sandbox.start();
    await act({ site, shop, create, pay, statusOf });
  } finally {
    await site.close();
    await shop.close();
  }
}

/** Starts, and expects that the start is refused with words for the operator, and nothing else. */
async function expectRefusal(site: Site, words: RegExp): Promise<void> {
  const program = site.gateway.spawn();
  expect(await program.ended, program.output()).toEqual({ code: 1, signal: null });
  expect(program.stderr()).toMatch(words);
  expect(program.stderr()).not.toMatch(/\n +at /);
  expect(program.stdout()).not.toMatch(/ready/);
  expect(await isListening(site.url)).toBe(false);
}

describe('while it runs', { timeout: SLOW_MS }, () => {
  test.skipIf(!canMount)(
    'a full disk: nothing is acknowledged that is not kept; with room everything goes on by itself',
    () =>
      inScene(
        async ({ site, shop, create, pay, statusOf }) => {
          const { pid } = await site.gateway.start();
          // The gateway's own view of its file system, from outside of its name space.
          const disk = `/proc/${pid}/root${site.theatre.dataDir}`;
          const before = [await create(), await create(WAYS[1]), await create(WAYS[2])];
          expect(before.map(({ status }) => status)).toEqual([201, 201, 201]);

          fillUp(disk);
          const acknowledged: Answer[] = [];
          const refused: Answer[] = [];
          await eventually(async () => {
            const answer = await create();
            (answer.status === 201 ? acknowledged : refused).push(answer);
            return refused.length >= 5;
          }, 60_000);
          for (const { status, type, body } of refused) {
            expect({ status, type, code: body.code }).toMatchObject({ status: 500, code: 'internal' });
            expect(type).toMatch(/^application\/problem\+json/);
          }
          for (const created of before) await pay(created);
          await eventually(async () => (await callbacks(site, before)).every(({ sent }) => sent > 0));
          expect((await callbacks(site, before)).map(({ acked }) => acked)).toEqual([0, 0, 0]);
          expect(await Promise.all(before.map(statusOf))).toEqual(['pending', 'pending', 'pending']);
          expect(shop.heard.size).toBe(0);
          expect(await readiness(site)).toBe(503);

          rmSync(join(disk, 'filler'));
          await eventually(async () => (await readiness(site)) === 200, 30_000);
          expect((await create()).status).toBe(201);
          await eventually(
            async () => (await Promise.all(before.map(statusOf))).every((status) => status === 'succeeded'),
            60_000,
          );
          for (const created of acknowledged) expect(await statusOf(created)).toBe('pending');
          let differences: readonly string[] = [];
          await eventually(async () => {
            const accounts = await readAccounts(site);
            differences = [...differencesInMoney(accounts), ...differencesInEvents(accounts, shop)];
            return differences.length === 0;
          }, 60_000).catch(() => expect(differences).toEqual([]));
          await eventually(() => isEvidenceWhole(site, disk), 30_000);
        },
        { within: onSmallDisk('size=48m') },
      ),
  );

  test('an evidence log that is taken away: payments go on, and it is begun anew', () =>
    inScene(async ({ site, create, pay, statusOf }) => {
      await site.gateway.start();
      for (const name of ['', '-wal', '-shm'])
        rmSync(join(site.theatre.dataDir, `evidence.db${name}`), { force: true });
      const created = await create();
      await pay(created);
      await eventually(async () => (await statusOf(created)) === 'succeeded');
      await eventually(async () => {
        const verify = site.theatre.run(['evidence', 'verify']);
        return (await verify.ended).code === 0;
      });
    }));

  test('a database that is taken away: nothing is acknowledged any more, and the log says what to do', () =>
    inScene(async ({ site, create }) => {
      const program = await site.gateway.start();
      await create();
      rmSync(join(site.theatre.dataDir, 'switchyard.db'));
      const refused = await create();
      expect(refused).toMatchObject({ status: 500, body: { code: 'internal' } });
      expect(await readiness(site)).toBe(503);
      await program.says(/was removed or replaced while it was open; put it back, or stop the gateway/);
    }));
});

describe('at the start', { timeout: SLOW_MS }, () => {
  let simulatorsOf: Site;
  beforeAll(async () => {
    simulatorsOf = await openSite();
    await simulatorsOf.sandbox.start();
  }, SLOW_MS);
  afterAll(() => simulatorsOf?.close());
  const atStart = (act: (scene: Scene) => Promise<void>, options: SiteOptions = {}): Promise<void> =>
    inScene(act, { ...options, simulatorsOf });

  test.skipIf(!canMount)('a full disk is refused', () =>
    atStart(async ({ site }) => expectRefusal(site, /(disk is full|no space left).*free disk space/), {
      within: onSmallDisk('size=1m', '{ head -c 2000000 /dev/zero >"$0/filler" 2>/dev/null; true; }'),
      gatewayEnv: { MASTER_KEY },
    }),
  );

  test.skipIf(!canMount)('a read-only disk is refused', () =>
    atStart(
      async ({ site }) =>
        expectRefusal(
          site,
          /give the user .* write access|set DATA_DIR to a writable directory|check that its directory .* belongs to the user/,
        ),
      { within: onSmallDisk('ro'), gatewayEnv: { MASTER_KEY } },
    ),
  );

  test('a data folder that cannot be made is refused', () =>
    atStart(async ({ site }) => {
      writeFileSync(site.theatre.dataDir, '');
      await expectRefusal(site, /data.*(cannot be|is not|below a file|ENOTDIR|EEXIST)/);
    }));

  const damages: readonly [string, (db: string) => void, RegExp][] = [
    ['replaced by noise', (db) => writeFileSync(db, randomBytes(50_000)), /is damaged|is not a SQLite database/],
    ['replaced by a text', (db) => writeFileSync(db, 'hello\n'), /is damaged|is not a SQLite database/],
    ['emptied', (db) => writeFileSync(db, ''), /is empty, which no database is; restore a backup/],
    [
      'missing beside its log',
      (db) => rmSync(db),
      /is missing, and .*-wal beside it holds payments; put the database back/,
    ],
    [
      'cut off, its log lost',
      (db) => {
        truncateSync(db, 10_000);
        rmSync(`${db}-wal`);
      },
      /is damaged|is cut off/,
    ],
    ['damaged in its log', (db) => scribble(`${db}-wal`, 5_000), /-wal is damaged, and \d+ commits follow the damage/],
  ];
  test.each(damages)('a database that is %s is refused', (_, damage, words) =>
    atStart(async ({ site, create }) => {
      await site.gateway.start();
      for (let i = 0; i < 4; i += 1) expect((await create()).status).toBe(201);
      await site.gateway.kill();
      damage(join(site.theatre.dataDir, 'switchyard.db'));
      await expectRefusal(site, words);
    }),
  );

  test('a database that is cut off under its log is not served from: no answer that could be false', () =>
    atStart(async ({ site, create }) => {
      await site.gateway.start();
      for (let i = 0; i < 4; i += 1) expect((await create()).status).toBe(201);
      await site.gateway.kill();
      truncateSync(join(site.theatre.dataDir, 'switchyard.db'), 10_000);
      const program = site.gateway.spawn();
      await program.says(/is damaged; stop the gateway, keep a copy, and restore a backup/);
      const answer = await create().catch(() => null);
      expect(answer?.status ?? 500).toBe(500);
      expect(await readiness(site).catch(() => 503)).toBe(503);
    }));

  test('a log that lost its end: what is left is whole, and the provider tells the rest to whoever asks', () =>
    atStart(async ({ site, create, statusOf }) => {
      await site.gateway.start();
      const created = [];
      for (let i = 0; i < 6; i += 1) created.push(await create());
      await site.gateway.kill();
      const log = join(site.theatre.dataDir, 'switchyard.db-wal');
      truncateSync(log, Math.floor(statSync(log).size / 2) + 100);
      await site.gateway.start();
      const first = created[0];
      expect(first && (await statusOf(first))).toBe('pending');
      expect((await create()).status).toBe(201);
      // The shop repeats what it does not find.
      expect((await create({ merchant_order_no: 'D6' })).status).toBeLessThan(300);
    }));

  const useless: readonly [string, (path: string) => void][] = [
    ['noise', (path) => writeFileSync(path, randomBytes(50_000))],
    ['a folder', (path) => mkdirSync(path)],
  ];
  test.each(useless)('an evidence log that is %s stops nothing, and is reported', (_, spoil) =>
    atStart(async ({ site, create, pay, statusOf }) => {
      mkdirSync(site.theatre.dataDir, { recursive: true });
      spoil(join(site.theatre.dataDir, 'evidence.db'));
      const program = await site.gateway.start();
      const created = await create();
      await pay(created);
      await eventually(async () => (await statusOf(created)) === 'succeeded');
      await program.says(/trouble with the evidence log; payments go on/);
    }),
  );
});

function fillUp(disk: string): void {
  for (;;) {
    const { bavail, bsize } = statfsSync(disk);
    const bytes = Math.min(1_000_000, bavail * bsize);
    if (bytes <= 0) return;
    appendFileSync(join(disk, 'filler'), Buffer.alloc(bytes));
  }
}

/** Of a copy, since nobody outside of the name space can open its files in place. */
async function isEvidenceWhole(site: Site, disk: string): Promise<boolean> {
  const copy = join(site.theatre.folder, 'copy');
  mkdirSync(copy, { recursive: true });
  for (const name of ['evidence.db', 'evidence.db-wal']) cpSync(join(disk, name), join(copy, name));
  const verify = site.theatre.run(['evidence', 'verify'], { DATA_DIR: copy });
  const { code } = await verify.ended;
  return code === 0 && / [1-9]\d+ rows/.test(verify.stdout());
}

function scribble(path: string, at: number): void {
  writeSync(openSync(path, 'r+'), randomBytes(1_000), 0, 1_000, at);
}

async function readiness(site: Site): Promise<number> {
  return (await fetch(`${site.adminUrl}/readyz`)).status;
}

/** How often the provider has called back about these orders, and how often that was acknowledged. */
function callbacks(site: Site, created: readonly Answer[]): Promise<readonly { sent: number; acked: number }[]> {
  return Promise.all(
    created.map(async ({ body }) => {
      const [{ channel, provider_ref }] = body.attempts;
      const answer = await site.control(channel, `orders?provider_ref=${provider_ref}`);
      const [order] = answer.body.data;
      return { sent: order.callbacks_sent, acked: order.callbacks_acked };
    }),
  );
}
