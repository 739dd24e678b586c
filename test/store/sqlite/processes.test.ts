import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openSqliteReader, openSqliteStore } from '../../../src/store/sqlite/index.ts';
import { aPayment, MERCHANT } from '../../contract/payments.ts';
import { makeTemporaryDirectory } from './temporary.ts';

let directory: ReturnType<typeof makeTemporaryDirectory>;
let path: string;
let writer: ChildProcess | undefined;

beforeEach(() => {
  directory = makeTemporaryDirectory();
  path = join(directory.path, 'switchyard.db');
});

afterEach(async () => {
  await kill();
  directory.remove();
});

/** Starts a process that writes, and answers what it has acknowledged so far: payment id -> version. */
async function startWriter(): Promise<ReadonlyMap<string, number>> {
  const acknowledged = new Map<string, number>();
  const child = spawn(process.execPath, [join(import.meta.dirname, 'writing-process.ts'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  writer = child;
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [id, version] = line.split(' ');
      if (id !== undefined) acknowledged.set(id, Number(version));
    }
  });
  await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(300), { timeout: 15_000 });
  return acknowledged;
}

async function kill(): Promise<void> {
  if (writer === undefined || writer.exitCode !== null || writer.signalCode !== null) return;
  const closed = once(writer, 'close');
  writer.kill('SIGKILL');
  await closed;
}

describe('a process that is killed while it writes', () => {
  test('loses nothing that it acknowledged, at whatever moment it dies', async () => {
    const acknowledged = await startWriter();
    await kill();
    const store = openSqliteStore({ path });
    try {
      for (const [id, version] of acknowledged) {
        const stored = await store.findById(id);
        expect(stored?.payment.version).toBeGreaterThanOrEqual(version);
      }
    } finally {
      await store.close();
    }
  });

  test('leaves sums that agree with its documents, and a file that can be written again', async () => {
    await startWriter();
    await kill();
    const store = openSqliteStore({ path });
    try {
      let undelivered = 0;
      let cursor: string | null = null;
      do {
        const filter = { merchantId: MERCHANT, status: 'succeeded', limit: 100 } as const;
        const page = await store.list(cursor === null ? filter : { ...filter, cursor });
        undelivered += page.items.length;
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(await store.counts()).toMatchObject({ undelivered, webhookBacklog: undelivered });
      expect((await store.insert(aPayment())).outcome).toBe('inserted');
    } finally {
      await store.close();
    }
  });

  test('leaves a file that can be looked at before anybody repairs it', async () => {
    const acknowledged = await startWriter();
    await kill();
    const reader = openSqliteReader(path);
    try {
      for (const id of acknowledged.keys()) expect(await reader.findById(id)).not.toBeNull();
    } finally {
      await reader.close();
    }
  });
});

describe('a file that another process writes to', () => {
  test('cannot be opened for writing as well', async () => {
    await startWriter();
    expect(() => openSqliteStore({ path })).toThrow(/in use by another gateway; stop that one/);
  });

  test('can be read meanwhile, up to the latest commit', async () => {
    const acknowledged = await startWriter();
    const reader = openSqliteReader(path);
    try {
      for (let round = 0; round < 3; round += 1) {
        for (const [id, version] of [...acknowledged]) {
          const stored = await reader.findById(id);
          expect(stored?.payment.version).toBeGreaterThanOrEqual(version);
        }
        const seen = acknowledged.size;
        await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(seen), { timeout: 15_000 });
      }
    } finally {
      await reader.close();
    }
  });
});
