import type { Dashboard } from './dashboard.ts';
import { inMajorUnits, successShare } from './expressions.ts';
import { careSection } from './overview-care.ts';
import { flowSection, shopsSection } from './overview-flow.ts';
import { nowSection } from './overview-now.ts';
import { breakers, lines, type Panel, THRESHOLD, table, variable } from './panels.ts';

const CHANNEL_URL = `/d/switchyard-channel?var-channel=${variable('__data.fields.channel')}&${variable('__url_time_range')}`;

/** The page to open first: whether money comes in, and if not, where it is stuck. */
export const overview: Dashboard = {
  uid: 'switchyard-overview',
  title: 'Switchyard: overview',
  description: 'Is money coming in? If not, where is it stuck? Read it from the top; each panel says what to do.',
  sections: [
    nowSection,
    { title: 'Money', panels: [moneyIn(), moneyOut()] },
    { title: 'Payments', panels: [outcomes(), shareByMethod(), taken(), shareByChannel()] },
    { title: 'Channels', panels: [channels(), breakerTimeline(), failures(), decisions(), exclusions(), failovers()] },
    flowSection,
    shopsSection,
    careSection,
  ],
};

function moneyIn(): Panel {
  return lines({
    title: 'Money in, per currency and hour',
    shows:
      'What buyers paid during the hour before each point, in units of the currency (CNY: yuan). From counters, so an estimate; the books are the payments themselves.',
    normal: 'follows the day of the shops, and falls to nothing only when they sleep.',
    otherwise:
      'a sudden fall: look at "Success share" and "Breakers"; if all is well there, the shops send fewer orders.',
    unit: 'locale',
    width: 12,
    queries: [
      {
        legend: '{{currency}}',
        expr: inMajorUnits(
          (currency) => `sum by (currency) (increase(switchyard_captured_minor_total{${currency}}[1h]))`,
        ),
      },
    ],
  });
}

function moneyOut(): Panel {
  return lines({
    title: 'Money out, per currency, cause and hour',
    shows:
      'What went back to buyers during the hour before each point. `merchant`: a shop asked for it. `surplus`, `late`, `mismatch`: the gateway gave back money that should not have come.',
    normal: 'small beside "Money in", and nearly all of it `merchant`.',
    otherwise:
      '`merchant` high: ask the shop whether it means it, or whether its key was stolen. The others high: buyers pay twice or too late; see "Anomalies".',
    unit: 'locale',
    width: 12,
    queries: [
      {
        legend: '{{currency}} {{cause}}',
        expr: inMajorUnits(
          (currency) => `sum by (currency, cause) (increase(switchyard_returned_minor_total{${currency}}[1h]))`,
        ),
      },
    ],
  });
}

function outcomes(): Panel {
  return lines({
    title: 'Payments, per minute',
    shows:
      'Payments created, succeeded, failed and closed (expired or given up). `rejected`: no channel wanted the order, so the shop got 503 (422 when it had named a channel); no payment was made.',
    normal: 'succeeded follows created by a minute or two; failed is small; rejected is 0.',
    otherwise:
      'rejected above 0: go to "Channels". Created falls while the shops are busy: is `PUBLIC_URL` reachable? Closed grows: buyers do not get to pay; open a cashier page yourself.',
    runbooks: ['PaymentSloFastBurn', 'PaymentSloSlowBurn'],
    unit: 'short',
    width: 6,
    queries: [
      { legend: '{{outcome}}', expr: 'sum by (outcome) (rate(switchyard_payments_total[$__rate_interval])) * 60' },
    ],
  });
}

function shareByMethod(): Panel {
  return lines({
    title: 'Success share by method, 30 min',
    shows:
      'Of the payments that succeeded or failed in the half hour before each point, the share that succeeded. Orders that buyers left alone are closed, not failed. The dashed line is `alerts.success_rate_below`.',
    normal: 'above the dashed line.',
    otherwise:
      'one method falls: see its channels to the right. All fall together: the gateway, its network or the shops.',
    runbooks: ['PaymentsFailing'],
    unit: 'percentunit',
    max: 1,
    width: 6,
    queries: [
      {
        legend: '{{method}}',
        expr: successShare({ metric: 'switchyard_payments_total', window: '30m', by: 'method' }),
      },
      { legend: THRESHOLD, expr: 'max(switchyard_alert_threshold{alert="success_rate_below"})' },
    ],
  });
}

function taken(): Panel {
  const of = (outcome: string) =>
    `sum by (channel) (increase(switchyard_channel_requests_total{operation="create",${outcome}}[5m]))`;
  const counted = of('outcome!~"DECLINED|INVALID_REQUEST|RISK_REJECTED|NOT_FOUND|ALREADY_PAID|ALREADY_CLOSED"');
  return lines({
    title: 'Orders taken by channel, 5 min',
    shows:
      'Of the orders that the channel was asked for in five minutes, the share that it took; without those that it was right to refuse. The dashed line is `alerts.success_rate_below`.',
    normal: 'near 100%.',
    otherwise:
      'a channel fails: its payments fail over until its breaker opens. "Calls to channels that were not ok" says how it fails.',
    runbooks: ['ChannelSuccessRateLow'],
    unit: 'percentunit',
    max: 1,
    width: 6,
    queries: [
      { legend: '{{channel}}', expr: `(${of('outcome="ok"')} or 0 * ${counted}) / ${counted}` },
      { legend: THRESHOLD, expr: 'max(switchyard_alert_threshold{alert="success_rate_below"})' },
    ],
  });
}

function shareByChannel(): Panel {
  return lines({
    title: 'Paid share by channel, 30 min',
    shows:
      'Orders that became known as paid, out of the orders opened at that channel, both in the half hour before each point. It is above 100% for a while when buyers pay orders of before.',
    normal: 'channels of one method lie close together.',
    otherwise:
      'one channel falls alone: its pages or its account are broken. Try it yourself, then set its `weight: 0` and open its dashboard.',
    runbooks: ['ChannelPaidShareDropped'],
    unit: 'percentunit',
    width: 6,
    queries: [
      {
        legend: '{{channel}}',
        expr: 'sum by (channel) (increase(switchyard_payment_known_seconds_count[30m])) / sum by (channel) (increase(switchyard_channel_requests_total{operation="create",outcome="ok"}[30m]) > 0)',
      },
    ],
  });
}

function channels(): Panel {
  const share = (name: string) => ({ name, unit: 'percentunit' });
  return table({
    title: 'Channels now',
    shows:
      'Every channel: weight, score, what routing believes of calls and of buyers, and its breaker for creates. A click leads to its dashboard.',
    normal: 'breaker 0, calls above 99%.',
    otherwise:
      'breaker 2 (open): no new payments go there. Weight 0: it was drained, was that meant? Calls low: the provider; paid low: its pages.',
    runbooks: ['ChannelDown'],
    unit: 'none',
    width: 12,
    queries: [
      { legend: '', expr: 'max by (channel) (switchyard_channel_weight)' },
      { legend: '', expr: 'max by (channel) (switchyard_channel_score)' },
      { legend: '', expr: 'max by (channel) (switchyard_channel_success_ratio{kind="technical"})' },
      { legend: '', expr: 'max by (channel) (switchyard_channel_success_ratio{kind="payment"})' },
      { legend: '', expr: 'max by (channel) (switchyard_channel_breaker_state{operation="create"})' },
    ],
    columns: [
      { name: 'weight' },
      { name: 'score' },
      share('calls'),
      share('paid'),
      {
        name: 'breaker',
        steps: [
          { from: null, color: 'green' },
          { from: 1, color: 'orange' },
          { from: 2, color: 'red' },
        ],
      },
    ],
    links: [{ name: 'channel', url: CHANNEL_URL }],
  });
}

function breakerTimeline(): Panel {
  return breakers({
    title: 'Breakers of creates',
    shows:
      'For each channel, whether its breaker lets creates through: green closed, orange half-open (a trial), red open (left alone).',
    normal: 'green. A short red band means that a hiccup was routed around.',
    otherwise:
      "red for minutes: the channel is down and its traffic is elsewhere; see its dashboard and the provider's status page. All red: shops get 503; nothing is lost, but nothing is sold.",
    runbooks: ['ChannelDown', 'AllChannelsOfMethodDown'],
    width: 12,
    queries: [
      { legend: '{{channel}}', expr: 'max by (channel) (switchyard_channel_breaker_state{operation="create"})' },
    ],
  });
}

function failures(): Panel {
  return lines({
    title: 'Calls to channels that were not ok, per minute',
    shows: 'By channel and kind of error.',
    normal: 'a few `DECLINED` and `ALREADY_CLOSED`.',
    otherwise:
      '`AUTH_MISCONFIGURED`: a key is wrong or the account is frozen, and only you can mend it. `CHANNEL_TIMEOUT_UNKNOWN`, `CHANNEL_UNAVAILABLE`: the provider. `RATE_LIMITED`: lower `limits.per_minute`. `INSUFFICIENT_BALANCE`: fill the account.',
    runbooks: ['ChannelMisconfigured', 'ChannelRiskRejecting'],
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '{{channel}} {{outcome}}',
        expr: 'sum by (channel, outcome) (rate(switchyard_channel_requests_total{outcome!="ok"}[$__rate_interval])) * 60 > 0',
      },
    ],
  });
}

function decisions(): Panel {
  return lines({
    title: 'Choices of a channel and why, per minute',
    shows:
      'Where payments were sent, and why: `best_score`; `preferred`, `split` (a rule); `pinned` (the shop named it); `exploration` (to learn); `probe` (a small payment to a channel that may be back); `panic` (no channel is well, so the best of the sick ones).',
    normal: 'mostly `best_score` and your rules; exploration is below the share of `routing.exploration`.',
    otherwise:
      '`panic`: see "Breakers of creates", nothing is well. Another channel than you expect: compare the scores in "Channels now", and ask `POST /v1/routing/quote`. `payments show <id>` has the numbers of one decision.',
    unit: 'short',
    stacked: true,
    width: 12,
    queries: [
      {
        legend: '{{channel}} {{reason}}',
        expr: 'sum by (channel, reason) (rate(switchyard_routing_decisions_total[$__rate_interval])) * 60',
      },
    ],
  });
}

function exclusions(): Panel {
  return lines({
    title: 'Channels left out and why, per minute',
    shows:
      'For every choice, the channels that were left out although they offer what the payment asked for: for its amount, for what you set (`rule`, `draining`, `disabled`, `maintenance`, `daily_limit`, `daily_pacing`, `rate_limit`), or for what passes by itself (`breaker_open`, `cooling_down`).',
    normal: 'nothing, or what you set yourself.',
    otherwise:
      '`daily_limit`, `rate_limit`: raise `limits` of the channel, or be glad of them. `breaker_open`: the channel is down. `rule`: `payments show <id>` names the rule.',
    runbooks: ['ChannelDown', 'AllChannelsOfMethodDown'],
    unit: 'short',
    stacked: true,
    width: 12,
    queries: [
      {
        legend: '{{channel}} {{reason}}',
        expr: 'sum by (channel, reason) (rate(switchyard_routing_exclusions_total{reason!~"method|currency|scene|already_tried|pinned_elsewhere"}[$__rate_interval])) * 60',
      },
    ],
  });
}

function failovers(): Panel {
  return lines({
    title: 'Failovers to a channel, per minute',
    shows: 'Payments that came to this channel because another had failed within the same request.',
    normal: '0.',
    otherwise:
      'the first choice fails on creates: find it in "Calls to channels that were not ok". It goes on until its breaker opens.',
    runbooks: ['ChannelSuccessRateLow'],
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '{{channel}}',
        expr: 'sum by (channel) (rate(switchyard_routing_decisions_total{position="failover"}[$__rate_interval])) * 60',
      },
    ],
  });
}
