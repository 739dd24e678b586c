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

/**
 * The figures are what it takes today: one that has to grow is a decision, and one that shrinks is lowered here. Bytes are of the
 * JavaScript heap and vary by a few per cent with what V8 has compiled: a fifth more than was measured.
 */
const LIMITS = {
  payment: {
    ...{ commits: 4, statements: 22, providerCalls: 1, shopCalls: 1 },
    ...{ rsaSigned: 1, rsaVerified: 2, keysParsed: 0, logLines: 6, filesSynced: 0, evidenceEntries: 5 },
  },
  // Its notice comes while its answer is being written: which one is first decides on a statement or two, nearly always 25.
  refund: {
    ...{ commits: 3, statements: 28, providerCalls: 1, shopCalls: 1 },
    ...{ rsaSigned: 1, rsaVerified: 2, keysParsed: 0, logLines: 6, filesSynced: 0, evidenceEntries: 5 },
  },
  createHeapBytes: 330_000,
  callbackHeapBytes: 305_000,
} as const;

/** Bytes are counted over batches of payments, each short enough that the gateway asks for none of them by itself. */
const BATCHES = { warmUp: 4, counted: 9, payments: 25 };

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

/** Counted and not timed, so that the answer is the same on every machine, however busy. */
describe('the work', () => {
  test('of a whole payment', async () => {
    expectAtMost(await workOf(takePayment), LIMITS.payment);
  });

  test('of a whole refund', async () => {
    const paid = await take(REPEATS);
    expectAtMost(await workOf(() => refund(paid.pop() ?? '')), LIMITS.refund);
  });

  test('in memory, of a creation and of a callback with its event', { timeout: 60_000 }, async () => {
    const batches: HeapBytes[] = [];
    for (let i = 0; i < BATCHES.warmUp + BATCHES.counted; i += 1) batches.push(await heapBytesOfBatch());
    const counted = batches.slice(BATCHES.warmUp);
    const create = median(counted.map((batch) => batch.create));
    const callback = median(counted.map((batch) => batch.callback));
    process.stdout.write(`${JSON.stringify({ createHeapBytes: create, callbackHeapBytes: callback })}\n`);
    expect(create).toBeLessThanOrEqual(LIMITS.createHeapBytes);
    expect(callback).toBeLessThanOrEqual(LIMITS.callbackHeapBytes);
    // Whoever breaks the counting must not pass by it.
    expect(Math.min(create, callback)).toBeGreaterThan(10_000);
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

interface Created {
  readonly id: string;
  readonly attempts: readonly { readonly channel: string; readonly provider_ref: string }[];
}

/** A payment from its creation to its event at the shop. */
async function takePayment(): Promise<string> {
  const created = await create();
  await pay(created);
  await eventually(() => isTold(created));
  return created.id;
}

let orders = 0;

async function create(): Promise<Created> {
  orders += 1;
  const { body } = await gateway.api('POST', '/v1/payments', {
    ...{ merchant_order_no: `W${orders}`, amount: 1_000, currency: 'CNY', methods: ['alipay'] },
    ...{ scene: 'qr', subject: 'Game key', notify_url: shop.url },
  });
  return body;
}

async function pay({ attempts }: Created): Promise<void> {
  const [{ channel, provider_ref } = { channel: '', provider_ref: '' }] = attempts;
  await call('POST', `${sandboxUrl}/_control/channels/${channel}/pay`, { provider_ref });
}

function isTold({ id }: Created): boolean {
  return shop.eventsOf(id).some(({ type }) => type === 'payment.succeeded');
}

/** Per payment. */
interface HeapBytes {
  readonly create: number;
  readonly callback: number;
}

async function heapBytesOfBatch(): Promise<HeapBytes> {
  const before = await heapBytes();
  const created: Created[] = [];
  for (let i = 0; i < BATCHES.payments; i += 1) created.push(await create());
  const between = await heapBytes();
  for (const payment of created) await pay(payment);
  await eventually(() => created.every(isTold));
  const after = await heapBytes();
  const perPayment = (bytes: number): number => Math.round(bytes / BATCHES.payments);
  return { create: perPayment(between - before), callback: perPayment(after - between) };
}

async function heapBytes(): Promise<number> {
  await settled();
  return (await counted()).get('heap bytes') ?? 0;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
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
