import type { Section } from './dashboard.ts';
import { lines, type Panel, THRESHOLD } from './panels.ts';

const OF = 'channel="$channel"';

/** What this channel's provider tells us, and what we have to ask. */
export const callbacksSection: Section = {
  title: 'How its payments become known',
  panels: [callbacks(), callbackDelay(), knownBy(), postponed()],
};

/** Money that goes back, and what is left to send it from. */
export const refundsSection: Section = {
  title: 'Refunds and balance',
  panels: [refunds(), surplus(), drained(), balance()],
};

function callbacks(): Panel {
  return lines({
    title: 'Callbacks by outcome, per minute',
    shows:
      '`applied` changed a payment; `duplicate` and `ignored` did not have to. The others were refused or could not be written.',
    normal: 'applied, and some duplicates.',
    otherwise:
      '`bad_signature`: was a key changed at the provider? `amount_mismatch`: compare with its console at once. None at all while creates go on: is its callback URL right?',
    runbooks: ['CallbackBadSignatures', 'AmountMismatch'],
    unit: 'short',
    stacked: true,
    width: 6,
    queries: [
      {
        legend: '{{outcome}}',
        expr: `sum by (outcome) (rate(switchyard_callbacks_total{${OF}}[$__rate_interval])) * 60`,
      },
    ],
  });
}

function callbackDelay(): Panel {
  const quantile = (share: string) =>
    `histogram_quantile(${share}, sum by (le) (rate(switchyard_callback_delay_seconds_bucket{${OF}}[5m])))`;
  return lines({
    title: 'Callback delay',
    shows: "From the provider's paid-at to our commit. The dashed line is `alerts.callback_delay_p95_above`.",
    normal: 'seconds.',
    otherwise: 'p95 above the line: the provider is late or repeats what we refused; see the outcomes to the left.',
    runbooks: ['CallbackDelayHigh'],
    unit: 's',
    width: 6,
    queries: [
      { legend: 'p50', expr: quantile('0.5') },
      { legend: 'p95', expr: quantile('0.95') },
      { legend: THRESHOLD, expr: 'max(switchyard_alert_threshold{alert="callback_delay_p95_above"})' },
    ],
  });
}

function knownBy(): Panel {
  return lines({
    title: 'Payments become known, per minute',
    shows:
      'How we learnt that buyers had paid: by `callback`, by our own `query`, or while we wanted to `close` the order.',
    normal: 'nearly all by callback.',
    otherwise: "query grows: its callbacks are lost. The provider's console usually shows failed notices.",
    runbooks: ['CallbacksStopped'],
    unit: 'short',
    stacked: true,
    width: 6,
    queries: [
      {
        legend: '{{by}}',
        expr: `sum by (by) (rate(switchyard_payment_known_seconds_count{${OF}}[$__rate_interval])) * 60`,
      },
    ],
  });
}

function postponed(): Panel {
  return lines({
    title: 'Questions that had to wait, per minute',
    shows: 'Queries that waited because `queries_per_second` was used up.',
    normal: '0, with short peaks after an outage.',
    otherwise: 'steady: raise `queries_per_second`, if the provider allows it.',
    unit: 'short',
    width: 6,
    queries: [
      { legend: 'postponed', expr: `sum(rate(switchyard_queries_postponed_total{${OF}}[$__rate_interval])) * 60` },
    ],
  });
}

function refunds(): Panel {
  return lines({
    title: 'Refunds, per hour',
    shows: 'Requested, succeeded and failed, by cause.',
    normal: 'succeeded follows requested.',
    otherwise:
      'requested without succeeded: `INSUFFICIENT_BALANCE` among the calls? Fill the account; they go on by themselves.',
    runbooks: ['RefundsFailing'],
    unit: 'short',
    width: 6,
    queries: [
      {
        legend: '{{cause}} {{outcome}}',
        expr: `sum by (cause, outcome) (switchyard:refunds:events1h{${OF}})`,
      },
    ],
  });
}

function surplus(): Panel {
  return lines({
    title: 'Second payments of one order, per hour',
    shows: 'Buyers who paid twice, the second time here.',
    normal: 'rare.',
    otherwise: 'its page does not show that it was paid, or its callbacks are late.',
    runbooks: ['SurplusPayments'],
    unit: 'short',
    width: 6,
    queries: [{ legend: 'surplus', expr: `sum(switchyard:surplus_payments:events1h{${OF}})` }],
  });
}

function drained(): Panel {
  return lines({
    title: 'Payments while it takes no new orders, per hour',
    shows: 'Money that arrived here while the channel was draining or disabled.',
    normal: 'none, but for the first minutes after draining.',
    otherwise: 'old orders are still being paid: do not remove the channel yet.',
    runbooks: ['DrainedChannelReceivesMoney'],
    unit: 'short',
    width: 6,
    queries: [{ legend: 'payments', expr: `sum(switchyard:drained_channel_payments:events1h{${OF}})` }],
  });
}

/** How near its daily limit the channel is. */
export function dailyLimit(): Panel {
  return lines({
    title: 'Daily limit, used',
    shows: 'Which part of `limits.daily` its orders have taken since its midnight, paid or to be paid yet.',
    normal: 'below 100% at the end of the day.',
    otherwise:
      '100%: it gets no more orders until its midnight (`daily_limit` among the channels left out); raise the limit, or spread it with `pacing: even`. Empty: it has no daily limit.',
    unit: 'percentunit',
    max: 1,
    width: 8,
    queries: [{ legend: '{{currency}}', expr: `max by (currency) (switchyard_channel_daily_used_ratio{${OF}})` }],
  });
}

function balance(): Panel {
  return lines({
    title: 'Balance at the provider, in minor units',
    shows:
      "What is left in our account there, in minor units (CNY: fen), where the provider tells it. The dashed line is this channel's `alerts.balance_below`.",
    normal: 'above the dashed line.',
    otherwise: 'below it refunds will soon fail: fill the account. Empty: this provider does not tell its balance.',
    runbooks: ['ChannelBalanceLow'],
    unit: 'short',
    width: 6,
    queries: [
      { legend: '{{currency}}', expr: `min by (currency) (switchyard_channel_balance_minor{${OF}})` },
      { legend: THRESHOLD, expr: 'max(switchyard_alert_threshold{alert="balance_below:$channel"})' },
    ],
  });
}
