import type { Section } from './dashboard.ts';
import { lines, type Panel, THRESHOLD } from './panels.ts';

/** From the buyer's money at the provider to our knowing of it. */
export const flowSection: Section = {
  title: 'How payments become known',
  panels: [knownBy(), knownAfter(), callbackDelay(), callbacks(), postponed()],
};

/** From our knowing of it to the shop and the goods. */
export const shopsSection: Section = {
  title: 'Shops and goods',
  panels: [waiting(), oldest(), deliveries(), undelivered()],
};

function knownBy(): Panel {
  return lines({
    title: 'Payments become known, per minute',
    shows:
      "How we learnt that a buyer had paid: by the provider's `callback`, by our own `query`, or while we wanted to `close` the order.",
    normal: 'nearly all by callback.',
    otherwise:
      "query grows: callbacks are lost. Is `PUBLIC_URL` reachable from outside? Does the provider's console show failed notices?",
    runbooks: ['CallbacksStopped'],
    unit: 'short',
    stacked: true,
    width: 8,
    queries: [
      { legend: '{{by}}', expr: 'sum by (by) (rate(switchyard_payment_known_seconds_count[$__rate_interval])) * 60' },
    ],
  });
}

function knownAfter(): Panel {
  const quantile = (share: string) =>
    `histogram_quantile(${share}, sum by (by, le) (rate(switchyard_payment_known_seconds_bucket[5m])))`;
  return lines({
    title: 'From paying to knowing',
    shows:
      "How long after the buyer's payment we knew of it, by how it became known: half of the payments were faster than p50, all but one in twenty faster than p95.",
    normal: 'callback within seconds; query below `queries.paid_known_within` (60 s by default).',
    otherwise:
      'callback slow: the provider is late, or its clock or ours is wrong. Query slow: see "Questions that had to wait", and the agenda on the runtime dashboard.',
    unit: 's',
    width: 8,
    queries: [
      { legend: '{{by}} p50', expr: quantile('0.5') },
      { legend: '{{by}} p95', expr: quantile('0.95') },
    ],
  });
}

function callbackDelay(): Panel {
  return lines({
    title: 'Callback delay, p95 by channel',
    shows:
      "From the provider's paid-at to our commit, for callbacks. The dashed line is `alerts.callback_delay_p95_above`.",
    normal: 'a few seconds.',
    otherwise: 'one channel: that provider is late. All: our way in (proxy, `PUBLIC_URL`) or our clock.',
    runbooks: ['CallbackDelayHigh'],
    unit: 's',
    width: 8,
    queries: [
      {
        legend: '{{channel}}',
        expr: 'histogram_quantile(0.95, sum by (channel, le) (rate(switchyard_callback_delay_seconds_bucket[5m])))',
      },
      { legend: THRESHOLD, expr: 'max(switchyard_alert_threshold{alert="callback_delay_p95_above"})' },
    ],
  });
}

function callbacks(): Panel {
  return lines({
    title: 'Callbacks that were refused or failed, in 10 min',
    shows: 'Callbacks that changed nothing because something was wrong with them, or because we could not write.',
    normal: 'nothing. Strangers who try the URL show as `malformed` or `unknown_payment`, and do no harm.',
    otherwise:
      '`bad_signature`: a key was changed at the provider, or somebody tries. `amount_mismatch`: look at once. `error`: the store could not write; the provider calls again.',
    runbooks: ['CallbackBadSignatures', 'AmountMismatch'],
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '{{channel}} {{outcome}}',
        expr: 'sum by (channel, outcome) (switchyard:callbacks:events10m{outcome!~"applied|duplicate|ignored"}) > 0',
      },
    ],
  });
}

function postponed(): Panel {
  return lines({
    title: 'Questions that had to wait, per minute',
    shows: "Queries that waited because the channel's `queries_per_second` was used up.",
    normal: '0, with short peaks after an outage.',
    otherwise:
      'steady: raise `queries_per_second` of that channel, if the provider allows it; else lost callbacks become known later.',
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '{{channel}}',
        expr: 'sum by (channel) (rate(switchyard_queries_postponed_total[$__rate_interval])) * 60',
      },
    ],
  });
}

function waiting(): Panel {
  return lines({
    title: 'Events: waiting, dead, paused',
    shows:
      'Events that wait for their delivery, events that were given up, and addresses of shops that are paused because they have long failed.',
    normal: 'waiting falls to 0 again and again; dead and paused are 0.',
    otherwise:
      'waiting grows: a shop is down. Paused: `switchyard webhooks` names it; `switchyard webhooks resume <merchant>` when it is back. Dead: `switchyard events dead`.',
    runbooks: ['WebhookEndpointPaused', 'WebhookDeadLetters'],
    unit: 'none',
    width: 6,
    queries: [
      { legend: 'waiting', expr: 'sum(switchyard_webhook_backlog)' },
      { legend: 'dead', expr: 'sum(switchyard_webhook_dead)' },
      { legend: 'paused addresses', expr: 'sum(switchyard_webhook_endpoints_paused)' },
    ],
  });
}

function oldest(): Panel {
  return lines({
    title: 'Oldest waiting event',
    shows: 'Its age. The dashed line is `alerts.webhook_oldest_above`.',
    normal: 'below a minute.',
    otherwise:
      'above the line a shop has not learnt of money for that long: `switchyard webhooks`, then call the shop.',
    runbooks: ['WebhookEventsWaiting'],
    unit: 's',
    width: 6,
    queries: [
      { legend: 'oldest', expr: 'max(switchyard_webhook_oldest_seconds)' },
      { legend: THRESHOLD, expr: 'max(switchyard_alert_threshold{alert="webhook_oldest_above"})' },
    ],
  });
}

function deliveries(): Panel {
  return lines({
    title: 'Deliveries to shops, per minute',
    shows:
      'What came of each try: `delivered`, `failed` (tried again), `postponed` (the address is paused), `dead` (given up), `refused` (a private address).',
    normal: 'nearly all delivered.',
    otherwise:
      'failed without delivered: our own network way out. Both: single shops; `switchyard webhooks` names them.',
    runbooks: ['WebhookEventsWaiting'],
    unit: 'short',
    stacked: true,
    width: 6,
    queries: [
      {
        legend: '{{outcome}}',
        expr: 'sum by (outcome) (rate(switchyard_webhook_deliveries_total[$__rate_interval])) * 60',
      },
    ],
  });
}

function undelivered(): Panel {
  return lines({
    title: 'Paid, not delivered',
    shows: 'Payments whose shop has not yet reported the delivery of the goods.',
    normal: 'level and near 0, where shops report deliveries. Where they do not it only grows, and means nothing.',
    otherwise:
      'growing while events are delivered: the shop is told and does not deliver. Growing with "waiting": it is not told.',
    runbooks: ['PaidUndelivered'],
    unit: 'none',
    width: 6,
    queries: [{ legend: 'undelivered', expr: 'sum(switchyard_payments_undelivered)' }],
  });
}
