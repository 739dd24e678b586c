import type { ChannelError } from '../channel/index.ts';
import type { Result } from '../payment/index.ts';
import { maintenanceAt } from '../routing/index.ts';
import type { ChannelCalls } from './channel-calls.ts';
import type { Parts } from './parts.ts';
import type { Channel } from './ports.ts';

/** How often the background looks whether a channel wants a probe. */
const TICK_MS = 500;
/** A channel that nobody has called for this long is asked whether it is there. */
const IDLE_MS = 3_000;
/** After a technical failure the channel is watched closely for this long, so that its breaker can decide. */
const SUSPECT_MS = 10_000;

/**
 * Side-effect-free probes. They keep breakers informed where no traffic does (an idle channel, or one whose create makes no
 * network call), and they are the first trial of an open breaker, so that no buyer is used while even they fail.
 */
export function createProber(parts: Parts, calls: ChannelCalls) {
  const inFlight = new Map<string, Promise<Result<void, ChannelError>>>();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  /** Asks now; callers at the same time share one call, so probing never exceeds one call in flight per channel. */
  function probe(channel: Channel): Promise<Result<void, ChannelError>> {
    const running = inFlight.get(channel.id);
    if (running) return running;
    const timeoutMs = channel.timeouts.queryMs;
    const started = calls
      .call(
        channel,
        { operation: 'probe', timeoutMs, method: null, paymentId: null, signal: stopping.signal },
        (signal) => channel.adapter.probe(signal),
      )
      .finally(() => inFlight.delete(channel.id));
    inFlight.set(channel.id, started);
    return started;
  }

  function wantsProbe(channel: Channel): boolean {
    if (!channel.profile.enabled) return false;
    // While it is known to be away its failures prove nothing, and would keep it out for longer than that.
    if (maintenanceAt(channel.profile.maintenance ?? [], parts.clock.now()) !== null) return false;
    const now = parts.clock.now();
    const { technical } = parts.statistics;
    if (technical.state(channel.id, now) !== 'closed') return technical.wantsProbe(channel.id, now);
    const { lastAt, lastFailureAt } = calls.contact(channel.id);
    // Either way: what lies ahead belongs to a clock that has been set back since.
    return Math.abs(now - lastFailureAt) < SUSPECT_MS || Math.abs(now - lastAt) >= IDLE_MS;
  }

  function tick(): void {
    for (const channel of parts.channels().values()) {
      if (!inFlight.has(channel.id) && wantsProbe(channel)) void probe(channel);
    }
  }

  return {
    probe,
    start: (): void => {
      timer = setInterval(tick, TICK_MS);
      timer.unref();
    },
    stop: async (): Promise<void> => {
      clearInterval(timer);
      stopping.abort();
      await Promise.allSettled(inFlight.values());
    },
  };
}

export type Prober = ReturnType<typeof createProber>;
