import type { Section } from './dashboard.ts';
import { successShare } from './expressions.ts';
import { number, type Panel, RUNBOOKS, type Step, table, variable } from './panels.ts';

const orangeThenRed = (orange: number, red: number): readonly Step[] => [
  { from: null, color: 'green' },
  { from: orange, color: 'orange' },
  { from: red, color: 'red' },
];

/** What must be known at a glance. */
export const nowSection: Section = {
  title: 'Now',
  panels: [
    firing(),
    up(),
    succeeded(),
    share(),
    rejected(),
    open(),
    unknown(),
    held(),
    oldestEvent(),
    dead(),
    oldestGoods(),
    anomalies(),
    store(),
  ],
};

function firing(): Panel {
  return table({
    title: 'Firing alerts',
    shows: 'The alerts that fire now, with the channel they are about. A click on the name leads to what to do.',
    normal: 'empty.',
    otherwise: 'start with severity `page`, and follow its runbook.',
    unit: 'none',
    width: 24,
    queries: [{ legend: '', expr: 'max by (alertname, severity, channel) (ALERTS{alertstate="firing"})' }],
    columns: [],
    hide: ['Value'],
    links: [{ name: 'alertname', url: `${RUNBOOKS}/${variable('__data.fields.alertname')}.md` }],
  });
}

function up(): Panel {
  return number({
    title: 'Gateways up',
    shows: 'How many gateways answer on their admin listener.',
    normal: '1: this version runs one process per `DATA_DIR`.',
    otherwise:
      '0: no payment can be made. Look at its last log lines; it says what is wrong. Start it again: it goes on where it stopped.',
    runbooks: ['GatewayDown', 'InstanceDown', 'InstanceRestarting'],
    unit: 'none',
    width: 4,
    queries: [{ legend: '', expr: 'sum(up{job="switchyard"})' }],
    steps: [
      { from: null, color: 'red' },
      { from: 1, color: 'green' },
    ],
  });
}

function succeeded(): Panel {
  return number({
    title: 'Succeeded, 15 min',
    shows: 'Payments that succeeded in the last quarter of an hour.',
    normal: 'what this hour of the day usually has.',
    otherwise: '0 while shops sell: work through the numbers to the right.',
    unit: 'short',
    decimals: 0,
    width: 4,
    queries: [{ legend: '', expr: 'sum(increase(switchyard_payments_total{outcome="succeeded"}[15m])) or vector(0)' }],
    steps: [{ from: null, color: 'blue' }],
  });
}

function share(): Panel {
  return number({
    title: 'Success share, 30 min',
    shows:
      'Of the payments that succeeded or failed in the last half hour, the share that succeeded. Orders that buyers left alone are closed, not failed. Coloured by the default of `alerts.success_rate_below`.',
    normal: 'green.',
    otherwise: 'see "Payments" below: one method, one channel, or all?',
    runbooks: ['PaymentsFailing'],
    unit: 'percentunit',
    decimals: 1,
    width: 4,
    queries: [{ legend: '', expr: successShare({ metric: 'switchyard_payments_total', window: '30m' }) }],
    steps: [
      { from: null, color: 'red' },
      { from: 0.8, color: 'orange' },
      { from: 0.95, color: 'green' },
    ],
  });
}

function rejected(): Panel {
  return number({
    title: 'Turned away, 15 min',
    shows: 'Orders that no channel wanted: the shop got 503, or 422 when it had named the channel.',
    normal: '0.',
    otherwise:
      'breakers open? Else `POST /v1/routing/quote` names the reason for each channel: limits, method, currency, amount.',
    runbooks: ['PaymentSloFastBurn', 'PaymentSloSlowBurn', 'AllChannelsOfMethodDown'],
    unit: 'short',
    decimals: 0,
    width: 4,
    queries: [{ legend: '', expr: 'sum(increase(switchyard_payments_total{outcome="rejected"}[15m])) or vector(0)' }],
    steps: orangeThenRed(1, 20),
  });
}

function open(): Panel {
  return number({
    title: 'Breakers open',
    shows: 'Breakers that are open now, over all channels and operations.',
    normal: '0.',
    otherwise:
      'see "Breakers of creates" for which. Payments go elsewhere by themselves as long as another channel is eligible.',
    runbooks: ['ChannelDown', 'ChannelDutiesBlocked'],
    unit: 'none',
    width: 4,
    queries: [{ legend: '', expr: 'count(switchyard_channel_breaker_state == 2) or vector(0)' }],
    steps: orangeThenRed(1, 4),
  });
}

function unknown(): Panel {
  return number({
    title: 'Unknown outcomes',
    shows: 'Payments with an attempt of which nobody knows yet whether it happened at the provider.',
    normal: '0, or falling.',
    otherwise:
      'they are asked about until they are known; nothing to do while the provider is down. Not falling after it is back: `payments show <id>`.',
    runbooks: ['UnknownOutcomesOld'],
    unit: 'none',
    width: 4,
    queries: [{ legend: '', expr: 'sum(switchyard_payments_unknown)' }],
    steps: orangeThenRed(1, 50),
  });
}

function held(): Panel {
  return number({
    title: 'Held money',
    shows: 'Payments with money that waits for a decision of yours.',
    normal: '0.',
    otherwise:
      'for each: `payments show <id>`, then `payments keep <id>` or `payments return <id>`. It can wait until the morning.',
    runbooks: ['MoneyHeld'],
    unit: 'none',
    width: 4,
    queries: [{ legend: '', expr: 'sum(switchyard_payments_held)' }],
    steps: orangeThenRed(1, 20),
  });
}

function oldestEvent(): Panel {
  return number({
    title: 'Oldest waiting event',
    shows:
      'The age of the oldest event that its shop has not taken. Coloured by the default of `alerts.webhook_oldest_above`.',
    normal: 'below a minute.',
    otherwise:
      'a shop is down: `switchyard webhooks` names it. The others are served; their deliveries do not wait for it.',
    runbooks: ['WebhookEventsWaiting'],
    unit: 's',
    width: 4,
    queries: [{ legend: '', expr: 'max(switchyard_webhook_oldest_seconds)' }],
    steps: orangeThenRed(60, 300),
  });
}

function oldestGoods(): Panel {
  return number({
    title: 'Oldest undelivered',
    shows: 'How long the oldest buyer who has paid has been waiting for the goods.',
    normal: 'below a minute, where shops report deliveries; else it only grows and means nothing.',
    otherwise: 'the shop was told (no waiting events) but does not deliver: call it.',
    runbooks: ['PaidUndelivered'],
    unit: 's',
    width: 4,
    queries: [{ legend: '', expr: 'max(switchyard_payments_undelivered_oldest_seconds)' }],
    steps: orangeThenRed(60, 600),
  });
}

function dead(): Panel {
  return number({
    title: 'Dead events',
    shows: 'Events that were given up after three days without a 2xx.',
    normal: '0.',
    otherwise:
      '`switchyard events dead` lists them. Ask the shop; when it is back: `switchyard events redeliver --dead`.',
    runbooks: ['WebhookDeadLetters'],
    unit: 'none',
    width: 4,
    queries: [{ legend: '', expr: 'sum(switchyard_webhook_dead)' }],
    steps: orangeThenRed(1, 50),
  });
}

function anomalies(): Panel {
  return number({
    title: 'Anomalies, 1 h',
    shows: 'Things that must not happen, in the last hour.',
    normal: '0.',
    otherwise: 'see "Anomalies" at the bottom for which; `docs/operations.md` explains each kind.',
    runbooks: ['AnomalySeen', 'AmountMismatch', 'RefundContradicted'],
    unit: 'short',
    decimals: 0,
    width: 4,
    queries: [{ legend: '', expr: 'sum(switchyard:anomalies:events1h) or vector(0)' }],
    steps: orangeThenRed(1, 20),
  });
}

function store(): Panel {
  return number({
    title: 'Store errors, 10 min',
    shows: 'Operations that the database could not do.',
    normal: '0.',
    otherwise:
      'the disk: full, read-only or broken? While it fails nothing is acknowledged, so providers and shops try again. No restart is needed after it is mended.',
    runbooks: ['StoreErrors'],
    unit: 'short',
    decimals: 0,
    width: 4,
    queries: [{ legend: '', expr: 'sum(switchyard:store_errors:events10m) or vector(0)' }],
    steps: orangeThenRed(1, 10),
  });
}
