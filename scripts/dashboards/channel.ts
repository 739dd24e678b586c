import { callbacksSection, dailyLimit, refundsSection } from './channel-money.ts';
import type { Dashboard } from './dashboard.ts';
import { inMajorUnits } from './expressions.ts';
import { breakers, lines, type Panel, table } from './panels.ts';

const OF = 'channel="$channel"';

/** Everything about one channel, from its calls to its balance. */
export const channel: Dashboard = {
  uid: 'switchyard-channel',
  title: 'Switchyard: one channel',
  description: 'Is it the provider, our account there, the buyers, or us? Choose the channel above.',
  choice: { label: 'channel', metric: 'switchyard_channel_weight' },
  sections: [
    { title: 'What it is, and how it stands', panels: [identity(), breakerTimeline(), ratios(), score(), decisions()] },
    { title: 'Calls to the provider', panels: [requests(), failures(), latency(), callsPerOperation()] },
    callbacksSection,
    { title: 'Money', panels: [moneyIn(), moneyOut(), dailyLimit()] },
    refundsSection,
  ],
};

function identity(): Panel {
  return table({
    title: 'Identity',
    shows: 'Provider, mode and methods of this channel, one row for each method.',
    normal: '`live` in production.',
    otherwise:
      '`sandbox` in production cannot be: such a start is refused. Nothing here: the channel is not in the running configuration.',
    unit: 'none',
    width: 12,
    queries: [{ legend: '', expr: `max by (channel, provider, mode, method) (switchyard_channel_info{${OF}})` }],
    columns: [],
    hide: ['Value'],
  });
}

function breakerTimeline(): Panel {
  return breakers({
    title: 'Breakers per operation',
    shows: 'Green closed, orange half-open (a trial), red open (the channel is left alone for this operation).',
    normal: 'green.',
    otherwise:
      'create red: new payments go elsewhere. Query red: unpaid orders are asked about later. Refund red: refunds wait, none is lost. It is tried again every `open_for` by itself.',
    runbooks: ['ChannelDown', 'ChannelDutiesBlocked'],
    width: 12,
    queries: [{ legend: '{{operation}}', expr: `max by (operation) (switchyard_channel_breaker_state{${OF}})` }],
  });
}

function ratios(): Panel {
  return lines({
    title: 'What routing believes',
    shows:
      '`technical`: share of calls that work. `payment`: share of its orders that buyers pay. Learnt, and started anew with the process.',
    normal: 'technical above 99%; payment level.',
    otherwise: 'technical falls: the provider. Payment falls alone: buyers see a broken page; try it yourself.',
    runbooks: ['ChannelSuccessRateLow', 'ChannelPaidShareDropped'],
    unit: 'percentunit',
    max: 1,
    width: 8,
    queries: [{ legend: '{{kind}}', expr: `max by (kind) (switchyard_channel_success_ratio{${OF}})` }],
  });
}

function score(): Panel {
  return lines({
    title: 'Score and weight',
    shows:
      'The score for a payment of 50.00 (0 to 1, the higher is chosen), and the weight of the configuration as a share of 100.',
    normal: 'level.',
    otherwise:
      '0: it is draining (`weight: 0`). Lower than the others of its method: they get the payments; that is meant to be.',
    unit: 'none',
    width: 8,
    queries: [
      { legend: 'score', expr: `max(switchyard_channel_score{${OF}})` },
      { legend: 'weight / 100', expr: `max(switchyard_channel_weight{${OF}}) / 100` },
    ],
  });
}

function decisions(): Panel {
  return lines({
    title: 'How payments came here, per minute',
    shows: 'As the first choice or by failover, and why.',
    normal: 'first, `best_score`.',
    otherwise:
      'failover grows: another channel fails on creates, and this one carries its traffic. Does it have the limits for that?',
    unit: 'short',
    stacked: true,
    width: 8,
    queries: [
      {
        legend: '{{position}} {{reason}}',
        expr: `sum by (position, reason) (rate(switchyard_routing_decisions_total{${OF}}[$__rate_interval])) * 60`,
      },
    ],
  });
}

function requests(): Panel {
  return lines({
    title: 'Calls by outcome, per minute',
    shows: 'All calls to the provider: `ok`, or the kind of error.',
    normal: '`ok`, and a few `DECLINED` or `ALREADY_CLOSED`.',
    otherwise:
      'nothing at all while its breaker is closed: it is not chosen; see "Score and weight". Errors: the panel to the right.',
    unit: 'short',
    stacked: true,
    width: 12,
    queries: [
      {
        legend: '{{outcome}}',
        expr: `sum by (outcome) (rate(switchyard_channel_requests_total{${OF}}[$__rate_interval])) * 60`,
      },
    ],
  });
}

function failures(): Panel {
  return lines({
    title: 'Calls that were not ok, per minute',
    shows: 'By operation and kind of error.',
    normal: 'nearly nothing.',
    otherwise:
      "`AUTH_MISCONFIGURED`: keys, certificates or a frozen account: the provider's console. `CHANNEL_TIMEOUT_UNKNOWN`: payments are being asked about; do not raise `timeouts` in haste. `CHANNEL_UNAVAILABLE`: its status page. `RATE_LIMITED`: lower `limits.per_minute`.",
    runbooks: ['ChannelMisconfigured', 'ChannelRiskRejecting'],
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '{{operation}} {{outcome}}',
        expr: `sum by (operation, outcome) (rate(switchyard_channel_requests_total{${OF},outcome!="ok"}[$__rate_interval])) * 60 > 0`,
      },
    ],
  });
}

function latency(): Panel {
  const quantile = (share: string) =>
    `histogram_quantile(${share}, sum by (operation, le) (rate(switchyard_channel_request_duration_seconds_bucket{${OF}}[5m])))`;
  return lines({
    title: 'Time of a call: p50, p95, p99',
    shows: 'Half of the calls were faster than p50, all but one in a hundred faster than p99.',
    normal: 'p99 below half of the `timeouts` of the configuration (3 s for creates by default).',
    otherwise:
      'near the time-out: calls will be cut off and their outcome unknown. Raise `timeouts`, or lower `weight`.',
    unit: 's',
    width: 12,
    queries: [
      { legend: '{{operation}} p50', expr: quantile('0.5') },
      { legend: '{{operation}} p95', expr: quantile('0.95') },
      { legend: '{{operation}} p99', expr: quantile('0.99') },
    ],
  });
}

function callsPerOperation(): Panel {
  return lines({
    title: 'Calls by operation, per minute',
    shows: 'Creates, queries, closes, refunds and the rest.',
    normal: 'queries grow with unpaid orders.',
    otherwise:
      'queries far above creates: callbacks are lost, so everything has to be asked; see "Payments become known".',
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '{{operation}}',
        expr: `sum by (operation) (rate(switchyard_channel_requests_total{${OF}}[$__rate_interval])) * 60`,
      },
    ],
  });
}

function moneyIn(): Panel {
  return lines({
    title: 'Money in, per currency and hour',
    shows:
      'What buyers paid through this channel during the hour before each point, in units of the currency (CNY: yuan). An estimate from counters.',
    normal: 'follows the day.',
    otherwise: 'falls while other channels of its method do not: see its breaker and its score.',
    unit: 'locale',
    width: 8,
    queries: [
      {
        legend: '{{currency}}',
        expr: inMajorUnits((c) => `sum by (currency) (increase(switchyard_captured_minor_total{${OF},${c}}[1h]))`),
      },
    ],
  });
}

function moneyOut(): Panel {
  return lines({
    title: 'Money out, per currency, cause and hour',
    shows: 'What went back to buyers through this channel during the hour before each point, in units of the currency.',
    normal: 'small beside "Money in".',
    otherwise:
      '`surplus` or `late` high: callbacks of this channel are late or lost, or its page does not show that it was paid.',
    unit: 'locale',
    width: 8,
    queries: [
      {
        legend: '{{currency}} {{cause}}',
        expr: inMajorUnits(
          (c) => `sum by (currency, cause) (increase(switchyard_returned_minor_total{${OF},${c}}[1h]))`,
        ),
      },
    ],
  });
}
