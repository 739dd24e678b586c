import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeFaults, type Environment, readEnvironment, readKeyMark, writeOnce } from './config/index.ts';
import { databasePath } from './open-store.ts';
import { err, ok, type Result } from './payment/index.ts';
import { type MoveOptions, type MoveReport, moveToMongo } from './store/move/index.ts';
import { table } from './table.ts';

/** Beside the payments: tells the data directory from others, so that a database takes payments of one alone. */
const ID_FILE = 'migration.id';
const SAY_EVERY_MS = 1_000;

/** What stays in the data directory, and what is to become of it. */
const FILES: readonly (readonly [name: string, advice: string])[] = [
  ['master.key', 'give its content to every gateway as MASTER_KEY'],
  ['epay-platform-key.pem', 'give its content to every gateway as EPAY_PRIVATE_KEY'],
  ['evidence.db', 'stays with the gateway that keeps this DATA_DIR; `payments show` reads it there'],
  ['epay-record.sealed', 'stays with the gateway that keeps this DATA_DIR'],
  ['alerts.json', 'stays with the gateway that keeps this DATA_DIR'],
  ['sandbox', "the simulators' books; `switchyard sandbox` for all gateways, with SANDBOX_DATA_DIR here"],
];

/** A result for a person or a program; `files` is what the command leaves in the data directory. */
export type MigrateReport = MoveReport & {
  readonly files: readonly { readonly name: string; readonly advice: string }[];
};

/** Moves the embedded store of DATA_DIR to MONGO_URL, or says why it cannot. */
export async function migrate(
  env: Readonly<Record<string, string | undefined>>,
  ports: Pick<MoveOptions, 'mode' | 'now'> & { readonly say: (line: string) => void },
): Promise<Result<MigrateReport, string>> {
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const { mongoUrl, dataDir } = environment.value;
  if (mongoUrl === null) return err('MONGO_URL: name the database that the payments are to move to');
  const { mode, now, say } = ports;
  try {
    const report = await moveToMongo({
      ...{ path: databasePath(environment.value), mongoUrl, mode, now },
      source: mode === 'check' ? (readId(dataDir) ?? 'none') : makeId(environment.value),
      masterKeyId: readKeyMark(dataDir),
      onProgress: progress(now, say),
      onWaiting: () => say('everything up to now is copied; stop the gateway, and the rest follows by itself'),
    });
    const files = FILES.filter(([name]) => existsSync(join(dataDir, name))).map(([name, advice]) => ({ name, advice }));
    return ok({ ...report, files });
  } catch (thrown) {
    return err(thrown instanceof Error ? thrown.message : 'migrate: it failed');
  }
}

function readId(dataDir: string): string | null {
  const path = join(dataDir, ID_FILE);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

function makeId(environment: Environment): string {
  const path = databasePath(environment);
  if (!existsSync(path)) throw new Error(`migrate: ${path} does not exist; set DATA_DIR to where the payments are`);
  return readId(environment.dataDir) ?? writeOnce(join(environment.dataDir, ID_FILE), `${randomUUID()}\n`).trim();
}

/** A line each second, and one at the end. */
function progress(now: () => number, say: (line: string) => void): MoveOptions['onProgress'] {
  const begun = now();
  let saidAt = begun;
  return (done, all) => {
    const at = now();
    if (done < all && at - saidAt < SAY_EVERY_MS) return;
    saidAt = at;
    const perSecond = Math.round((done * 1_000) / Math.max(1, at - begun));
    say(`payments: ${done} of ${all}, ${perSecond} a second`);
  };
}

/** What was done, and what is to do next, as a text for a terminal. */
export function describeReport(report: MigrateReport): string {
  const { outcome, collections, problems } = report;
  const lines = collections.length === 0 ? [] : [comparison(report), ''];
  const differing = collections.filter(({ differing }) => differing.length > 0);
  const faults = [
    ...problems,
    ...differing.map(
      ({ collection, differingCount, differing: ids }) =>
        `${collection}: ${differingCount} differ, the first: ${ids.join(', ')}`,
    ),
  ];
  return [...lines, ...faults, ...conclusion(report)].join('\n').concat(outcome === 'moved' ? remaining(report) : '');
}

function comparison({ collections }: MigrateReport): string {
  const rows = collections.map((c) => [
    c.collection,
    String(c.source),
    String(c.target),
    c.sourceSha256.slice(0, 16),
    c.targetSha256.slice(0, 16),
    c.differingCount === 0 && c.source === c.target ? 'same' : 'DIFFERENT',
  ]);
  return table([['', 'SQLITE', 'MONGODB', 'SHA-256 SQLITE', 'SHA-256 MONGODB', ''], ...rows]);
}

function conclusion({ outcome, movedLast, heldMs }: MigrateReport): readonly string[] {
  switch (outcome) {
    case 'moved':
      return [
        `everything has moved; ${movedLast} payments while no gateway ran, for ${(heldMs / 1_000).toFixed(1)} s`,
        'start the gateways with MONGO_URL; without it none starts on this DATA_DIR any more',
      ];
    case 'moved_before':
      return ['everything has moved before; start the gateways with MONGO_URL'];
    case 'gateway_runs':
      return [
        'everything up to now is copied, and a gateway is still working on this DATA_DIR: stop it and run the same command again',
      ];
    case 'same':
      return ['both sides are the same'];
    case 'different':
      return [
        'the two sides differ; nothing has been given away, and the gateway can go on with this DATA_DIR. Beside a running gateway',
        'a difference may only be what it has just written. Else drop the database of MONGO_URL and begin anew; payments that cannot be',
        'read are to be repaired first',
      ];
  }
}

function remaining({ files }: MigrateReport): string {
  if (files.length === 0) return '';
  return `\n\nstill in DATA_DIR:\n${table(files.map(({ name, advice }) => [`  ${name}`, advice]))}`;
}
