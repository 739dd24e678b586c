import { createHash } from 'node:crypto';
import { createConnection } from 'mongoose';
import { newId } from '../src/payment/index.ts';

/** Documents in one insert. */
const AT_ONCE = 1_000;
const OVER_MS = 300 * 24 * 3_600_000;

type Row = Readonly<Record<string, unknown>> & { readonly _id: string };

/** Fills a database with copies of one finished payment of another database, under ids, numbers and times of their own. */
export async function fillDatabase(from: string, to: string, payments: number): Promise<void> {
  const [source, target] = await Promise.all([createConnection(from).asPromise(), createConnection(to).asPromise()]);
  try {
    const original = await source.collection<Row>('payments').findOne({ status: 'succeeded' });
    if (original === null) throw new Error('there is no finished payment to copy');
    const of = (name: string) => source.collection<Row>(name).findOne({ paymentId: original._id });
    const [order, trade, event] = [await of('order_reservations'), await of('trade_numbers'), await of('events')];
    const rows = { payments: original, order_reservations: order, trade_numbers: trade, events: event };
    const words = [original._id.slice(4), String(original.merchantOrderNo), tradeNoOf(trade)];
    const copies = Object.entries(rows).map(([name, row]) => ({ name, copy: prepareCopy(row, words, original) }));
    for (let start = 0; start < payments; start += AT_ONCE) {
      const count = Math.min(AT_ONCE, payments - start);
      const places = Array.from({ length: count }, (_, i) => placeOf(start + i, payments));
      for (const { name, copy } of copies) await target.collection<Row>(name).insertMany(places.map(copy));
    }
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

interface Place {
  readonly seq: number;
  readonly at: number;
  /** In the places of the original's. */
  readonly words: readonly string[];
}

function placeOf(index: number, payments: number): Place {
  const digest = createHash('sha256').update(`stored payment ${index}`).digest();
  const at = Date.now() - Math.floor(OVER_MS * (1 - index / payments));
  const id = newId('pay', at, (size) => digest.subarray(0, size)).slice(4);
  return {
    seq: index + 1,
    at,
    words: [id, `stored-${digest.toString('hex', 16, 24)}`, `S${digest.toString('hex', 0, 12)}`],
  };
}

function prepareCopy(row: Row | null, words: readonly string[], { merchantId }: Row): (place: Place) => Row {
  if (row === null) throw new Error('a part of the payment to copy is missing');
  const parts = JSON.stringify(row).split(new RegExp(`(${words.join('|')})`));
  return (place) => {
    const text = parts.map((part) => place.words[words.indexOf(part)] ?? part).join('');
    const copy: Row = JSON.parse(text);
    if ('document' in copy) return { ...copy, createdAt: place.at, seqs: { 0: place.seq } };
    return 'seq' in copy && 'eventId' in copy
      ? { ...copy, _id: JSON.stringify([merchantId, place.seq]), seq: place.seq }
      : copy;
  };
}

/** The second half of a trade number's `_id`. */
function tradeNoOf(trade: Row | null): string {
  const parsed: unknown = JSON.parse(trade?._id ?? '[]');
  return Array.isArray(parsed) ? String(parsed[1]) : '';
}
