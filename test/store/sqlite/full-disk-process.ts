import { appendFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../../src/store/sqlite/index.ts';
import { aPayment } from '../../contract/payments.ts';

/**
 * Lets a store run into a disk that is really full: `full-disk-process.ts <mount point of a small file system>`. Prints one report
 * per amount of room that was left, and what became of closing and of opening without room, as JSON.
 */
const [disk] = process.argv.slice(2);
if (disk === undefined) throw new Error('usage: full-disk-process.ts <mount point>');
const path = join(disk, 'switchyard.db');
const filler = join(disk, 'filler');

export interface FullDiskReport {
  readonly rounds: readonly {
    readonly leftBytes: number;
    readonly failures: readonly string[];
    readonly ping: string;
    /** Payments that were acknowledged and are not there while the disk is full. */
    readonly missing: number;
    /** What the store says to a write once there is room again, before anybody asked whether it works. */
    readonly afterwards: string;
  }[];
  readonly closed: string;
  readonly openedWithoutRoom: string;
  readonly missingAfterReopening: number;
  readonly acknowledged: number;
}

function fillUp(leaveBytes: number): void {
  for (;;) {
    const { bavail, bsize } = statfsSync(disk ?? '');
    const bytes = Math.min(65_536, bavail * bsize - leaveBytes);
    if (bytes <= 0) return;
    appendFileSync(filler, Buffer.alloc(bytes));
  }
}

const messageOf = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown));
const told = async (work: () => unknown) => {
  try {
    await work();
    return 'ok';
  } catch (thrown) {
    return messageOf(thrown);
  }
};

const acknowledged: string[] = [];
let store = openSqliteStore({ path });
const insert = async () => {
  const payment = aPayment();
  await store.insert(payment);
  acknowledged.push(payment.id);
};
const missing = async () => {
  const found = await Promise.all(acknowledged.map((id) => store.findById(id)));
  return found.filter((stored) => stored === null).length;
};

const rounds: FullDiskReport['rounds'][number][] = [];
for (const leftBytes of [0, 4_096, 40_960, 262_144]) {
  fillUp(leftBytes);
  const failures = new Set<string>();
  for (let i = 0; i < 60; i += 1) {
    for (const answer of await Promise.allSettled([insert(), insert(), insert()])) {
      if (answer.status === 'rejected') failures.add(messageOf(answer.reason));
    }
  }
  const ping = await told(() => store.ping());
  const missingNow = await missing();
  rmSync(filler);
  rounds.push({ leftBytes, failures: [...failures], ping, missing: missingNow, afterwards: await told(insert) });
}
await insert();
fillUp(0);
const closed = await told(() => store.close());
const openedWithoutRoom = await told(() => {
  store = openSqliteStore({ path });
});
rmSync(filler);
if (openedWithoutRoom !== 'ok') store = openSqliteStore({ path });
const report: FullDiskReport = {
  rounds,
  closed,
  openedWithoutRoom,
  missingAfterReopening: await missing(),
  acknowledged: acknowledged.length,
};
await store.close();
process.stdout.write(JSON.stringify(report));
