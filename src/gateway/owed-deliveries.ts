import type { Waiting } from './delivery-lanes.ts';
import type { Endpoint } from './failing-endpoints.ts';

/** More are not kept, and of one address no more than it leaves to the others; their own times bring them. */
const KEPT_MAX = 20_000;

/**
 * The events that an address has failed to take. Their next try may be hours away, so they are called from here as soon as the
 * address works again. A promise of this process alone: the document says when the agenda brings each without it.
 */
export function createOwedDeliveries() {
  const owed = new Map<string, Map<string, Waiting>>();
  let kept = 0;

  function remember(at: Endpoint, event: Waiting): void {
    const key = keyOf(at);
    const events = owed.get(key) ?? new Map<string, Waiting>();
    if (!events.has(event.eventId)) {
      if (events.size >= KEPT_MAX - kept) return;
      kept += 1;
    }
    events.set(event.eventId, event);
    owed.set(key, events);
  }

  /** The address has taken it after all, it was given up, or its turn is kept elsewhere. */
  function forget(at: Endpoint, eventId: string): void {
    const key = keyOf(at);
    const events = owed.get(key);
    if (!events?.delete(eventId)) return;
    kept -= 1;
    if (events.size === 0) owed.delete(key);
  }

  /** All that an address owes, the longest first; they are not kept any longer. */
  function release(at: Endpoint): readonly Waiting[] {
    const key = keyOf(at);
    const events = [...(owed.get(key)?.values() ?? [])];
    owed.delete(key);
    kept -= events.length;
    return events;
  }

  return { remember, forget, release };
}

function keyOf({ merchantId, endpoint }: Endpoint): string {
  return `${merchantId} ${endpoint}`;
}
