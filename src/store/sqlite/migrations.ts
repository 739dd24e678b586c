import type Database from 'better-sqlite3';
import { isMoved, movedAway } from './moved.ts';

/** Marks a database file as ours ("SWYD"), so that another program's file is never taken over. */
export const APPLICATION_ID = 0x53_57_59_44;

/**
 * The schema's history. Entry n leads from version n to n + 1; entries are never edited, only added, and each must also work on
 * a file with millions of payments.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE payments (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    merchant_id TEXT NOT NULL,
    merchant_order_no TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    next_due_at INTEGER,
    unknown INTEGER NOT NULL,
    undelivered INTEGER NOT NULL,
    webhooks INTEGER NOT NULL,
    oldest_webhook_at INTEGER,
    document TEXT NOT NULL,
    UNIQUE (merchant_id, merchant_order_no)
  ) STRICT;
  CREATE INDEX payments_newest ON payments (merchant_id, created_at, id);
  CREATE INDEX payments_newest_by_status ON payments (merchant_id, status, created_at, id);
  CREATE INDEX payments_due ON payments (next_due_at) WHERE next_due_at IS NOT NULL;
  CREATE INDEX payments_webhooks ON payments (oldest_webhook_at) WHERE oldest_webhook_at IS NOT NULL;

  -- Apart from the payments, so that taking a lease does not write a document again.
  CREATE TABLE leases (
    payment_pk INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX leases_end ON leases (until);

  CREATE TABLE trade_numbers (
    channel_id TEXT NOT NULL,
    trade_no TEXT NOT NULL,
    payment_pk INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (channel_id, trade_no)
  ) STRICT, WITHOUT ROWID;

  -- pk is the order of commits, which is the order that a merchant reads events in.
  CREATE TABLE events (
    pk INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    merchant_id TEXT NOT NULL,
    payment_pk INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX events_by_merchant ON events (merchant_id);

  CREATE TABLE idempotency_keys (
    merchant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, key)
  ) STRICT, WITHOUT ROWID;

  -- Sums over payments, kept in the transactions that change them: a scrape must not count millions of rows.
  CREATE TABLE totals (
    pk INTEGER PRIMARY KEY CHECK (pk = 1),
    unknown INTEGER NOT NULL,
    undelivered INTEGER NOT NULL,
    webhooks INTEGER NOT NULL,
    writable_checks INTEGER NOT NULL
  ) STRICT;
  INSERT INTO totals VALUES (1, 0, 0, 0, 0);
  `,
  // Documents stay as they are and are brought forward when they are read. What the columns must know of them is filled in here,
  // since nobody reads a payment that is not due: money of version 1 that is to be decided about has to become due by itself.
  `
  -- What few payments add to the totals; one without a row adds nothing. Apart from the payments, because SQLite reads a whole
  -- STRICT table for each column that is added to it.
  CREATE TABLE rare_shares (
    payment_pk INTEGER PRIMARY KEY,
    dead_events INTEGER NOT NULL,
    refunds_pending INTEGER NOT NULL,
    held INTEGER NOT NULL
  ) STRICT;
  INSERT INTO rare_shares
    SELECT pk,
      (SELECT COUNT(*) FROM json_each(document, '$.events')
        WHERE json_extract(document, fullkey || '.delivery.state') = 'dead'),
      0,
      EXISTS (SELECT 1 FROM json_each(document, '$.attempts')
        WHERE json_extract(document, fullkey || '.status') = 'succeeded'
          AND json_extract(document, fullkey || '.effect') IN ('late', 'surplus'))
    FROM payments
    -- One walk over all documents, looking for words; only what has them is parsed.
    WHERE (instr(document, '"state":"dead"') OR instr(document, '"effect":"late"') OR instr(document, '"effect":"surplus"'))
      AND json_valid(document);
  DELETE FROM rare_shares WHERE dead_events = 0 AND held = 0;
  UPDATE payments SET next_due_at = coalesce(min(coalesce(next_due_at, held.at), held.at), next_due_at)
    FROM (SELECT pk, CAST(json_extract(document, '$.updatedAt') AS INTEGER) AS at
      FROM rare_shares JOIN payments ON pk = payment_pk WHERE held = 1) AS held
    WHERE payments.pk = held.pk;

  ALTER TABLE totals ADD COLUMN dead_events INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE totals ADD COLUMN refunds_pending INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE totals ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
  UPDATE totals SET (dead_events, held) =
    (SELECT coalesce(sum(dead_events), 0), coalesce(sum(held), 0) FROM rare_shares);

  -- Events that were given up, so that listing them never walks all events. event_pk is their order, as in events.
  CREATE TABLE dead_events (
    event_pk INTEGER PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    payment_pk INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX dead_events_by_merchant ON dead_events (merchant_id);
  INSERT INTO dead_events
    SELECT events.pk, events.merchant_id, events.payment_pk
    FROM rare_shares JOIN payments ON payments.pk = rare_shares.payment_pk
      JOIN json_each(payments.document, '$.events') AS kept
      JOIN events ON events.event_id = json_extract(payments.document, kept.fullkey || '.id')
    WHERE json_extract(payments.document, kept.fullkey || '.delivery.state') = 'dead';

  CREATE TABLE failing_endpoints (
    merchant_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    failing_since INTEGER NOT NULL,
    paused_at INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (merchant_id, endpoint)
  ) STRICT, WITHOUT ROWID;

  -- One row, replaced to learn whether there is room for writes again; totals.writable_checks served for that before.
  CREATE TABLE room_checks (
    pk INTEGER PRIMARY KEY,
    room BLOB NOT NULL
  ) STRICT;

  -- For finding the keys that are old enough to go.
  CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

  -- How long the oldest has waited: one step into an index instead of a walk.
  CREATE INDEX payments_unknown ON payments (created_at) WHERE unknown = 1;
  CREATE INDEX payments_undelivered ON payments (created_at) WHERE undelivered = 1;
  `,
  // What is counted of channels. Volumes are asked for by day and month, so only the payments of the last month are walked through.
  `
  CREATE TABLE channel_volumes (
    channel_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Quarters of an hour since 1970.
    slot INTEGER NOT NULL,
    taken_minor INTEGER NOT NULL,
    paid_minor INTEGER NOT NULL,
    PRIMARY KEY (channel_id, currency, slot)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE channel_live (
    channel_id TEXT PRIMARY KEY,
    live INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TEMP VIEW attempts_of_late AS
    SELECT json_extract(kept.value, '$.channelId') AS channel_id,
      json_extract(kept.value, '$.amount.currency') AS currency,
      json_extract(kept.value, '$.status') AS status,
      json_extract(kept.value, '$.decision.decidedAt') AS decided_at,
      json_extract(kept.value, '$.paidAt') AS paid_at,
      coalesce(json_extract(kept.value, '$.paidMinor'), json_extract(kept.value, '$.amount.minor')) AS minor
    FROM payments, json_each(CASE WHEN json_valid(document) THEN document ELSE '{}' END, '$.attempts') AS kept
    WHERE created_at > (unixepoch() - 32 * 86400) * 1000;
  INSERT INTO channel_volumes
    SELECT channel_id, currency, slot, sum(taken), sum(paid) FROM (
      SELECT channel_id, currency, CAST(decided_at AS INTEGER) / 900000 AS slot, minor AS taken, 0 AS paid
      FROM attempts_of_late WHERE status NOT IN ('failed', 'closed') AND decided_at IS NOT NULL
      UNION ALL
      SELECT channel_id, currency, CAST(paid_at AS INTEGER) / 900000, 0, minor
      FROM attempts_of_late WHERE status = 'succeeded' AND paid_at IS NOT NULL
    ) GROUP BY channel_id, currency, slot;
  DROP VIEW attempts_of_late;
  INSERT INTO channel_live
    SELECT channel_id, count(*) FROM (
      SELECT json_extract(kept.value, '$.channelId') AS channel_id
      FROM payments, json_each(CASE WHEN json_valid(document) THEN document ELSE '{}' END, '$.attempts') AS kept
      WHERE next_due_at IS NOT NULL AND json_extract(kept.value, '$.status') IN ('creating', 'open', 'unknown')
      UNION ALL
      SELECT json_extract(document, '$.attempts[' || (json_extract(kept.value, '$.attemptSeq') - 1) || '].channelId')
      FROM payments, json_each(CASE WHEN json_valid(document) THEN document ELSE '{}' END, '$.refunds') AS kept
      WHERE next_due_at IS NOT NULL AND json_extract(kept.value, '$.status') = 'pending'
    ) WHERE channel_id IS NOT NULL GROUP BY channel_id;
  `,
  // What routing has learnt, for the next start.
  `
  CREATE TABLE routing_memory (
    pk INTEGER PRIMARY KEY CHECK (pk = 1),
    snapshot TEXT NOT NULL
  ) STRICT;
  `,
  // For reading the payments of a period, whoever's they are.
  `
  CREATE INDEX payments_created ON payments (created_at, id);
  `,
  // Order numbers under which payments may follow each other.
  `
  CREATE TABLE order_numbers (
    merchant_id TEXT NOT NULL,
    order_no TEXT NOT NULL,
    version INTEGER NOT NULL,
    round INTEGER NOT NULL,
    request_hash TEXT NOT NULL,
    paid_by TEXT,
    PRIMARY KEY (merchant_id, order_no)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** The version of a file; 0 for an empty one. Throws when the file belongs to another program. */
export function schemaVersion(db: Database.Database, path: string): number {
  const applicationId = db.pragma('application_id', { simple: true });
  if (applicationId === APPLICATION_ID) {
    const row = db.prepare<[], { version: number }>('SELECT version FROM schema_version').get();
    if (row) return row.version;
  }
  const tables = db.prepare<[], { count: number }>('SELECT COUNT(*) AS count FROM sqlite_schema').get();
  if (applicationId === 0 && tables?.count === 0) return 0;
  throw new Error(`store: ${path} is a database of another program; move it away, or point DATA_DIR somewhere else`);
}

/** Brings a file forward to the newest version in one transaction; a newer file than this program knows is refused. */
export function migrate(db: Database.Database, path: string, migrations: readonly string[] = MIGRATIONS): void {
  db.transaction(() => {
    const from = schemaVersion(db, path);
    if (isMoved(from)) throw movedAway(path);
    if (from > migrations.length) throw newerSchema(path, from, migrations.length);
    if (from === migrations.length) return;
    if (from === 0) {
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.exec('CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (0);');
    }
    for (const sql of migrations.slice(from)) db.exec(sql);
    db.prepare<[number]>('UPDATE schema_version SET version = ?').run(migrations.length);
  }).immediate();
}

export function newerSchema(path: string, found: number, known: number): Error {
  return new Error(
    `store: ${path} has schema version ${found}, this program knows ${known}; run the version that wrote it, or restore a backup`,
  );
}
