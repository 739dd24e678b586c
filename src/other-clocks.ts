import type { WireExchange } from './channel/index.ts';
import type { ClockCheck } from './clock-check.ts';
import type { ClockStatus } from './http/index.ts';

/** What a provider's answer said longer ago tells nothing of the clocks of now. */
const TOLD_WITHIN_MS = 15 * 60_000;

/**
 * The clocks of others, for the status: of the servers that all replicas use, and of providers by the `Date` of their last answer. That one is
 * whole seconds old at best, and as old as a slow answer at worst.
 */
export function createOtherClocks({ now }: { readonly now: () => number }) {
  const dates = new Map<string, { readonly skewMs: number; readonly at: number }>();

  return {
    /** Looks at what a provider has answered. What comes from a cache has an `Age`, and a time of its own. */
    noteAnswer(channelId: string, { responseHeaders: headers }: WireExchange): void {
      const theirs = headers.age === undefined ? Date.parse(headers.date ?? '') : Number.NaN;
      if (!Number.isNaN(theirs)) dates.set(channelId, { skewMs: now() - theirs, at: now() });
    },
    forget(channelId: string): void {
      dates.delete(channelId);
    },
    /** Ours less theirs. */
    read(servers: Pick<ClockCheck, 'skews'> | null, channelIds: Iterable<string>): readonly ClockStatus[] {
      const ofServers = [...(servers?.skews() ?? [])].map(
        ([against, skewMs]): ClockStatus => ({ against, kind: 'server', skew_ms: skewMs }),
      );
      const ofProviders = [...channelIds].flatMap((against): ClockStatus[] => {
        const last = dates.get(against);
        if (last === undefined || Math.abs(now() - last.at) > TOLD_WITHIN_MS) return [];
        return [{ against, kind: 'provider', skew_ms: last.skewMs }];
      });
      return [...ofServers, ...ofProviders];
    },
  };
}
