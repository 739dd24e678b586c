import type { Link } from './chain.ts';
import { explain } from './failures.ts';
import { openWriter, type Writer } from './writer.ts';

export interface EvidenceFile {
  /** Runs something on the file; null when that failed, which is reported, and the file is opened anew with the next try. */
  attempt<T>(run: (writer: Writer) => T): T | null;
  /** How many tries have failed, and why the last one did; null once one has worked. */
  trouble(): { readonly failures: number; readonly outage: Error | null };
  close(): void;
}

/**
 * The file that entries are written to, however often it has to be opened: it comes back by itself after a full disk, and when it
 * was moved away (to an archive) a new one goes on with the same chain. `onTrouble` is told once for as long as the reason stays.
 */
export function createFile(options: {
  readonly path: string;
  /** Asked whenever the file is opened. */
  readonly bytesMax: () => number | undefined;
  readonly onTrouble: (error: Error) => void;
}): EvidenceFile {
  let writer: Writer | null = null;
  let head: Link | null = null;
  let failures = 0;
  let outage: Error | null = null;

  function opened(): Writer {
    if (writer && !writer.isInPlace()) {
      letGo();
      options.onTrouble(new Error(`evidence: ${options.path} was moved or removed; a new file goes on with its chain`));
    }
    writer ??= openWriter(options.path, { after: head, bytesMax: options.bytesMax() });
    return writer;
  }

  function failed(thrown: unknown): void {
    const error = explain(options.path, thrown);
    const isNews = outage?.message !== error.message;
    failures += 1;
    outage = error;
    letGo();
    if (isNews) options.onTrouble(error);
  }

  /** A file that is in trouble may not even be closed as it should; nothing more can be done for it. */
  function letGo(): void {
    const last = writer;
    writer = null;
    if (!last) return;
    try {
      head = last.head();
    } catch {}
    try {
      last.close();
    } catch {}
  }

  return {
    attempt(run) {
      try {
        const value = run(opened());
        outage = null;
        return value;
      } catch (thrown) {
        failed(thrown);
        return null;
      }
    },
    trouble: () => ({ failures, outage }),
    close: letGo,
  };
}
