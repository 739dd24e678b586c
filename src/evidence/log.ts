import { AsyncLocalStorage } from 'node:async_hooks';
import type { WireExchange } from '../channel/index.ts';
import type { EpochMs } from '../payment/index.ts';
import { entryOfExchange, type OngoingCall } from './exchange.ts';
import { createFile } from './file.ts';
import type { Evidence, EvidenceEntry } from './port.ts';
import { type Prepared, prepared, rowContent } from './prepare.ts';
import { createQueue } from './queue.ts';
import { startRetention } from './retention.ts';
import type { Sealer } from './seal.ts';

export interface EvidenceLogOptions {
  /** An SQLite file of its own; `-wal` and `-shm` lie beside it. */
  readonly path: string;
  readonly sealer: Sealer;
  /** Older entries are removed, at the start and then every hour. A function is asked each time. */
  readonly retentionMs: number | (() => number);
  readonly now: () => EpochMs;
  /** The file may not grow beyond this; then it is as on a full disk. Read when the file is opened. Absent: no limit. */
  readonly bytesMax?: number;
  readonly onWritten?: (entries: number) => void;
  readonly onDropped?: (entries: number) => void;
  /** Told once per reason for which writing fails, once per burst of dropped entries, and when the file was moved away. */
  readonly onTrouble?: (error: Error) => void;
}

export interface EvidenceStats {
  readonly written: number;
  readonly dropped: number;
  /** Taken away because of their age. */
  readonly removed: number;
  /** Not written yet. */
  readonly waiting: number;
  /** Tries to write, open or clean up that failed. */
  readonly failures: number;
  /** Why nothing can be written now; null while writing works. */
  readonly outage: Error | null;
}

export interface EvidenceLog extends Evidence {
  /** For `AdapterPorts.record`. What is recorded outside of any call is kept without a channel. */
  record(exchange: WireExchange): void;
  /** Writes all that waits now, or as much as can be written; the event loop stands still meanwhile. */
  flush(): void;
  /** Writes what waits and lets go of the file. What cannot be written counts as dropped, and so does what comes later. */
  close(): Promise<void>;
  stats(): EvidenceStats;
}

/** Channels and their probe requests that are remembered; far more than there are. */
const PROBES_MAX = 1_000;

/**
 * Opens the log of what was said. It never throws and holds nobody up, not here either: a file that cannot be used is reported
 * and tried again, and meanwhile entries wait.
 */
export function openEvidenceLog(options: EvidenceLogOptions): EvidenceLog {
  const { sealer, now, onTrouble = () => {} } = options;
  const calls = new AsyncLocalStorage<OngoingCall>();
  const counts = { written: 0, dropped: 0, removed: 0 };
  const lastProbes = new Map<string, string>();
  const file = createFile({
    path: options.path,
    bytesMax: () => options.bytesMax,
    onTrouble,
  });
  const queue = createQueue({
    write,
    onFull: (size) => onTrouble(new Error(`evidence: ${size} entries wait to be written; new ones are dropped`)),
  });
  file.attempt(() => {});
  const stopRetention = startRetention((rowsMax) => {
    const { retentionMs } = options;
    const keptMs = typeof retentionMs === 'function' ? retentionMs() : retentionMs;
    const removed = file.attempt((writer) => writer.removeOlder(now() - keptMs, rowsMax)) ?? 0;
    counts.removed += removed;
    return removed;
  });

  function write(batch: readonly Prepared[]): boolean {
    const kept = file.attempt((writer) => {
      writer.append(batch.map((entry) => rowContent(entry, sealer)));
      return true;
    });
    if (!kept) return false;
    counts.written += batch.length;
    options.onWritten?.(batch.length);
    return true;
  }

  function append(entry: EvidenceEntry): void {
    try {
      if (queue.push(prepared(entry, now()))) return;
    } catch (cause) {
      onTrouble(new Error(`evidence: a ${entry.kind} cannot be written down: a bug`, { cause }));
    }
    dropped(1);
  }

  function record(exchange: WireExchange): void {
    const at = now();
    const call = calls.getStore() ?? null;
    const entry = entryOfExchange(exchange, call, at);
    if (!isSameProbe(entry)) append(entry);
    if (call) call.since = at;
  }

  /** A probe every few seconds that says the same as the one before proves nothing more, and would outgrow everything else. */
  function isSameProbe({ what, channelId, outcome, details }: EvidenceEntry): boolean {
    if (what !== 'probe') return false;
    const asked = `${channelId} ${details.request}`;
    const same = lastProbes.get(asked) === outcome;
    if (lastProbes.size >= PROBES_MAX) lastProbes.clear();
    lastProbes.set(asked, outcome);
    return same;
  }

  function dropped(entries: number): void {
    counts.dropped += entries;
    options.onDropped?.(entries);
  }

  return {
    append,
    during: (subject, work) => calls.run({ subject, since: now() }, work),
    record,
    flush: queue.flush,
    async close() {
      stopRetention();
      queue.flush();
      const lost = queue.close();
      if (lost > 0) dropped(lost);
      file.close();
    },
    stats: () => ({ ...counts, waiting: queue.size(), ...file.trouble() }),
  };
}
