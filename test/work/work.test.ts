import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, openTheatre, type Theatre } from '../e2e/program.ts';
import { openShop, type Shop } from '../e2e/shop.ts';
import { call, eventually } from '../e2e/stage.ts';

/** What the gateway's own process does for one thing that is asked of it. */
interface Work {
  /** Transactions of the payments' database, each of which waits for the disk. */
  readonly commits: number;
  /** Statements of that database, without those that look for work in vain and those that begin or end a transaction. */
  readonly statements: number;
  readonly providerCalls: number;
  readonly shopCalls: number;
  readonly rsaSigned: number;
  readonly rsaVerified: number;
  readonly keysParsed: number;
  readonly logLines: number;
  /** Files that it waited to be on the disk, besides the databases'. */
  readonly filesSynced: number;
  readonly evidenceEntries: number;
}

/** So often is a thing done; the least of the counts leaves out what the gateway happens to do by itself meanwhile. */
const REPEATS = 5;

let theatre: Theatre;
let shop: Shop;
let sandboxUrl: string;
let gateway: Gateway;

beforeAll(async () => {
  [theatre, shop] = await Promise.all([openTheatre({ editConfig: oneChannel }), openShop()]);
  sandboxUrl = (await theatre.sandbox()).url;
  gateway = await theatre.start({
    NODE_OPTIONS: `--import ${join(import.meta.dirname, 'counting-process.ts')}`,
    SANDBOX_URL: sandboxUrl,
    LOG_LEVEL: 'info',
  });
  await take(1); // what only the first payment needs
});

afterAll(async () => {
  await theatre.close();
  await shop.close();
});

/**
 * Counted and not timed, so that the answer is the same on every machine, however busy. The figures are what it takes today: one that
 * has to grow is a decision, and one that shrinks is lowered here.
 */
describe('the work', () => {
  test('of a whole payment', async () => {
    expectAtMost(await workOf(takePayment), {
      ...{ commits: 4, statements: 23, providerCalls: 1, shopCalls: 1 },
      ...{ rsaSigned: 1, rsaVerified: 2, keysParsed: 0, logLines: 6, filesSynced: 0, evidenceEntries: 5 },
    });
  });

  test('of a whole refund', async () => {
    const paid = await take(REPEATS);
    // Its notice comes while its answer is being written: which one is first decides on a statement or two, nearly always 25.
    expectAtMost(await workOf(() => refund(paid.pop() ?? '')), {
      ...{ commits: 3, statements: 28, providerCalls: 1, shopCalls: 1 },
      ...{ rsaSigned: 1, rsaVerified: 2, keysParsed: 0, logLines: 6, filesSynced: 0, evidenceEntries: 5 },
    });
  });
});

/** Idle channels are asked now and then whether they are there, which would be counted too. */
function oneChannel(yaml: string): string {
  const others = yaml.indexOf('\n  alipay-backup:');
  return yaml.slice(0, others) + yaml.slice(others).replaceAll('enabled: true', 'enabled: false');
}

function expectAtMost(work: Work, limits: Work): void {
  process.stdout.write(`${JSON.stringify(work)}\n`);
  const above = perKind((kind) => Math.max(work[kind], limits[kind]));
  expect(above).toEqual(limits);
  // Whoever breaks the counting must not pass by it.
  expect(
    Math.min(work.commits, work.providerCalls, work.rsaSigned, work.logLines, work.evidenceEntries),
  ).toBeGreaterThan(0);
}

async function take(payments: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < payments; i += 1) ids.push(await takePayment());
  return ids;
}

/** A payment from its creation to its event at the shop. */
async function takePayment(): Promise<string> {
  const { body: created } = await gateway.api('POST', '/v1/payments', {
    ...{ merchant_order_no: `W${shop.events.length}`, amount: 1_000, currency: 'CNY', methods: ['alipay'] },
    ...{ scene: 'qr', subject: 'Game key', notify_url: shop.url },
  });
  const [{ channel, provider_ref }] = created.attempts;
  await call('POST', `${sandboxUrl}/_control/channels/${channel}/pay`, { provider_ref });
  await eventually(() => shop.eventsOf(created.id).some(({ type }) => type === 'payment.succeeded'));
  return created.id;
}

async function refund(paymentId: string): Promise<void> {
  await gateway.api('POST', `/v1/payments/${paymentId}/refunds`, { amount: 1_000, merchant_refund_no: paymentId });
  await eventually(() => shop.eventsOf(paymentId).some(({ type }) => type === 'refund.succeeded'));
}

/** The least of each count over some repeats. */
async function workOf(act: () => Promise<unknown>): Promise<Work> {
  const runs: Work[] = [];
  for (let i = 0; i < REPEATS; i += 1) {
    const before = await settled();
    await act();
    const after = await settled();
    runs.push(perKind((kind) => after[kind] - before[kind]));
  }
  return perKind((kind) => Math.min(...runs.map((run) => run[kind])));
}

function perKind(value: (kind: keyof Work) => number): Work {
  return {
    ...{ commits: value('commits'), statements: value('statements') },
    ...{ providerCalls: value('providerCalls'), shopCalls: value('shopCalls') },
    ...{ rsaSigned: value('rsaSigned'), rsaVerified: value('rsaVerified'), keysParsed: value('keysParsed') },
    ...{ logLines: value('logLines'), filesSynced: value('filesSynced') },
    evidenceEntries: value('evidenceEntries'),
  };
}

/** The counts once nothing is done any more. */
async function settled(): Promise<Work> {
  let last = '';
  return eventually(async () => {
    const work = await workSoFar();
    const same = JSON.stringify(work) === last;
    last = JSON.stringify(work);
    return same && work;
  });
}

async function workSoFar(): Promise<Work> {
  const counts = await counted();
  const sum = (pattern: RegExp): number =>
    [...counts].reduce((total, [what, times]) => (pattern.test(what) ? total + times : total), 0);
  return {
    commits: sum(/^switchyard\.db: COMMIT/),
    statements: sum(/^switchyard\.db: (?!BEGIN|COMMIT|SELECT pk FROM payments INDEXED BY payments_due)/),
    providerCalls: sum(new RegExp(`^request ${sandboxUrl}`)),
    shopCalls: sum(new RegExp(`^request ${new URL(shop.url).origin}`)),
    rsaSigned: sum(/^rsa signed/),
    rsaVerified: sum(/^rsa verified/),
    keysParsed: sum(/^key parsed/),
    logLines: gateway.program.stdout().match(/^\{/gm)?.length ?? 0,
    filesSynced: sum(/^file synced/),
    evidenceEntries: sum(/^evidence\.db: INSERT INTO entries/),
  };
}

let asked = 0;

/** Everything that the process has counted since its start, by name. */
async function counted(): Promise<ReadonlyMap<string, number>> {
  const turn = asked;
  asked += 1;
  gateway.program.kill('SIGUSR2');
  return new Map(
    JSON.parse(await eventually(() => [...gateway.program.stderr().matchAll(/^WORK (.*)\n/gm)][turn]?.[1])),
  );
}
