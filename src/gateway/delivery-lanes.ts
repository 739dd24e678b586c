import type { EpochMs } from '../payment/index.ts';
import type { Endpoint } from './failing-endpoints.ts';

/**
 * Deliveries of this process at the same time. Well below the places of the agenda worker, so that shops which do not answer can
 * never take the places of what else is due.
 */
const PLACES = 384;
/** Events whose turn is kept in memory; the others come by themselves when their time in the document has come. */
const REMEMBERED_MAX = 40_000;
/** However long the queue, its events are looked at this often; a shop that has become fast is not kept waiting for longer. */
const PUT_OFF_MAX_MS = 3_600_000;
/** Those that are not remembered are called by nobody, so they come more often. */
const UNREMEMBERED_PUT_OFF_MAX_MS = 600_000;
/** The weight of the latest delivery in the mean. */
const SMOOTHING = 0.2;

/** An event that has been put off, and the time that its document has for it. */
export interface Waiting {
  readonly paymentId: string;
  readonly eventId: string;
  readonly until: EpochMs;
  /** Whether the document says so by now. */
  readonly written: Promise<boolean>;
}

interface Lane {
  running: number;
  /** Null before the first delivery has ended. */
  meanMs: number | null;
  /** When the last of those that are not remembered has its turn. */
  bookedUntil: EpochMs;
  readonly waiting: Map<string, Waiting>;
}

interface Shop {
  running: number;
  waiting: number;
  readonly lanes: Map<string, Lane>;
}

/** Ends the stay in a lane. */
export type Leave = (durationMs: number | null) => void;

/**
 * Who may be called now. An address takes so many deliveries at a time, and a shop, over all of its addresses, as many as there
 * are free places: the more is taken, the less one shop gets, so whoever comes next finds a place. What finds none waits here in its
 * order; that is a promise of this process alone, and the document says when the agenda brings the event again without it.
 */
export function createDeliveryLanes(limits: () => { readonly perEndpoint: number; readonly timeoutMs: number }) {
  const shops = new Map<string, Shop>();
  let running = 0;
  let waiting = 0;

  const hasRoom = (shop: Shop | undefined, lane: Lane | undefined): boolean =>
    (lane?.running ?? 0) < limits().perEndpoint && (shop?.running ?? 0) < PLACES - running;

  /** Null: no room now. */
  function enter({ merchantId, endpoint }: Endpoint): Leave | null {
    const shop = shops.get(merchantId);
    if (!hasRoom(shop, shop?.lanes.get(endpoint))) return null;
    return begin(merchantId, endpoint);
  }

  function begin(merchantId: string, endpoint: string): Leave {
    const { shop, lane } = laneOf(merchantId, endpoint);
    running += 1;
    shop.running += 1;
    lane.running += 1;
    return (durationMs) => {
      running -= 1;
      shop.running -= 1;
      lane.running -= 1;
      if (durationMs !== null) lane.meanMs = meanWith(lane.meanMs, durationMs);
      dropIdle(merchantId, endpoint);
    };
  }

  /** When an event that found no room is to come again by itself, unless it is called before. */
  function comeAgainAt({ merchantId, endpoint }: Endpoint, now: EpochMs): EpochMs {
    const { perEndpoint, timeoutMs } = limits();
    const { shop, lane } = laneOf(merchantId, endpoint);
    const meanMs = lane.meanMs ?? timeoutMs;
    const ofLane = (lane.waiting.size / perEndpoint) * meanMs;
    const ofShop = shop.running >= PLACES - running ? (shop.waiting / Math.max(1, shop.running)) * meanMs : 0;
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
    lane.waiting.set(event.eventId, event);
    if (known) return;
    waiting += 1;
    shop.waiting += 1;
  }

  /** The shop's next event that has room, with a lane already taken for it. */
  function next(
    merchantId: string,
    isOpen: (endpoint: string) => boolean,
  ): { readonly endpoint: string; readonly event: Waiting; readonly leave: Leave } | undefined {
    const shop = shops.get(merchantId);
    if (!shop) return undefined;
    for (const [endpoint, lane] of shop.lanes) {
      const event = lane.waiting.values().next().value;
      if (event === undefined || !hasRoom(shop, lane) || !isOpen(endpoint)) continue;
      lane.waiting.delete(event.eventId);
      waiting -= 1;
      shop.waiting -= 1;
      // The shop's other addresses come before this one has its next turn.
      shop.lanes.delete(endpoint);
      shop.lanes.set(endpoint, lane);
      return { endpoint, event, leave: begin(merchantId, endpoint) };
    }
    return undefined;
  }

  /** One shop may fill as much memory as it leaves to the others. */
  const isFull = (shop: Shop): boolean => shop.waiting >= REMEMBERED_MAX - waiting;

  function laneOf(merchantId: string, endpoint: string): { shop: Shop; lane: Lane } {
    const shop = shops.get(merchantId) ?? { running: 0, waiting: 0, lanes: new Map<string, Lane>() };
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

  return { enter, comeAgainAt, remember, next };
}

function meanWith(meanMs: number | null, latestMs: number): number {
  return meanMs === null ? latestMs : meanMs + SMOOTHING * (latestMs - meanMs);
}
