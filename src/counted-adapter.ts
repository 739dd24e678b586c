import type { ChannelAdapter } from './channel/index.ts';

/** An adapter that knows whether somebody is using it. */
export interface CountedAdapter {
  readonly adapter: ChannelAdapter;
  /** Calls that have begun and not ended. */
  underWay(): number;
  /** When the last call began or ended; the time of opening before the first. */
  usedAt(): number;
}

/** Counts the calls of an adapter, so that it can be closed without cutting one short. */
export function counted(inner: ChannelAdapter, now: () => number): CountedAdapter {
  let underWay = 0;
  let usedAt = now();
  const count = <Given extends readonly unknown[], Answer>(call: (...given: Given) => Promise<Answer>) => {
    return async (...given: Given): Promise<Answer> => {
      underWay += 1;
      usedAt = now();
      try {
        return await call(...given);
      } finally {
        underWay -= 1;
        usedAt = now();
      }
    };
  };
  return {
    adapter: {
      ...inner,
      create: count(inner.create),
      query: count(inner.query),
      close: count(inner.close),
      refund: count(inner.refund),
      queryRefund: count(inner.queryRefund),
      parseCallback: count(inner.parseCallback),
      probe: count((signal: AbortSignal) => inner.probe(signal)),
    },
    underWay: () => underWay,
    usedAt: () => usedAt,
  };
}
