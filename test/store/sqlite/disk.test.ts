import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteReader, openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/index.ts';
import { aPayment, MERCHANT, NEW_YEAR } from '../../contract/payments.ts';
import type { FullDiskReport } from './full-disk-process.ts';
import { makeTemporaryDirectory } from './temporary.ts';

let directory: ReturnType<typeof makeTemporaryDirectory>;
let path: string;

beforeEach(() => {
  directory = makeTemporaryDirectory();
  path = join(directory.path, 'data', 'switchyard.db');
});

afterEach(() => directory.remove());

const NO_SPACE = /no space left; free disk space/;

/** Runs a command in a mount namespace of its own, with a file system of 2 MiB at the directory. */
function onSmallDisk(mountPoint: string, command: readonly string[]) {
  const program = 'unshare';
  const script = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"';
  return spawnSync(program, ['--map-root-user', '--mount', 'sh', '-c', script, mountPoint, ...command], {
    encoding: 'utf8',
  });
}

/** Where the system lets nobody mount, a real full disk cannot be made. */
const canMount = process.platform === 'linux' && onSmallDisk('/mnt', ['true']).status === 0;

describe.skipIf(!canMount)('a disk that is really full', () => {
  test('refuses what it cannot keep, keeps what it acknowledged, and serves again as soon as there is room', () => {
    mkdirSync(dirname(path));
    const command = [process.execPath, join(import.meta.dirname, 'full-disk-process.ts'), dirname(path)];
    const { stdout, stderr } = onSmallDisk(dirname(path), command);
    expect(stderr).toBe('');
    const report: FullDiskReport = JSON.parse(stdout);
    expect(report.rounds).toHaveLength(4);
    for (const round of report.rounds) {
      expect(round.failures.length).toBeGreaterThan(0);
      for (const failure of round.failures) expect(failure).toMatch(NO_SPACE);
      expect(round).toMatchObject({ ping: expect.stringMatching(NO_SPACE), missing: 0, afterwards: 'ok' });
    }
    expect(report.closed).toBe('ok');
    expect(report.openedWithoutRoom).toMatch(NO_SPACE);
    expect(report.missingAfterReopening).toBe(0);
    expect(report.acknowledged).toBeGreaterThan(6);
  });
});

describe('a database that has reached the size that it may have', () => {
  const key = (i: number) => ({
    merchantId: MERCHANT,
    key: `key ${i}`,
    requestHash: 'h'.repeat(2_000),
    subject: 's',
    now: NEW_YEAR + i,
  });

  /** Reserves keys until the store has no room for one more. */
  async function fillUp(store: SqliteStore): Promise<number> {
    for (let i = 0; ; i += 1) {
      const reserved = await store.reserveKey(key(i)).then(
        () => true,
        () => false,
      );
      if (!reserved) return i;
    }
  }

  test('says so to whoever asks whether it can serve, until there is room again', async () => {
    const store = openSqliteStore({ path, sizeBytesMax: 1024 * 1024 });
    try {
      const kept = await fillUp(store);
      expect(kept).toBeGreaterThan(100);
      const large = aPayment({ metadata: { text: 'x'.repeat(100_000) } });
      await expect(store.insert(large)).rejects.toThrow(NO_SPACE);
      await expect(store.ping()).rejects.toThrow(NO_SPACE);
      // A write that happens to fit is kept, and does not mean that the next one will be.
      await store.forgetFailingEndpoint({ merchantId: 'm_demo', endpoint: 'https://shop.example/notify' });
      await expect(store.ping()).rejects.toThrow(NO_SPACE);
      expect(await store.reserveKey(key(0))).toMatchObject({ outcome: 'repeat' });
      // Nor is work handed out whose end could not be recorded.
      const claim = { now: NEW_YEAR, owner: 'a', leaseMs: 1_000, limit: 1 };
      await expect(store.claimDue(claim)).rejects.toThrow(NO_SPACE);

      expect(await store.purgeKeys(NEW_YEAR + 60, 1_000)).toBe(60);
      await expect(store.ping()).resolves.toBeUndefined();
      expect((await store.insert(aPayment())).outcome).toBe('inserted');
      await expect(store.ping()).resolves.toBeUndefined();
    } finally {
      await store.close();
    }
  });
});

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** For root nothing is forbidden, so root has to become nobody, who may not be let into the directory for temporary files. */
function canBeForbidden(): boolean {
  if (!isRoot) return process.platform !== 'win32';
  const parent = tmpdir();
  process.seteuid?.(NOBODY);
  try {
    // The dot makes the system look into the directory.
    statSync(`${parent}/.`);
    return true;
  } catch {
    return false;
  } finally {
    process.seteuid?.(0);
  }
}

describe.skipIf(!canBeForbidden())('what the user of the gateway may not write', () => {
  /** Lets work run as a user for whom something can be forbidden. */
  async function unprivileged(work: () => void | Promise<void>): Promise<void> {
    if (isRoot) {
      for (const file of [directory.path, dirname(path)]) chownSync(file, NOBODY, NOBODY);
      process.seteuid?.(NOBODY);
    }
    try {
      await work();
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(dirname(path), 0o700);
    }
  }

  const write = async () => {
    const store = openSqliteStore({ path });
    const payment = aPayment();
    await store.insert(payment);
    await store.close();
    return payment.id;
  };
  const isThere = async (id: string) => {
    const reader = openSqliteReader(path);
    try {
      return (await reader.findById(id)) !== null;
    } finally {
      await reader.close();
    }
  };

  test('a directory in which nothing can be made is refused', async () => {
    mkdirSync(dirname(path));
    await unprivileged(() => {
      chmodSync(dirname(path), 0o500);
      expect(() => openSqliteStore({ path })).toThrow(/belongs to the user that runs the gateway/);
    });
  });

  test('a directory that cannot be made is refused', async () => {
    mkdirSync(dirname(path));
    await unprivileged(() => {
      chmodSync(dirname(path), 0o500);
      expect(() => openSqliteStore({ path: join(dirname(path), 'deeper', 'switchyard.db') })).toThrow(
        /cannot be created; make its directory writable/,
      );
    });
  });

  test('a directory that has become read-only is refused, and its payments stay', async () => {
    let id = '';
    mkdirSync(dirname(path));
    await unprivileged(async () => {
      id = await write();
      chmodSync(dirname(path), 0o500);
      expect(() => openSqliteStore({ path })).toThrow(/store: .*switchyard\.db cannot be (opened|written); /);
      chmodSync(dirname(path), 0o700);
      expect(await isThere(id)).toBe(true);
    });
  });

  test('a file that cannot be written is refused, and its payments stay', async () => {
    mkdirSync(dirname(path));
    await unprivileged(async () => {
      const id = await write();
      chmodSync(path, 0o400);
      expect(() => openSqliteStore({ path })).toThrow(
        /cannot be written; give the user that runs the gateway write access/,
      );
      chmodSync(path, 0o600);
      expect(await isThere(id)).toBe(true);
    });
  });

  test('a file that cannot even be read is refused', async () => {
    mkdirSync(dirname(path));
    await unprivileged(async () => {
      await write();
      chmodSync(path, 0o000);
      expect(() => openSqliteStore({ path })).toThrow(/cannot be opened; check that its directory exists and belongs/);
      expect(() => openSqliteReader(path)).toThrow(/cannot be opened/);
    });
  });
});
