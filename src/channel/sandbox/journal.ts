import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Order } from './contract.ts';

/** Journals of earlier versions know neither the time of a refund nor its details. */
const refundSchema = z.object({
  refundNo: z.string(),
  amountMinor: z.int(),
  status: z.enum(['pending', 'succeeded', 'failed']),
  createdAt: z.number().default(0),
  detail: z.record(z.string(), z.unknown()).default({}),
});

const orderSchema: z.ZodType<Order> = z.object({
  providerRef: z.string(),
  amountMinor: z.int(),
  currency: z.string(),
  visible: z.boolean(),
  status: z.enum(['open', 'paid', 'closed', 'failed']),
  tradeNo: z.string(),
  paidAmountMinor: z.int().nullable(),
  paidAt: z.number().nullable(),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  refunds: z.array(refundSchema),
  callbacksSent: z.int(),
  callbacksAcked: z.int(),
  detail: z.record(z.string(), z.unknown()),
});

const savedSchema = z.object({ keys: z.unknown(), publicUrl: z.string().nullable() });

/** What one channel's simulator has to find again after a restart, apart from its orders. */
export interface Saved {
  readonly keys: unknown;
  /** The gateway that connected last, for callbacks to one URL per account. */
  readonly publicUrl: string | null;
}

/** One channel's append-only file of orders. */
export interface Journal {
  /** What the file held at the start: the last line of each order, oldest order first. */
  readonly orders: readonly Order[];
  /** Written when this returns, so that a killed process has lost nothing it answered; not forced to the disk. */
  append(order: Order): void;
  close(): void;
}

/**
 * Opens `<dataDir>/<channelId>.jsonl`. It is first rewritten to one line per order, which also drops a torn last line.
 * Throws on any other damage: books that lie are worse than none.
 */
export function openJournal(dataDir: string, channelId: string): Journal {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, `${channelId}.jsonl`);
  const orders = readOrders(path);
  replaceFile(path, orders.map((order) => `${JSON.stringify(order)}\n`).join(''));
  const file = openSync(path, 'a', 0o600);
  let open = true;
  return {
    orders,
    append(order) {
      if (open) writeSync(file, `${JSON.stringify(order)}\n`);
    },
    close() {
      if (open) closeSync(file);
      open = false;
    },
  };
}

/** Null at the first start. The file holds private keys: it is readable by its owner alone. */
export function readSaved(dataDir: string, channelId: string): Saved | null {
  const text = readIfThere(savedPath(dataDir, channelId));
  return text === null ? null : savedSchema.parse(JSON.parse(text));
}

export function writeSaved(dataDir: string, channelId: string, saved: Saved): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  replaceFile(savedPath(dataDir, channelId), JSON.stringify(saved));
}

function savedPath(dataDir: string, channelId: string): string {
  return join(dataDir, `${channelId}.keys.json`);
}

function readOrders(path: string): readonly Order[] {
  const lines = (readIfThere(path) ?? '').split('\n');
  const complete = lines.slice(0, -1);
  const byRef = new Map<string, Order>();
  complete.forEach((line, index) => {
    const parsed = orderSchema.safeParse(parseJson(line));
    if (!parsed.success)
      throw new Error(`${path}:${index + 1}: not an order; delete the file to start with empty books`);
    byRef.set(parsed.data.providerRef, parsed.data);
  });
  return [...byRef.values()];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** By a rename, so that a crash leaves the old file or the new one, never half of one. */
function replaceFile(path: string, text: string): void {
  const fresh = `${path}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, path);
}
