import { afterEach, describe, expect, inject, test } from 'vitest';
import { eventually } from '../e2e/stage.ts';
import { startMongo } from '../services/mongo.ts';
import { type Chance, chanceOf } from './chance.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { clearFaults, disaster, LEASE_PASSES_MS, setFaults } from './disasters.ts';
import { differencesInEvents, differencesInMoney, readAccounts, unfinished, unknownTo } from './judge.ts';
import { openShop, type Shop } from './shop.ts';
import { aMoment } from './site.ts';
import { openTraffic, type Traffic } from './traffic.ts';

/**
 * Three gateways on one database: they are killed and frozen, and what they share is cut, stalled and emptied, while a shop sells. As in
 * crash.test.ts the seed repeats the choices of a run and not its timing: `CHAOS_SEEDS=1,2,3 CHAOS_ROUNDS=30`. With `CHAOS_PAUSES=real` who is
 * frozen stays so for longer than a lease, and no clock is moved for it.
 */
const SEEDS = (process.env.CHAOS_SEEDS ?? String(Math.floor(Math.random() * 1e9))).split(',').map(Number);
const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 4);
/** Far more than it takes on an idle machine: a start of a process alone may take a minute on a busy one. */
const ROUND_MS_MAX = 90_000;
const START_MS_MAX = 120_000;
const SETTLING_MS_MAX = 180_000;
/** After so long without agreement the clocks move on, so that leases and attempts of the dead run out. */
const TIME_PASSES_EVERY_MS = 10_000;

const redis = inject('redis');
const probe = await startMongo();
if ('stop' in probe) await probe.stop();

const say = (text: string): void =>
  void process.stdout.write(`replicas, ${Math.round(performance.now() / 1_000)} s: ${text}\n`);
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe.skipIf('missing' in redis || 'missing' in probe)('three replicas', () => {
  test.each(SEEDS)(
    'whatever of them dies, freezes or is cut off, all books agree in the end (CHAOS_SEEDS=%i)',
    { timeout: START_MS_MAX + ROUNDS * ROUND_MS_MAX + SETTLING_MS_MAX * 2 },
    async (seed) => {
      const chance = chanceOf(seed);
      const { cluster, shop } = await openStage(chance.branch());
      const traffic = openTraffic({ site: cluster, shop, chance: chance.branch(), ratePerS: 4 });
      await cluster.sandbox.start();
      await Promise.all(cluster.replicas.map((replica) => replica.start()));
      say(`seed ${seed}: begun`);
      traffic.start();
      for (let round = 0; round < ROUNDS; round += 1) {
        if (round % 4 === 1) await setFaults(cluster, chance);
        say(`seed ${seed}: ${await disaster(cluster, traffic, chance)}`);
      }
      await eventually(() => traffic.paid() > ROUNDS, SETTLING_MS_MAX);
      await clearFaults(cluster);
      shop.answerBy(() => ({ status: 200 }));
      await expectAgreement(cluster, shop, traffic);
    },
  );
});

async function openStage(chance: Chance): Promise<{ cluster: Cluster; shop: Shop }> {
  const shop = await openShop({ anyTime: true });
  closers.push(() => shop.close());
  shop.answerBy((_, delivery) => {
    if (delivery === 1 && chance.happens(0.1)) return { status: 503 };
    return { status: 200, afterMs: chance.happens(0.2) ? chance.below(1_000) : 0, body: '{"fulfilment":"delivered"}' };
  });
  const cluster = await openCluster({
    chance,
    redisProgram: 'path' in redis ? redis.path : '',
    editConfig: (yaml) => yaml.replaceAll('400ms', '2s').replace('paid_known_within: 60s', 'paid_known_within: 10s'),
  });
  closers.push(() => cluster.close());
  return { cluster, shop };
}

async function expectAgreement(cluster: Cluster, shop: Shop, traffic: Traffic): Promise<void> {
  const startedAt = Date.now();
  let differences: readonly string[] = ['not looked at'];
  let ended = false;
  const finishing = traffic.finish().then(() => {
    ended = true;
  });
  let movedAt = 0;
  do {
    if (Date.now() - movedAt > TIME_PASSES_EVERY_MS) {
      await cluster.passTime(LEASE_PASSES_MS);
      movedAt = Date.now();
    }
    await aMoment(500);
    if (!ended) continue;
    differences = await differencesNow(cluster, shop, traffic).catch((thrown: unknown) => [String(thrown)]);
  } while (differences.length > 0 && Date.now() - startedAt < SETTLING_MS_MAX);
  await Promise.race([finishing, aMoment(1_000)]);
  const crashed = cluster
    .output()
    .split('\n')
    .filter((line) => line.includes('cannot be trusted') || (line.includes('request crashed') && !isOutage(line)));
  await tell(cluster, [...differences, ...traffic.complaints, ...cluster.faults, ...crashed]);
  say(
    `agreement after ${Date.now() - startedAt} ms; ${traffic.created.size} orders, ${traffic.paid()} paid, ${shop.heard.size} events`,
  );
  expect(differences).toEqual([]);
  // A browser does not ask another replica by itself.
  expect(traffic.complaints.filter((each) => !/^choose for pay_\w+: 503$/.test(each))).toEqual([]);
  expect(cluster.faults).toEqual([]);
  expect(crashed).toEqual([]);
  expect(traffic.paid()).toBeGreaterThan(ROUNDS);
}

async function differencesNow(cluster: Cluster, shop: Shop, traffic: Traffic): Promise<readonly string[]> {
  const accounts = await readAccounts(cluster);
  for (const id of traffic.paidTwice) await cluster.api('POST', `/v1/payments/${id}/sync`);
  return [
    ...differencesInMoney(accounts),
    ...differencesInEvents(accounts, shop),
    ...unfinished(await cluster.metrics()),
    ...unknownTo(traffic, accounts.payments),
  ];
}

/** What is answered with 503 is logged with its cause, as any other request that came to nothing. */
function isOutage(line: string): boolean {
  return line.includes('"type":"StoreUnavailable"');
}

/** A run cannot be repeated, so it has to tell now what happened. */
async function tell(cluster: Cluster, found: readonly string[]): Promise<void> {
  if (found.length === 0) return;
  const ids = new Set(found.flatMap((each) => /pay_[0-9a-z]{26}/.exec(each)?.[0] ?? []));
  for (const id of [...ids].slice(0, 3)) {
    const { body } = await cluster.api('GET', `/v1/payments/${id}`);
    say(JSON.stringify(body, null, 1));
  }
  say(found.slice(0, 20).join('\n'));
  say(cluster.output().slice(-60_000));
}
