import { setTimeout as pause } from 'node:timers/promises';
import type { Chance } from './chance.ts';
import type { Cluster, Replica } from './cluster.ts';
import { CHANNELS } from './site.ts';
import type { Traffic } from './traffic.ts';

/** Longer than a lease, and than an attempt that nobody has answered is waited for (both a minute). */
export const LEASE_PASSES_MS = 65_000;

/** A pause is as long as it is then, and the clocks stay as they are: a minute and more each. */
const FOR_REAL = process.env.CHAOS_PAUSES === 'real';

const MOMENTS = ['create', 'choose', 'callback', 'refund', 'webhook', 'any'] as const;
const DISASTERS = [
  ...['kill', 'kill', 'kill', 'freeze', 'redis restart', 'redis stall', 'redis answers lost'],
  ...['mongo cut', 'mongo stall', 'mongo answers lost', 'mongo answers lost', 'mongo restart', 'sandbox kill'],
  ...['sandbox stall', 'sandbox answers lost', 'sandbox answers lost', 'callbacks cut'],
] as const;
export type Disaster = (typeof DISASTERS)[number];

/**
 * Lets something go wrong, at a moment at which somebody does something, and puts it right again; answers what it was. Now and then
 * something else goes wrong meanwhile, with another replica.
 */
export async function disaster(cluster: Cluster, traffic: Traffic, chance: Chance): Promise<string> {
  const first = choose(cluster, chance);
  const found: Choice[] = [first];
  if (chance.happens(0.35)) {
    let second = choose(cluster, chance);
    while (partOf(second) === partOf(first) || second.replica === first.replica) second = choose(cluster, chance);
    found.push(second);
  }
  return (await Promise.all(found.map((each) => happen(each, cluster, traffic, chance.branch())))).join(' + ');
}

interface Choice {
  readonly what: string;
  readonly replica: Replica;
}

function choose(cluster: Cluster, chance: Chance): Choice {
  return {
    what: chance.pick(DISASTERS as unknown as readonly [string, ...string[]]),
    replica: chance.pick(cluster.replicas as readonly [Replica, ...Replica[]]),
  };
}

/** What is broken; the same part twice at once would be put right by the first of the two. */
function partOf({ what }: Choice): string {
  return what.split(' ')[0] ?? what;
}

async function happen({ what, replica }: Choice, cluster: Cluster, traffic: Traffic, chance: Chance): Promise<string> {
  const moment = chance.pick(MOMENTS);
  await pause(chance.below(400));
  await Promise.race([moment === 'any' ? pause(chance.below(500)) : traffic.next(moment), pause(2_000)]);
  await pause(chance.below(25));
  await begin(what, cluster, replica, chance);
  return `${what} (${moment}, ${replica.name})`;
}

async function begin(what: string, cluster: Cluster, replica: Replica, chance: Chance): Promise<void> {
  switch (what) {
    case 'kill':
      await replica.kill();
      await pause(chance.below(500));
      await replica.start();
      return;
    case 'freeze':
      replica.freeze();
      await pause(chance.below(800));
      if (FOR_REAL) await pause(LEASE_PASSES_MS);
      else await cluster.passTime(LEASE_PASSES_MS);
      await pause(1_500 + chance.below(1_500));
      replica.thaw();
      return;
    case 'redis restart':
      await cluster.redis.kill();
      await pause(chance.below(2_000));
      await cluster.redis.start();
      return;
    case 'redis stall':
      replica.toRedis.stall();
      await pause(chance.below(2_000));
      replica.toRedis.pass();
      return;
    case 'redis answers lost':
      replica.toRedis.loseAnswers();
      await pause(chance.below(400));
      replica.toRedis.pass();
      replica.toRedis.cut();
      return;
    case 'mongo cut':
      replica.toMongo.cut();
      return;
    case 'mongo stall':
      replica.toMongo.stall();
      await pause(chance.below(3_000));
      replica.toMongo.pass();
      return;
    case 'mongo answers lost':
      replica.toMongo.loseAnswers();
      await pause(20 + chance.below(400));
      replica.toMongo.cut();
      replica.toMongo.pass();
      return;
    case 'mongo restart':
      await cluster.mongo.outage?.begin();
      await pause(chance.below(1_000));
      await cluster.mongo.outage?.end();
      return;
    case 'sandbox stall':
      replica.toSandbox.stall();
      await pause(chance.below(4_000));
      replica.toSandbox.pass();
      return;
    case 'sandbox answers lost':
      replica.toSandbox.loseAnswers();
      await pause(20 + chance.below(400));
      replica.toSandbox.cut();
      replica.toSandbox.pass();
      return;
    case 'callbacks cut':
      cluster.front.loseAnswers();
      await pause(20 + chance.below(400));
      cluster.front.cut();
      cluster.front.pass();
      return;
    case 'sandbox kill':
      await cluster.sandbox.kill();
      await pause(chance.below(300));
      await cluster.sandbox.start();
      return;
    default:
      throw new Error(what);
  }
}

/** Some channels are slow, lose answers or callbacks, or fail. */
export async function setFaults(cluster: Cluster, chance: Chance): Promise<void> {
  for (const channel of CHANNELS) {
    // Stripe repeats a stored 500 for a day, and a refund that has met one waits for so long (channels/stripe/refund.ts).
    const stripe = channel === 'stripe-main';
    await cluster.control(channel, 'faults', {
      latency_ms: chance.below(150),
      error_rate: stripe ? 0 : chance.pick([0, 0, 0.05]),
      timeout_after_create_rate: chance.pick([0, 0, 0.05]),
      timeout_after_refund_rate: stripe ? 0 : chance.pick([0, 0, 0.1]),
      drop_callbacks: chance.pick([0, 0.1]),
      duplicate_callbacks: chance.pick([0, 1]),
      reorder: chance.happens(0.3),
    });
  }
}

export async function clearFaults(cluster: Cluster): Promise<void> {
  for (const channel of CHANNELS) await cluster.control(channel, 'faults', {});
}
