import type { EpochMs } from '../payment/index.ts';
import type { TechnicalEstimate } from './call-record.ts';
import type { Collapse } from './collapse.ts';
import {
  noPooledSums,
  noSums,
  type PaidShare,
  type Path,
  type PooledSums,
  type Seen,
  type Segment,
  type Sums,
} from './paid-share.ts';
import type { PaymentSnapshot } from './snapshot-schema.ts';
import type { Estimate } from './types.ts';

/** Orders of one leaf that were opened in the same second; the smallest thing that is remembered of orders. */
export interface Cohort {
  readonly leaf: Leaf;
  readonly at: EpochMs;
  readonly seen: Seen;
  orders: number;
  paid: number;
  /** Paid since the last checkpoint. */
  paidNow: number;
  /** Orders x the share that was expected to pay when they were opened. */
  expected: number;
  /** How much of each order has counted so far, 0 to 1. */
  exposed: number;
  /** Opened during a collapse: it says nothing of the channel's normal share. */
  apart: boolean;
}

/** One channel in one segment. */
export interface Leaf {
  readonly path: Path;
  readonly pair: Pair;
  /** Under watch, by the second in which their orders were opened. */
  readonly cohorts: Map<number, Cohort>;
  readonly channel: ChannelState;
  /** The last estimate; in its channel's count of changes when it was made, and until when it may be used. */
  known: PaidShare;
  knownAt: number;
  knownUntil: EpochMs;
  /** Apart for each leaf, so that not all of them are made anew in the same choice. */
  readonly knownForMs: number;
  /** The last answer that was given, and the pair's version that it was given by; null once `known` is made anew. */
  answer: PaymentEstimate | null;
  answerOf: number;
  /** The last answer together with what was known of calls then. */
  whole: Estimate | null;
  wholeOf: TechnicalEstimate | null;
}

/** One channel and method: what is known of its collapses, and its cohorts, oldest first. */
export interface Pair {
  readonly sums: Sums;
  readonly leaves: Map<string, Leaf>;
  readonly currencies: Map<string, Sums>;
  cohorts: Cohort[];
  checkedAt: EpochMs;
  openedAt: EpochMs;
  opened: number;
  collapse: (Collapse & { readonly foundAt: EpochMs }) | null;
  /** What was known before the channel became slow; empty while it is not. */
  usual: readonly { readonly sums: Sums; readonly kept: Sums }[];
  /** Grows when `opened` or `collapse` change. */
  version: number;
}

export interface PaymentEstimate extends Pick<PaidShare, 'share' | 'orders'> {
  /** Since when its orders pay far less than they should; null in normal times. */
  readonly lowSince: EpochMs | null;
  readonly hopeful: boolean;
  /** When the channel was last given an order of this method, and how many it was given in all; 0 when never. */
  readonly openedAt: EpochMs;
  readonly opened: number;
}

interface ChannelState {
  readonly sums: Sums;
  /** Counts the orders that have reached a checkpoint: what has changed its evidence. */
  changes: number;
  readonly pairs: Map<string, Pair>;
  /** What is known of each currency by each method, and of each band by each method and currency. */
  readonly currencies: Map<string, Sums[]>;
  readonly bands: Map<number, Sums[]>;
}

/** An estimate is made anew after so many orders of its channel have reached a checkpoint; fewer move it by next to nothing. */
export const STALE_AFTER_ORDERS = 16;
const CHANNELS_MAX = 4_096;
/** What is known of a channel without news of its own follows the others' in so long, or twice that. */
const KNOWN_FOR_MS = 1_000;
const NOTHING: PaidShare = { share: 0, orders: 0, levels: [0, 0, 0, 0], bases: [0, 0, 0, 0] };

/** What is remembered of orders, as a tree: channel, method, currency, amount band; and the same without the channel. */
export function createPaymentTree(onForget: (channelId: string) => void) {
  const channels = new Map<string, ChannelState>();
  const pooled = new Map<string, PooledSums>();
  /** All leaves by segment and channel, since a choice asks all channels for the same segment. */
  const segments = new Map<string, Map<string, Leaf>>();
  let lastSegment: Segment | null = null;
  let lastLeaves = new Map<string, Leaf>();
  let leaves = 0;

  function leavesOf(segment: Segment): Map<string, Leaf> {
    if (segment === lastSegment) return lastLeaves;
    const key = `${segment.method}/${segment.currency}/${segment.band}`;
    lastSegment = segment;
    lastLeaves = segments.get(key) ?? new Map<string, Leaf>();
    segments.set(key, lastLeaves);
    return lastLeaves;
  }

  function leafOf(channelId: string, segment: Segment): Leaf {
    return leavesOf(segment).get(channelId) ?? newLeaf(channelId, segment);
  }

  function newLeaf(channelId: string, segment: Segment): Leaf {
    const { method, currency, band } = segment;
    const key = `${currency}/${band}`;
    const channel = channelOf(channelId);
    const pair = channel.pairs.get(method) ?? newPair();
    channel.pairs.set(method, pair);
    const inCurrency = pair.currencies.get(currency) ?? noSums();
    pair.currencies.set(currency, inCurrency);
    const inBand = noSums();
    const path: Path = {
      channelId,
      segment: { method, currency, band },
      levels: [channel.sums, pair.sums, inCurrency, inBand],
      pooled: [pooledAt(''), pooledAt(method), pooledAt(`${method}/${currency}`), pooledAt(`${method}/${key}`)],
      kin: [kinOf(channel.currencies, currency, inCurrency), kinOf(channel.bands, band, inBand)],
    };
    const leaf: Leaf = {
      ...{ path, pair, channel, cohorts: new Map(), answer: null, answerOf: 0, whole: null, wholeOf: null },
      ...{ known: NOTHING, knownAt: Number.NEGATIVE_INFINITY, knownUntil: 0, knownForMs: spread() },
    };
    pair.leaves.set(key, leaf);
    leavesOf(segment).set(channelId, leaf);
    return leaf;
  }

  function spread(): number {
    leaves += 1;
    return KNOWN_FOR_MS + ((leaves * 617) % KNOWN_FOR_MS);
  }

  function channelOf(channelId: string): ChannelState {
    let channel = channels.get(channelId);
    if (!channel) {
      channel = { sums: noSums(), changes: 0, pairs: new Map(), currencies: new Map(), bands: new Map() };
      const oldest = channels.keys().next();
      if (channels.size >= CHANNELS_MAX && !oldest.done) forget(oldest.value);
      channels.set(channelId, channel);
    }
    return channel;
  }

  function pooledAt(key: string): PooledSums {
    const sums = pooled.get(key) ?? noPooledSums();
    pooled.set(key, sums);
    return sums;
  }

  function forget(channelId: string): void {
    for (const pair of channels.get(channelId)?.pairs.values() ?? []) leaves -= pair.leaves.size;
    channels.delete(channelId);
    for (const ofSegment of segments.values()) ofSegment.delete(channelId);
    onForget(channelId);
  }

  function pairOf(channelId: string, method: string): Pair | undefined {
    return channels.get(channelId)?.pairs.get(method);
  }

  /** All estimates of a channel are out of date. */
  function shift(channelId: string): void {
    const channel = channels.get(channelId);
    if (channel) channel.changes += STALE_AFTER_ORDERS;
  }

  /** What a pair knows on its own, in its currencies and bands, and of its channel when that has no other method. */
  function sumsAround(channelId: string, pair: Pair): Set<Sums> {
    const channel = channels.get(channelId);
    return new Set([...(channel?.pairs.size === 1 ? [channel.sums] : []), ...sumsOf(pair)]);
  }

  function snapshot(channelsMax: number): Pick<PaymentSnapshot, 'pooled' | 'channels'> {
    return {
      pooled: [...pooled].map(([key, sums]) => [key, { ...sums }]),
      channels: [...channels].slice(-channelsMax).map(([id, channel]) => ({
        id,
        sums: { ...channel.sums },
        pairs: [...channel.pairs].map(([method, pair]) => ({
          ...{ method, sums: { ...pair.sums }, opened: pair.opened, openedAt: pair.openedAt },
          leaves: [...pair.leaves.values()].map(({ path: { segment, levels } }) => ({
            ...{ currency: segment.currency, band: segment.band },
            ...{ inCurrency: { ...levels[2] }, sums: { ...levels[3] } },
          })),
        })),
      })),
    };
  }

  function restore(saved: PaymentSnapshot): void {
    for (const [key, sums] of saved.pooled) Object.assign(pooledAt(key), sums);
    for (const { id, sums, pairs } of saved.channels) {
      for (const { method, leaves, opened, openedAt, sums: ofPair } of pairs) {
        for (const { currency, band, inCurrency, sums: ofLeaf } of leaves) {
          const { path, pair, channel } = leafOf(id, { method, currency, band });
          channel.changes += STALE_AFTER_ORDERS;
          Object.assign(path.levels[0], sums);
          Object.assign(path.levels[1], ofPair);
          Object.assign(path.levels[2], inCurrency);
          Object.assign(path.levels[3], ofLeaf);
          Object.assign(pair, { opened, openedAt, version: pair.version + 1 });
        }
      }
    }
  }

  return { leafOf, pairOf, leafCount: () => leaves, shift, sumsAround, forget, snapshot, restore };
}

/** What a pair knows on its own and in its currencies and bands. */
export function sumsOf({ sums, currencies, leaves }: Pair): Sums[] {
  return [sums, ...currencies.values(), ...[...leaves.values()].map(({ path }) => path.levels[3])];
}

/** With `sums` among them. */
function kinOf<Key>(kins: Map<Key, Sums[]>, key: Key, sums: Sums): readonly Sums[] {
  const kin = kins.get(key) ?? [];
  kins.set(key, kin);
  if (!kin.includes(sums)) kin.push(sums);
  return kin;
}

function newPair(): Pair {
  return {
    ...{ sums: noSums(), leaves: new Map(), currencies: new Map(), cohorts: [] },
    ...{ checkedAt: Number.NEGATIVE_INFINITY, openedAt: 0, opened: 0, collapse: null, usual: [], version: 0 },
  };
}
