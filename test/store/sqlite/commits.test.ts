import { renameSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { aPayment, NEW_YEAR, paid } from '../../contract/payments.ts';
import { openTemporaryStore, type TemporaryStore } from './temporary.ts';

let opened: TemporaryStore | undefined;

function open(options: Parameters<typeof openTemporaryStore>[0] = {}): TemporaryStore {
  opened = openTemporaryStore(options);
  return opened;
}

afterEach(async () => {
  await opened?.dispose();
  opened = undefined;
});

const rejected = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.filter((result) => result.status === 'rejected');

describe('writes that wait at the same time', () => {
  test('share one commit', async () => {
    const { store } = open();
    await Promise.all(Array.from({ length: 200 }, () => store.insert(aPayment())));
    expect(store.stats()).toEqual({ commits: 1, writes: 200, failedWrites: 0 });
  });

  test('share a few when they are very many', async () => {
    const { store } = open();
    await Promise.all(Array.from({ length: 1_000 }, () => store.insert(aPayment())));
    expect(store.stats()).toMatchObject({ commits: 4, writes: 1_000 });
  });

  test('soon after a commit wait for others, the first after a pause does not', async () => {
    const { store } = open({ gatherMs: 100 });
    await store.insert(aPayment());
    const soon = store.insert(aPayment());
    for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([soon, store.insert(aPayment())]);
    expect(store.stats()).toEqual({ commits: 2, writes: 3, failedWrites: 0 });
  });

  test('are kept by a store that is closed while they wait', async () => {
    const { store, reopen } = open({ gatherMs: 60_000 });
    await store.insert(aPayment());
    const payment = aPayment();
    const inserted = store.insert(payment);
    const again = await reopen();
    expect((await inserted).outcome).toBe('inserted');
    expect(await again.findById(payment.id)).not.toBeNull();
  });

  test('see each other, in the order of their calls', async () => {
    const { store } = open();
    const payment = aPayment();
    const [started, done] = paid(payment, 'T1');
    const answers = await Promise.all([
      store.insert(payment),
      store.update(started),
      store.update(done),
      store.update(done),
    ]);
    expect(answers.map((a) => a.outcome)).toEqual(['inserted', 'updated', 'updated', 'stale']);
    expect(store.stats().commits).toBe(1);
  });

  test('are not to be seen before their commit', async () => {
    const { store } = open();
    const payment = aPayment();
    const inserted = store.insert(payment);
    expect(await store.findById(payment.id)).toBeNull();
    await inserted;
    expect(await store.findById(payment.id)).not.toBeNull();
  });
});

describe('a write that fails', () => {
  test('takes back what it wrote, and its neighbours are kept', async () => {
    const { store } = open();
    const owner = aPayment();
    const [started, done] = paid(owner, 'T1');
    await Promise.all([store.insert(owner), store.update(started), store.update(done)]);
    const [, thief] = paid(aPayment(), 'T1');
    const neighbours = [aPayment(), aPayment()] as const;
    const results = await Promise.allSettled([
      store.insert(neighbours[0]),
      store.insert(thief), // written, and only then found to name a trade number of another payment
      store.insert(aPayment({ id: owner.id })), // refused by the database itself
      store.insert(neighbours[1]),
    ]);
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    for (const { id } of neighbours) expect(await store.findById(id)).not.toBeNull();
    expect(await store.findById(thief.id)).toBeNull();
    expect(await store.counts()).toMatchObject({ undelivered: 1, webhookBacklog: 1 });
    expect(store.stats()).toEqual({ commits: 2, writes: 5, failedWrites: 2 });
  });

  test('is refused alone when its document must not exist', async () => {
    const { store } = open();
    const payment = aPayment();
    const [refused, kept] = await Promise.allSettled([
      store.insert({ ...payment, nextDueAt: null }),
      store.insert(aPayment()),
    ]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('I8') } });
    expect(kept.status).toBe('fulfilled');
  });
});

describe('a full disk', () => {
  const large = () => aPayment({ metadata: { text: 'x'.repeat(100_000) } });

  test('rejects with what to do and keeps what was acknowledged', async () => {
    const temporary = open({ sizeBytesMax: 2 * 1024 * 1024 });
    const { store } = temporary;
    const acknowledged: string[] = [];
    let failure: unknown;
    for (let i = 0; i < 40 && failure === undefined; i += 1) {
      const payment = large();
      await store.insert(payment).then(
        () => acknowledged.push(payment.id),
        (error: unknown) => {
          failure = error;
        },
      );
    }
    expect(failure).toMatchObject({ message: expect.stringMatching(/no space left; free disk space/) });
    expect(acknowledged.length).toBeGreaterThan(5);
    const reopened = await temporary.reopen();
    for (const id of acknowledged) expect(await reopened.findById(id)).not.toBeNull();
  });

  test('resolves nothing of a batch that was not committed', async () => {
    const { store } = open({ sizeBytesMax: 1024 * 1024 });
    const payments = Array.from({ length: 60 }, large);
    const results = await Promise.allSettled(payments.map((payment) => store.insert(payment)));
    expect(rejected(results).length).toBeGreaterThan(0);
    for (const [i, { id }] of payments.entries()) {
      expect((await store.findById(id)) !== null).toBe(results[i]?.status === 'fulfilled');
    }
  });
});

describe('a database file that is taken away while it is open', () => {
  test('stops all writing until it is back, instead of acknowledging what is lost', async () => {
    const { store, path } = open();
    await store.insert(aPayment());
    renameSync(path, `${path}.away`);
    const results = await Promise.allSettled([store.insert(aPayment()), store.insert(aPayment())]);
    expect(rejected(results)).toHaveLength(2);
    expect(results[0]).toMatchObject({ reason: { message: expect.stringMatching(/removed or replaced/) } });
    await expect(store.ping()).rejects.toThrow(/removed or replaced/);

    renameSync(`${path}.away`, path);
    await expect(store.ping()).resolves.toBeUndefined();
    expect((await store.insert(aPayment())).outcome).toBe('inserted');
  });
});

test('asking for due payments in vain costs no commit', async () => {
  const { store } = open();
  await store.insert(aPayment());
  const claim = { now: NEW_YEAR + 900_000, owner: 'a', leaseMs: 1_000, limit: 10 };
  await store.claimDue({ ...claim, now: NEW_YEAR });
  expect(store.stats().commits).toBe(1);
  expect(await store.claimDue(claim)).toHaveLength(1);
  await store.claimDue(claim);
  expect(store.stats().commits).toBe(1);
});
