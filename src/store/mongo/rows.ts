import { type Connection, type Model, Schema } from 'mongoose';
import type { FailingEndpoint, OrderNumber } from '../port.ts';

/**
 * One payment. Everything beside `document` follows from it and is there to be searched, but for the lease and `seqs`. The document
 * is JSON text, since BSON has no place for all that a shop may name its metadata. What is absent is not in the sparse indexes.
 */
export interface PaymentRow {
  readonly _id: string;
  readonly version: number;
  readonly merchantId: string;
  readonly merchantOrderNo: string;
  readonly status: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly nextDueAt?: number;
  /** Counts the payments of the process that made it, for samples. */
  readonly sample: number;
  readonly unknownSince?: number;
  readonly undeliveredSince?: number;
  readonly webhookSince?: number;
  readonly webhooks?: number;
  readonly deadEvents?: number;
  readonly refundsPending?: number;
  readonly held?: number;
  /** The channel of each order and refund whose end is not known yet. */
  readonly live?: readonly string[];
  /** The channels that the payment cannot do without. */
  readonly needs?: readonly string[];
  /** The place of each event in its merchant's list, by its index in the document. */
  readonly seqs?: Readonly<Record<string, number>>;
  readonly leaseOwner?: string;
  readonly leaseUntil?: number;
  /** Names the call that took the lease. */
  readonly claim?: string;
  readonly document: string;
  readonly void?: true;
}

/** Takes the place of a payment that an order number was reserved for and that never came. */
export interface VoidRow {
  readonly _id: string;
  readonly void: true;
}

/** Which payment has an order number of a merchant (I1). */
export interface OrderRow {
  readonly _id: string;
  readonly paymentId: string;
}

/** Who has a trade number of a channel (I12). */
export interface TradeRow {
  readonly _id: string;
  readonly paymentId: string;
  readonly seq: number;
}

/** A place in a merchant's list of events; it counts when its payment says so (`seqs`). */
export interface EventRow {
  readonly _id: string;
  readonly merchantId: string;
  readonly seq: number;
  readonly eventId: string;
  readonly paymentId: string;
  /** Its place among the events of all merchants. */
  readonly order: string;
  readonly at: number;
  /** The same, on events that may have been given up. */
  readonly dead?: string;
  /** Its payment was not written after all. */
  readonly void?: true;
}

export interface KeyRow {
  readonly _id: string;
  readonly requestHash: string;
  readonly subject: string;
  readonly createdAt: number;
}

/** The merchant and the number are in the `_id`. */
export interface OrderNumberRow extends Omit<OrderNumber, 'merchantId' | 'orderNo'> {
  readonly _id: string;
}

export interface EndpointRow extends FailingEndpoint {
  readonly _id: string;
}

export interface VolumeRow {
  readonly _id: string;
  readonly channelId: string;
  readonly currency: string;
  readonly slot: number;
  readonly takenMinor?: number;
  readonly paidMinor?: number;
}

/** Single values of the installation: the version of this layout, the mark of the master key, what routing has learnt. */
export interface ValueRow {
  readonly _id: string;
  readonly value: string;
}

const OPTIONS = {
  versionKey: false,
  autoIndex: false,
  autoCreate: false,
  minimize: false,
  // A field that a newer program has added is none of ours.
  strictQuery: 'throw',
} as const;

const text = { type: String, required: true } as const;
const number = { type: Number, required: true } as const;

function payments(): Schema<PaymentRow> {
  const schema = new Schema<PaymentRow>(
    {
      ...{ _id: text, version: Number, merchantId: String, merchantOrderNo: String, status: String },
      ...{ createdAt: Number, updatedAt: Number, nextDueAt: Number, sample: Number },
      ...{ unknownSince: Number, undeliveredSince: Number, webhookSince: Number },
      ...{ webhooks: Number, deadEvents: Number, refundsPending: Number, held: Number },
      live: { type: [String], default: undefined },
      needs: { type: [String], default: undefined },
      seqs: Schema.Types.Mixed,
      ...{ leaseOwner: String, leaseUntil: Number, claim: String, document: String, void: Boolean },
    },
    { ...OPTIONS, collection: 'payments' },
  );
  schema.index({ merchantId: 1, createdAt: -1, _id: -1 });
  schema.index({ merchantId: 1, status: 1, createdAt: -1, _id: -1 });
  schema.index({ createdAt: 1, _id: 1, sample: 1 });
  for (const field of ['nextDueAt', 'unknownSince', 'undeliveredSince', 'webhookSince'] as const) {
    schema.index({ [field]: 1 }, { sparse: true });
  }
  for (const field of ['deadEvents', 'refundsPending', 'held', 'live', 'needs'] as const) {
    schema.index({ [field]: 1 }, { sparse: true });
  }
  return schema;
}

function events(): Schema<EventRow> {
  const schema = new Schema<EventRow>(
    {
      ...{ _id: text, merchantId: text, seq: number, eventId: text, paymentId: text, order: text, at: number },
      ...{ dead: String, void: Boolean },
    },
    { ...OPTIONS, collection: 'events' },
  );
  schema.index({ merchantId: 1, seq: 1 });
  schema.index({ eventId: 1 });
  schema.index({ dead: 1 }, { sparse: true });
  return schema;
}

export type Rows = ReturnType<typeof rowsOn>;

/** The collections; each is sharded by its `_id` alone, so whatever is unique is an `_id`. */
export function rowsOn(connection: Connection) {
  const model = <Row extends { readonly _id: string }>(name: string, schema: Schema<Row>): Model<Row> =>
    connection.model<Row>(name, schema);
  const keys = new Schema<KeyRow>(
    { _id: text, requestHash: text, subject: text, createdAt: number },
    { ...OPTIONS, collection: 'keys' },
  ).index({ createdAt: 1 });
  const volumes = new Schema<VolumeRow>(
    { _id: text, channelId: text, currency: text, slot: number, takenMinor: Number, paidMinor: Number },
    { ...OPTIONS, collection: 'channel_volumes' },
  ).index({ channelId: 1, currency: 1, slot: 1 });
  return {
    /** The same collections without mongoose's documents in between, for inserts. */
    raw: {
      payments: connection.collection<PaymentRow | VoidRow>('payments'),
      events: connection.collection<EventRow>('events'),
      orders: connection.collection<OrderRow>('order_reservations'),
      orderNumbers: connection.collection<OrderNumberRow>('order_numbers'),
      trades: connection.collection<TradeRow>('trade_numbers'),
      keys: connection.collection<KeyRow>('keys'),
      values: connection.collection<ValueRow>('installation'),
    },
    payments: model('Payment', payments()),
    events: model('Event', events()),
    orders: model(
      'Order',
      new Schema<OrderRow>({ _id: text, paymentId: text }, { ...OPTIONS, collection: 'order_reservations' }),
    ),
    orderNumbers: model(
      'OrderNumber',
      new Schema<OrderNumberRow>(
        { _id: text, version: number, round: number, requestHash: text, paidBy: String },
        { ...OPTIONS, collection: 'order_numbers' },
      ),
    ),
    trades: model(
      'Trade',
      new Schema<TradeRow>({ _id: text, paymentId: text, seq: number }, { ...OPTIONS, collection: 'trade_numbers' }),
    ),
    keys: model('Key', keys),
    endpoints: model(
      'Endpoint',
      new Schema<EndpointRow>(
        { _id: text, merchantId: text, endpoint: text, failingSince: number, pausedAt: Number, reason: text },
        { ...OPTIONS, collection: 'failing_endpoints' },
      ),
    ),
    volumes: model('Volume', volumes),
    values: model(
      'Value',
      new Schema<ValueRow>({ _id: text, value: text }, { ...OPTIONS, collection: 'installation' }),
    ),
  };
}

/** The `_id` of what is unique by several texts. */
export function idOf(...parts: readonly (string | number)[]): string {
  return JSON.stringify(parts);
}
