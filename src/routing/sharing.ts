import type { EpochMs } from '../payment/index.ts';
import type { BreakerChange, Breakers } from './breakers.ts';
import type { CallTicket } from './call-record.ts';
import type { RoutingNews } from './news.ts';
import type { Statistics } from './statistics.ts';

export interface Sharing {
  /** The same statistics, which tell what they learn. */
  readonly statistics: Statistics;
  /** A breaker of this replica has changed. */
  gateChanged(channelId: string, method: string, state: 'open' | 'closed'): void;
  breakerChanged(change: BreakerChange): void;
  /** Learns what another replica has told, or what this one has put off. Tells nobody. */
  apply(news: RoutingNews, now: EpochMs): void;
  /** What somebody who has just come has to know. */
  standing(): readonly RoutingNews[];
}

/**
 * Lets replicas learn from each other: each tells what it sees (calls and how they ended, orders opened and paid) and which breakers
 * have moved, and each keeps its own conclusions. Nothing is counted twice: what a replica has seen itself it applies itself, once.
 * @param tell hears what the others should know. Of orders it says when they are applied here, since an order that is opened here may be
 * known as paid elsewhere: answer true, and `apply` them when all have surely heard, or false for now
 */
export function createSharing(
  inner: Statistics,
  breakers: Pick<Breakers, 'follow'>,
  tell: (news: RoutingNews) => boolean,
): Sharing {
  const trials = new WeakSet<CallTicket>();
  let applying = false;

  function quietly(act: () => void): void {
    applying = true;
    try {
      act();
    } finally {
      applying = false;
    }
  }

  const announce = (news: RoutingNews): void => {
    if (!applying) tell(news);
  };

  const technical: Statistics['technical'] = {
    ...inner.technical,
    trip: (channelId, methods, now) => {
      inner.technical.trip(channelId, methods, now);
      announce({ kind: 'misconfigured', channelId, methods });
    },
    probe: (channelId, methods, ok, now) => {
      const was = inner.technical.isOutOfService(channelId);
      inner.technical.probe(channelId, methods, ok, now);
      if (was && ok) announce({ kind: 'mended', channelId });
    },
  };

  const payments: Statistics['payments'] = {
    ...inner.payments,
    opened: (channelId, { method, currency, band }, at, now) => {
      const news: RoutingNews = { kind: 'opened', channelId, method, currency, band, at };
      if (!tell(news)) apply(news, now);
    },
    paid: (channelId, { method, currency, band }, at, now) => {
      const news: RoutingNews = { kind: 'paid', channelId, method, currency, band, at };
      if (!tell(news)) apply(news, now);
    },
  };

  const statistics: Statistics = {
    ...inner,
    technical,
    payments,
    decided: (amountMinor, noted, share, now) => {
      inner.decided(amountMinor, noted, share, now);
      for (const wanted of noted.wanted) announce({ kind: 'wanted', ...wanted });
    },
    callStarted: (channelId, method, now) => {
      const trial = inner.technical.gate(channelId, method, now) === 'trial';
      const ticket = inner.callStarted(channelId, method, now);
      if (trial) {
        trials.add(ticket);
        announce({ kind: 'trial', channelId, method });
      }
      return ticket;
    },
    callEnded: (ticket, outcome, now, latencyMs) => {
      if (ticket.ended) return;
      const { channelId, method } = ticket;
      const trial = trials.has(ticket);
      inner.callEnded(ticket, outcome, now, latencyMs);
      const technically = outcome === 'ok' || outcome === 'failed' ? outcome : 'refused';
      announce({
        kind: 'call',
        channelId,
        method,
        outcome: technically,
        latencyMs: latencyMs ?? Math.max(0, now - ticket.startedAt),
        trial,
      });
    },
  };

  function apply(news: RoutingNews, now: EpochMs): void {
    quietly(() => take(news, now));
  }

  function take(news: RoutingNews, now: EpochMs): void {
    const { channelId } = news;
    const { elsewhere } = inner.technical;
    switch (news.kind) {
      case 'call':
        elsewhere.call(news, now);
        break;
      case 'trial':
        elsewhere.trial(channelId, news.method, now);
        break;
      case 'gate':
        elsewhere.gate(channelId, news.method, news.state, now);
        break;
      case 'breaker':
        breakers.follow(channelId, news.operation, news.state);
        break;
      case 'misconfigured':
        inner.technical.trip(channelId, news.methods, now);
        break;
      case 'mended':
        elsewhere.mended(channelId);
        break;
      case 'wanted':
        inner.wanted(news, now);
        break;
      case 'opened':
        inner.payments.opened(channelId, news, news.at, now);
        break;
      case 'paid':
        inner.payments.paid(channelId, news, news.at, now);
        break;
    }
  }

  return {
    statistics,
    apply,
    gateChanged: (channelId, method, state) => announce({ kind: 'gate', channelId, method, state }),
    breakerChanged: ({ channelId, operation, state }) => {
      if (state !== 'half_open') announce({ kind: 'breaker', channelId, operation, state });
    },
    standing: () => [
      ...inner.technical
        .openGates()
        .map(({ channelId, method }) => ({ kind: 'gate', channelId, method, state: 'open' }) as const),
      ...inner.technical
        .outOfService()
        .map((channelId) => ({ kind: 'misconfigured', channelId, methods: [] }) as const),
    ],
  };
}
