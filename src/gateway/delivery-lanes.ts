import type { EpochMs } from '../payment/index.ts';
import type { Endpoint } from './failing-endpoints.ts';

/**
 * Deliveries of this process at the same time. Well below the places of the agenda worker, so that shops which do not answer can
 * never take the places of what else is due.
 */
const PLACES = 1_536;
/** Events whose turn is kept in memory; the others come by themselves when their time in the document has come. */
const REMEMBERED_MAX = 40_000;
/** However long the queue, its events are looked at this often; a shop that has become fast is not kept waiting for longer. */
const PUT_OFF_MAX_MS = 3_600_000;
/** Those that are not remembered are called by nobody, so they come more often. */
const UNREMEMBERED_PUT_OFF_MAX_MS = 600_000;
/** The weight of the latest delivery in the mean. */
const SMOOTHING = 0.2;
/** Whose turn is expected within this time may stand in line for it. */
const SOON_MS = 2_000;
/** What an address of which nothing is known yet is taken to need for one delivery, by who thinks of standing in line. */
const UNKNOWN_MEAN_MS = 200;

/** An event that has been put off, and the time that its document has for it. */
export interface Waiting {
  readonly paymentId: string;
  readonly eventId: string;
  readonly until: EpochMs;
  /** Whether the document says so by now. */
  readonly written: Promise<boolean>;
}

/** Somebody who stands in line, with a place already, and is given the lane when the turn has come. */
interface Standing {
  readonly eventId: string;
  readonly begin: (leave: Leave) => void;
}

interface Lane {
  running: number;
  /** Null before the first delivery has ended. */
  meanMs: number | null;
  /** When the last of those that are not remembered has its turn. */
  bookedUntil: EpochMs;
  readonly waiting: Map<string, Waiting | Standing>;
}

interface Shop {
  /** Deliveries that run or stand in line. */
  places: number;
  waiting: number;
  readonly lanes: Map<string, Lane>;
}

/** Ends the stay in a lane. */
export type Leave = (durationMs: number | null) => void;

export interface InLine {
  /** Null once it was given up. */
  readonly turn: Promise<Leave | null>;
  giveUp(): void;
}

/**
 * Who may be called now. An address takes so many deliveries at a time, and a shop, over all of its addresses, as many as there
 * are free places: the more is taken, the less one shop gets, so whoever comes next finds a place. Who has a place and must wait
 * for others at the same address, but not for long, stands in line. What finds no place, or would wait for longer, is kept here in its
 * order; that is a promise of this process alone, and the document says when the agenda brings the event again without it.
 */
export function createDeliveryLanes(limits: () => { readonly perEndpoint: number; readonly timeoutMs: number }) {
  const shops = new Map<string, Shop>();
  let places = 0;
  let waiting = 0;

  const isFree = (lane: Lane | undefined): boolean => (lane?.running ?? 0) < limits().perEndpoint;
  const hasPlace = (shop: Shop | undefined): boolean => (shop?.places ?? 0) < PLACES - places;

  /** Null: no room now. */
  function enter({ merchantId, endpoint }: Endpoint): Leave | null {
    const shop = shops.get(merchantId);
    if (!isFree(shop?.lanes.get(endpoint)) || !hasPlace(shop)) return null;
    takePlace(laneOf(merchantId, endpoint).shop);
    return begin(merchantId, endpoint);
  }

  /** A place in line at an address whose turn comes soon. Null: it does not, or there is no place; then the event is to be put off. */
  function standInLine({ merchantId, endpoint }: Endpoint, eventId: string): InLine | null {
    const shop = shops.get(merchantId);
    const lane = shop?.lanes.get(endpoint);
    if (!shop || !lane || !hasPlace(shop) || lane.waiting.has(eventId)) return null;
    const turnMs = ((lane.waiting.size + 1) / limits().perEndpoint) * (lane.meanMs ?? UNKNOWN_MEAN_MS);
    if (turnMs > SOON_MS) return null;
    const { promise, resolve } = Promise.withResolvers<Leave | null>();
    takePlace(shop);
    enqueue(shop, lane, { eventId, begin: resolve });
    const giveUp = (): void => {
      if (!lane.waiting.has(eventId)) return;
      dequeue(shop, lane, eventId);
      givePlaceBack(shop);
      dropIdle(merchantId, endpoint);
      resolve(null);
    };
    return { turn: promise, giveUp };
  }

  /** For who has a place. */
  function begin(merchantId: string, endpoint: string): Leave {
    const { shop, lane } = laneOf(merchantId, endpoint);
    lane.running += 1;
    return (durationMs) => {
      givePlaceBack(shop);
      lane.running -= 1;
      if (durationMs !== null) lane.meanMs = meanWith(lane.meanMs, durationMs);
      dropIdle(merchantId, endpoint);
    };
  }

  function takePlace(shop: Shop): void {
    places += 1;
    shop.places += 1;
  }

  function givePlaceBack(shop: Shop): void {
    places -= 1;
    shop.places -= 1;
  }

  /** When an event that found no room is to come again by itself, unless it is called before. */
  function comeAgainAt({ merchantId, endpoint }: Endpoint, now: EpochMs): EpochMs {
    const { perEndpoint, timeoutMs } = limits();
    const { shop, lane } = laneOf(merchantId, endpoint);
    const meanMs = lane.meanMs ?? timeoutMs;
    const ofLane = (lane.waiting.size / perEndpoint) * meanMs;
    const ofShop = hasPlace(shop) ? 0 : (shop.waiting / Math.max(1, shop.places)) * meanMs;
    const turnAt = now + meanMs + Math.max(ofLane, ofShop);
    // It should be called before its time comes, and not have to be put off once more: so there is room for an error.
    if (!isFull(shop)) return Math.ceil(Math.min(now + PUT_OFF_MAX_MS, turnAt + 2 * timeoutMs));
    const latest = now + UNREMEMBERED_PUT_OFF_MAX_MS;
    lane.bookedUntil = Math.min(latest, Math.max(turnAt, lane.bookedUntil) + meanMs / perEndpoint);
    return Math.ceil(Math.max(lane.bookedUntil, now + timeoutMs));
  }

  /** Keeps the event's turn, if there is memory for it. */
  function remember({ merchantId, endpoint }: Endpoint, event: Waiting): void {
    const { shop, lane } = laneOf(merchantId, endpoint);
    const known = lane.waiting.has(event.eventId);
    if (!known && isFull(shop)) {
      dropIdle(merchantId, endpoint);
      return;
    }
    if (known) lane.waiting.set(event.eventId, event);
    else enqueue(shop, lane, event);
  }

  function enqueue(shop: Shop, lane: Lane, event: Waiting | Standing): void {
    lane.waiting.set(event.eventId, event);
    waiting += 1;
    shop.waiting += 1;
  }

  function dequeue(shop: Shop, lane: Lane, eventId: string): void {
    lane.waiting.delete(eventId);
    waiting -= 1;
    shop.waiting -= 1;
  }

  /** The shop's next event that has room, with a lane already taken for it; who stands in line before it gets the lane at once. */
  function next(
    merchantId: string,
    isOpen: (endpoint: string) => boolean,
  ): { readonly endpoint: string; readonly event: Waiting; readonly leave: Leave } | undefined {
    const shop = shops.get(merchantId);
    if (!shop) return undefined;
    for (const [endpoint, lane] of shop.lanes) {
      const event = lane.waiting.values().next().value;
      if (event === undefined || !isFree(lane) || !isOpen(endpoint)) continue;
      if (!('begin' in event) && !hasPlace(shop)) continue;
      dequeue(shop, lane, event.eventId);
      // The shop's other addresses come before this one has its next turn.
      shop.lanes.delete(endpoint);
      shop.lanes.set(endpoint, lane);
      if ('begin' in event) {
        event.begin(begin(merchantId, endpoint));
        return next(merchantId, isOpen);
      }
      takePlace(shop);
      return { endpoint, event, leave: begin(merchantId, endpoint) };
    }
    return undefined;
  }

  /** One shop may fill as much memory as it leaves to the others. */
  const isFull = (shop: Shop): boolean => shop.waiting >= REMEMBERED_MAX - waiting;

  function laneOf(merchantId: string, endpoint: string): { shop: Shop; lane: Lane } {
    const shop = shops.get(merchantId) ?? { places: 0, waiting: 0, lanes: new Map<string, Lane>() };
    shops.set(merchantId, shop);
    const lane = shop.lanes.get(endpoint) ?? { running: 0, meanMs: null, bookedUntil: 0, waiting: new Map() };
    shop.lanes.set(endpoint, lane);
    return { shop, lane };
  }

  function dropIdle(merchantId: string, endpoint: string): void {
    const shop = shops.get(merchantId);
    const lane = shop?.lanes.get(endpoint);
    if (lane?.running === 0 && lane.waiting.size === 0) shop?.lanes.delete(endpoint);
    if (shop?.lanes.size === 0) shops.delete(merchantId);
  }

  return { enter, standInLine, comeAgainAt, remember, next };
}

function meanWith(meanMs: number | null, latestMs: number): number {
  return meanMs === null ? latestMs : meanMs + SMOOTHING * (latestMs - meanMs);
}
