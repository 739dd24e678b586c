import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import type { WireExchange } from '../../src/channel/index.ts';
import { sealerFor } from '../../src/config/sealer.ts';
import {
  type EvidenceEntry,
  type EvidenceLog,
  type EvidenceLogOptions,
  openEvidenceLog,
  openEvidenceReader,
  type StoredEntry,
  type Verified,
} from '../../src/evidence/index.ts';

export const NEW_YEAR = Date.UTC(2026, 0, 1);
export const DAY = 86_400_000;
export const PAYMENT = `pay_${'0'.repeat(26)}`;

/** Different bytes with each call, the same in each run. */
function countingBytes(): (size: number) => Uint8Array {
  let calls = 0;
  return (size) => {
    calls += 1;
    return createHash('sha512').update(String(calls)).digest().subarray(0, size);
  };
}

export const sealer = sealerFor(createHash('sha256').update('a key').digest(), countingBytes());
export const otherSealer = sealerFor(createHash('sha256').update('another key').digest(), countingBytes());

export function anEntry(set: Partial<EvidenceEntry> = {}): EvidenceEntry {
  return {
    at: NEW_YEAR,
    kind: 'change',
    paymentId: PAYMENT,
    channelId: null,
    what: 'observed',
    outcome: 'succeeded',
    details: { from: 'pending', attemptSeq: 1 },
    messages: { body: 'trade_status=TRADE_SUCCESS' },
    ...set,
  };
}

export function anExchange(set: Partial<WireExchange> = {}): WireExchange {
  return {
    method: 'POST',
    url: 'https://provider.example/pay?sign=abc',
    requestHeaders: { 'content-type': 'application/json' },
    requestBody: '{"order":1}',
    status: 200,
    responseHeaders: { date: 'Thu, 01 Jan 2026 00:00:00 GMT' },
    responseBody: '{"ok":true}',
    failure: null,
    ...set,
  };
}

/** A folder of its own that goes with the test. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-evidence-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type Options = { -readonly [Key in keyof EvidenceLogOptions]: EvidenceLogOptions[Key] };

export interface Stage {
  readonly log: EvidenceLog;
  readonly path: string;
  readonly folder: string;
  readonly clock: { at: number };
  /** What the log was opened with; `bytesMax` may be changed. */
  readonly options: Options;
  readonly heard: { written: number; dropped: number; troubles: string[] };
}

/** A log in a folder of its own, with everything that it reports. */
export function aLog(set: Partial<Options> = {}): Stage {
  const folder = aFolder();
  const clock = { at: NEW_YEAR };
  const heard: Stage['heard'] = { written: 0, dropped: 0, troubles: [] };
  const options: Options = {
    path: join(folder, 'evidence.db'),
    sealer,
    retentionMs: 400 * DAY,
    now: () => clock.at,
    onWritten: (entries) => {
      heard.written += entries;
    },
    onDropped: (entries) => {
      heard.dropped += entries;
    },
    onTrouble: (error) => void heard.troubles.push(error.message),
    ...set,
  };
  const log = openEvidenceLog(options);
  onTestFinished(() => log.close());
  return { log, path: options.path, folder, clock, options, heard };
}

/** Appends entries that are told apart by `what`, and writes them. */
export function write(log: EvidenceLog, count: number, set: Partial<EvidenceEntry> = {}): void {
  for (let n = 1; n <= count; n += 1) log.append(anEntry({ what: `fact ${n}`, ...set }));
  log.flush();
}

export function verified(path: string): Verified {
  const reader = openEvidenceReader(path, null);
  if (!reader) throw new Error(`no log at ${path}`);
  const found = reader.verify();
  reader.close();
  return found;
}

export function story(path: string, key: typeof sealer | null = sealer, paymentId = PAYMENT): readonly StoredEntry[] {
  const reader = openEvidenceReader(path, key);
  if (!reader) throw new Error(`no log at ${path}`);
  const entries = reader.story(paymentId);
  reader.close();
  return entries;
}

/** The opened messages of the only entry of the payment. */
export function onlyMessages(path: string): unknown {
  const [entry, ...more] = story(path);
  if (entry?.messages.state !== 'open' || more.length > 0) throw new Error('not one entry with messages');
  return entry.messages.content;
}

/** Somebody at the file itself, who knows SQLite and takes the guards away. */
export function tamper(path: string, sql: string, ...values: unknown[]): void {
  const db = new Database(path);
  const triggers = db.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all();
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  const { changes } = db.prepare(sql).run(...values);
  db.close();
  if (changes === 0) throw new Error(`nothing was changed by ${sql}`);
}

/** Every byte of every file in the folder, one character per byte. */
export function rawBytes(folder: string): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');
}
