import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, expect, test } from 'vitest';
import { type Chance, chanceOf } from './chance.ts';
import { differencesInEvents, differencesInMoney, readAccounts, unfinished, unknownTo } from './judge.ts';
import { openShop, type Shop } from './shop.ts';
import { aMoment, CHANNELS, openSite, type Service, type Site } from './site.ts';
import { openTraffic, type Traffic } from './traffic.ts';

/**
 * Real processes are killed, at moments that chance chooses, under a shop that never stops selling. `CHAOS_SEED` repeats the
 * choices of a run (not its timing, which is the machine's), `CHAOS_ROUNDS` makes it longer.
 */
const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));
/** At which something is killed; each comes up as often as the others. */
const MOMENTS = ['start-up', 'create', 'choose', 'callback', 'refund', 'webhook', 'any', 'sandbox'] as const;
const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 3 * MOMENTS.length);
/** Per round; a busy machine starts a gateway in several seconds. */
const ROUND_MS_MAX = 20_000;
const SETTLING_MS_MAX = 120_000;

const say = (text: string): void =>
  void process.stdout.write(`crash, ${Math.round(performance.now() / 1_000)} s: ${text}\n`);
const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

test(
  `${ROUNDS} times kill -9: every payment, refund and event is as the providers and the shop know it`,
  async () => {
    say(`CHAOS_SEED=${SEED}, ${ROUNDS} rounds`);
    const chance = chanceOf(SEED);
    const { site, shop } = await openStage(chance.branch());
    const traffic = openTraffic({ site, shop, chance: chance.branch(), ratePerS: 6 });
    await site.sandbox.start();
    // Only a process that ends in order leaves what it has compiled to the next ones.
    await site.gateway.start();
    await stopInOrder(site);
    traffic.start();

    const killed = new Map<string, number>();
    const moments: (typeof MOMENTS)[number][] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round % 5 === 1) await setFaults(site, chance);
      if (moments.length === 0) moments.push(...chance.shuffle(MOMENTS));
      const moment = moments.pop() ?? 'any';
      await killOnce(moment, site, traffic, chance);
      killed.set(moment, (killed.get(moment) ?? 0) + 1);
    }
    await site.gateway.start();
    await clearFaults(site);
    shop.answerBy(() => ({ status: 200 }));
    say('everything works from now on');
    await traffic.finish();
    say(
      `killed ${JSON.stringify(Object.fromEntries(killed))}; ${traffic.created.size} orders, ${traffic.paid()} paid, ${traffic.paidTwice.size} of them twice`,
    );

    await expectAgreement(site, shop, traffic);
    await expectSoundFiles(site);
  },
  ROUNDS * ROUND_MS_MAX + SETTLING_MS_MAX,
);

async function openStage(chance: Chance): Promise<{ site: Site; shop: Shop }> {
  const shop = await openShop();
  closers.push(() => shop.close());
  // A shop that is down or slow now and then; no event meets more than two failures, after which it waits for minutes.
  shop.answerBy((_, delivery) => {
    if (delivery === 1 && chance.happens(0.15)) return { status: 503 };
    if (delivery === 2 && chance.happens(0.1)) return { status: 500, afterMs: 300 };
    return { status: 200, afterMs: chance.happens(0.2) ? chance.below(1_000) : 0, body: '{"fulfilment":"delivered"}' };
  });
  const site = await openSite({
    editConfig: (yaml) => yaml.replace('paid_known_within: 60s', 'paid_known_within: 10s'),
  });
  closers.push(() => site.close());
  return { site, shop };
}

/** Some of the channels answer slowly, lose answers or fail for a while. */
async function setFaults(site: Site, chance: Chance): Promise<void> {
  for (const channel of CHANNELS) {
    await site.control(channel, 'faults', {
      latency_ms: chance.below(200),
      // Stripe repeats a stored 500 for a day, and a refund that has met one waits for so long (channels/stripe/refund.ts).
      error_rate: channel === 'stripe-main' ? 0 : chance.pick([0, 0, 0.05]),
      drop_callbacks: chance.pick([0, 0.1]),
      duplicate_callbacks: chance.pick([0, 1]),
      reorder: chance.happens(0.3),
    });
  }
}

async function clearFaults(site: Site): Promise<void> {
  for (const channel of CHANNELS) await site.control(channel, 'faults', {});
}

/** Kills the gateway, or both, once. Afterwards the sandbox serves and the gateway does not. */
async function killOnce(moment: (typeof MOMENTS)[number], site: Site, traffic: Traffic, chance: Chance): Promise<void> {
  if (moment === 'start-up') {
    const half = site.gateway.spawn();
    await Promise.race([half.ended, pause(chance.below(1_500))]);
    return site.gateway.kill();
  }
  await site.gateway.start();
  await pause(chance.below(600));
  const wanted = moment === 'any' || moment === 'sandbox' ? pause(chance.below(600)) : traffic.next(moment);
  await Promise.race([wanted, pause(2_000)]);
  await pause(chance.below(20));
  if (moment === 'sandbox') await killSandboxFirst(site.sandbox, chance);
  await site.gateway.kill();
}

async function killSandboxFirst(sandbox: Service, chance: Chance): Promise<void> {
  await sandbox.kill();
  await pause(chance.below(300));
  await sandbox.start();
}

/** Waits until nothing is left to do, which is when all books agree; after that nothing may disagree any more. */
async function expectAgreement(site: Site, shop: Shop, traffic: Traffic): Promise<void> {
  const startedAt = Date.now();
  let differences: readonly string[] = [];
  // Nobody waits for an order that was never shown, so the next question about it is planned for much later: the shop asks now.
  for (const id of traffic.paidTwice) await site.api('POST', `/v1/payments/${id}/sync`);
  do {
    await aMoment(500);
    const accounts = await readAccounts(site);
    differences = [
      ...differencesInMoney(accounts),
      ...differencesInEvents(accounts, shop),
      ...unfinished(await site.metrics()),
      ...unknownTo(traffic, accounts.payments),
    ];
  } while (differences.length > 0 && Date.now() - startedAt < SETTLING_MS_MAX);
  await tellStories(site, [...differences, ...(await idsOf(site, traffic.complaints))]);
  say(`agreement after ${Date.now() - startedAt} ms; ${shop.heard.size} events`);
  expect(differences).toEqual([]);
  expect(traffic.complaints).toEqual([]);
  expect(traffic.created.size).toBeGreaterThan(ROUNDS);
  expect(traffic.paid()).toBeGreaterThan(ROUNDS / 2);
}

/** What happened to the first payments that differ: a run cannot be repeated, so it has to tell now. */
async function tellStories(site: Site, differences: readonly string[]): Promise<void> {
  const ids = new Set(differences.flatMap((difference) => /pay_[0-9a-z]{26}/.exec(difference)?.[0] ?? []));
  for (const id of [...ids].slice(0, 3)) {
    const story = site.theatre.run(['payments', 'show', id]);
    await story.ended;
    say(story.output());
  }
  if (ids.size > 0) say(site.gateway.program().output().slice(-20_000));
}

/** The payments of the orders that complaints name by the shop's number. */
async function idsOf(site: Site, complaints: readonly string[]): Promise<readonly string[]> {
  const orderNos = complaints.flatMap((complaint) => /^create (\w+)/.exec(complaint)?.[1] ?? []);
  const found = await Promise.all(
    orderNos.slice(0, 3).map((orderNo) => site.api('GET', `/v1/payments?merchant_order_no=${orderNo}`)),
  );
  return found.flatMap(({ body }) => body.data?.map(({ id }: { id: string }) => id) ?? []);
}

async function expectSoundFiles(site: Site): Promise<void> {
  await stopInOrder(site);
  for (const name of ['switchyard.db', 'evidence.db']) {
    const db = new Database(join(site.theatre.dataDir, name), { readonly: true });
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    db.close();
  }
  const verify = site.theatre.run(['evidence', 'verify']);
  expect(await verify.ended, verify.output()).toEqual({ code: 0, signal: null });
  say(verify.stdout().trim());
}

async function stopInOrder(site: Site): Promise<void> {
  const program = site.gateway.program();
  program.kill('SIGTERM');
  expect(await program.ended, program.output()).toEqual({ code: 0, signal: null });
}
