import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeFaults, type Environment, openMasterKey, readEnvironment } from './config/index.ts';
import { openEvidenceReader, type StoredEntry } from './evidence/index.ts';
import { evidencePath } from './evidence-log.ts';
import type { Sealer } from './gateway/index.ts';
import { openStoreReader, placeOf } from './open-store.ts';
import { err, isPaymentId, ok, type Payment, type Result } from './payment/index.ts';
import { beginning, describePayment, describeTimeline, momentsOf, recollect } from './story/index.ts';
import { harmless, harmlessJson } from './terminal.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface ShowOptions {
  /** The messages too, decrypted. */
  readonly messages?: boolean;
  readonly json?: boolean;
}

/** The whole story of one payment as a text for a terminal, or why it cannot be told. The gateway may be running. */
export async function showPayment(env: Env, id: string, show: ShowOptions): Promise<Result<string, string>> {
  const found = await findStoredPayment(env, id);
  if (!found.ok) return found;
  const payment = found.value;
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const { dataDir } = environment.value;
  const sealer = show.messages ? masterKey(environment.value) : ok(null);
  if (!sealer.ok) return sealer;
  const entries = readStory(dataDir, id, sealer.value);
  return ok(show.json ? storyJson(payment, entries, show) : harmless(storyText(payment, entries, show, sealer.value)));
}

/** One payment of the database in DATA_DIR, beside a gateway that may be running; or why there is none. */
export async function findStoredPayment(env: Env, id: string): Promise<Result<Payment, string>> {
  if (!isPaymentId(id)) return err(`${id} is not a payment id (pay_ and 26 characters)`);
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const reader = await openStoreReader(environment.value);
  const stored = await reader.findById(id).finally(() => reader.close());
  return stored ? ok(stored.payment) : err(`no payment ${id} in ${placeOf(environment.value)}`);
}

/** Whether the evidence log is as it was written, in one line; an error names the first row that is not. */
export function verifyEvidence(env: Env): Result<string, string> {
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const path = evidencePath(environment.value.dataDir);
  const reader = openEvidenceReader(path, null);
  if (!reader) return err(`no evidence in ${path}; start the gateway once, or set DATA_DIR to where its data is`);
  const { rows, head, firstBroken } = reader.verify();
  reader.close();
  if (firstBroken) return err(`${path}: row ${firstBroken.seq} ${firstBroken.why}; ${rows} rows before it are good`);
  const place = rows === 0 ? '' : `, ${head.seq - rows + 1} to ${head.seq}`;
  return ok(`${path}: ok, ${rows} row${rows === 1 ? '' : 's'}${place}, head ${Buffer.from(head.hash).toString('hex')}`);
}

/** Null where there is no evidence log. */
function readStory(dataDir: string, id: string, sealer: Sealer | null): readonly StoredEntry[] | null {
  const reader = openEvidenceReader(evidencePath(dataDir), sealer);
  if (!reader) return null;
  try {
    return reader.story(id);
  } finally {
    reader.close();
  }
}

/** The key that messages are sealed with; null when it is not here. Looking must not make one. */
function masterKey({ masterKey, dataDir }: Environment): Result<Sealer | null, string> {
  if (masterKey === null && !existsSync(join(dataDir, 'master.key'))) return ok(null);
  const opened = openMasterKey({ masterKey, dataDir, sandbox: true, randomBytes });
  return opened.ok ? opened : err(describeFaults([opened.error]));
}

function storyText(
  payment: Payment,
  entries: readonly StoredEntry[] | null,
  { messages = false }: ShowOptions,
  sealer: Sealer | null,
): string {
  const known = entries ?? [];
  const moments = known.length > 0 ? [beginning(payment), ...momentsOf(known)] : recollect(payment);
  const isLocked = messages && sealer === null && known.some((entry) => entry.messages.state === 'sealed');
  return [
    describePayment(payment),
    describeTimeline(moments, { messages: messages && !isLocked }),
    ...(entries === null ? ['  (from the payment itself: there is no evidence log)'] : []),
    ...(entries?.length === 0 ? ['  (from the payment itself: the evidence log has nothing of it)'] : []),
    ...(isLocked ? ['  (the messages are sealed: set MASTER_KEY to read them)'] : []),
  ].join('\n');
}

/** The document and the evidence; without what opens doors (callback tokens, client secrets) and what is sealed anyway. */
function storyJson(payment: Payment, evidence: readonly StoredEntry[] | null, { messages }: ShowOptions): string {
  const shown = messages ? evidence : (evidence?.map(({ messages: _, ...entry }) => entry) ?? null);
  const hidden = new Set(['callbackToken', 'clientSecret', 'sealed', 'requestHash']);
  const document = JSON.parse(JSON.stringify(payment, (key, value: unknown) => (hidden.has(key) ? undefined : value)));
  return harmlessJson({ payment: document, evidence: shown });
}
