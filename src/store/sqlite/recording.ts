import type Database from 'better-sqlite3';
import type { Payment, SucceededAttempt } from '../../payment/index.ts';
import type { GaugeShare } from '../gauges.ts';

/** What of a payment is summed up in `totals`. */
export type Gauges = { readonly [Gauge in Exclude<keyof GaugeShare, 'oldestWebhookAt'>]: number };

/** Those of them that `rare_shares` keeps. */
export type RareGauges = Pick<Gauges, 'deadEvents' | 'refundsPending' | 'held'>;

/** The share of a payment that is not there yet. */
export const NOTHING: Gauges = {
  unknown: 0,
  undelivered: 0,
  webhooks: 0,
  deadEvents: 0,
  refundsPending: 0,
  held: 0,
};

/**
 * Writes what is kept beside a document. False, with nothing written, when one of its trade numbers is taken (I12). `replaced` is
 * the stored document that this one follows, where it is at hand: what was in it is recorded already.
 */
export function prepareRecording(db: Database.Database) {
  const holder = db.prepare<[string, string], { readonly pk: number; readonly seq: number }>(
    'SELECT payment_pk AS pk, seq FROM trade_numbers WHERE channel_id = ? AND trade_no = ?',
  );
  const insertTradeNo = db.prepare<[string, string, number, number]>('INSERT INTO trade_numbers VALUES (?, ?, ?, ?)');
  const insertEvent = db.prepare<[string, string, number]>(
    'INSERT INTO events (event_id, merchant_id, payment_pk) VALUES (?, ?, ?) ON CONFLICT (event_id) DO NOTHING',
  );
  const recordDeadEvents = prepareDeadEvents(db);
  const recordGauges = prepareGauges(db);

  return (
    pk: number,
    payment: Payment,
    { before, after, replaced }: { readonly before: Gauges; readonly after: Gauges; readonly replaced: Payment | null },
  ): boolean => {
    const fresh: Traded[] = [];
    for (const traded of payment.attempts.filter(isTraded)) {
      if (isRecorded(traded, replaced)) continue;
      const held = holder.get(traded.channelId, traded.channelTradeNo);
      if (held === undefined) fresh.push(traded);
      else if (held.pk !== pk || held.seq !== traded.seq) return false;
    }
    if (new Set(fresh.map((a) => JSON.stringify([a.channelId, a.channelTradeNo]))).size < fresh.length) return false;
    for (const { channelId, channelTradeNo, seq } of fresh) insertTradeNo.run(channelId, channelTradeNo, pk, seq);
    for (const [i, { id }] of payment.events.entries()) {
      if (replaced?.events[i]?.id !== id) insertEvent.run(id, payment.merchantId, pk);
    }
    if (before.deadEvents > 0 || after.deadEvents > 0) recordDeadEvents(payment);
    recordGauges(pk, before, after);
    return true;
  };
}

/** Enters the events of a payment that are dead, and removes those that are so no longer. */
function prepareDeadEvents(db: Database.Database): (payment: Payment) => void {
  const enter = db.prepare<[string]>(`
    INSERT INTO dead_events SELECT pk, merchant_id, payment_pk FROM events WHERE event_id = ?
    ON CONFLICT (event_pk) DO NOTHING`);
  const remove = db.prepare<[string]>(
    'DELETE FROM dead_events WHERE event_pk = (SELECT pk FROM events WHERE event_id = ?)',
  );
  return (payment) => {
    for (const { id, delivery } of payment.events) (delivery.state === 'dead' ? enter : remove).run(id);
  };
}

/** Keeps the sums, and what the next change of this payment has to compare with. */
function prepareGauges(db: Database.Database): (pk: number, before: Gauges, after: Gauges) => void {
  const add = db.prepare<[Gauges]>(`
    UPDATE totals SET unknown = unknown + :unknown, undelivered = undelivered + :undelivered,
      webhooks = webhooks + :webhooks, dead_events = dead_events + :deadEvents,
      refunds_pending = refunds_pending + :refundsPending, held = held + :held`);
  const keepRare = db.prepare<[Gauges & { readonly pk: number }]>(
    'INSERT OR REPLACE INTO rare_shares VALUES (:pk, :deadEvents, :refundsPending, :held)',
  );
  const dropRare = db.prepare<[number]>('DELETE FROM rare_shares WHERE payment_pk = ?');

  return (pk, before, after) => {
    const change = {
      unknown: after.unknown - before.unknown,
      undelivered: after.undelivered - before.undelivered,
      webhooks: after.webhooks - before.webhooks,
      deadEvents: after.deadEvents - before.deadEvents,
      refundsPending: after.refundsPending - before.refundsPending,
      held: after.held - before.held,
    };
    if (Object.values(change).some((by) => by !== 0)) add.run(change);
    if (change.deadEvents === 0 && change.refundsPending === 0 && change.held === 0) return;
    if (after.deadEvents + after.refundsPending + after.held > 0) keepRare.run({ ...after, pk });
    else dropRare.run(pk);
  };
}

type Traded = SucceededAttempt & { readonly channelTradeNo: string };

function isRecorded({ seq, channelId, channelTradeNo }: Traded, replaced: Payment | null): boolean {
  const before = replaced?.attempts[seq - 1];
  return (
    before !== undefined &&
    isTraded(before) &&
    before.channelId === channelId &&
    before.channelTradeNo === channelTradeNo
  );
}

function isTraded(attempt: Payment['attempts'][number]): attempt is Traded {
  return attempt.status === 'succeeded' && attempt.channelTradeNo !== null;
}
