import type { Dashboard } from './dashboard.ts';
import { successShare } from './expressions.ts';
import { lines, number, type Panel, THRESHOLD } from './panels.ts';

const OF = 'merchant="$merchant"';

/** One shop's payments. Deliveries are not counted per shop, so those panels are of all shops and say so. */
export const merchant: Dashboard = {
  uid: 'switchyard-merchant',
  title: 'Switchyard: one merchant',
  description:
    'Payments of one shop, without personal data. Deliveries of events and goods are not counted per shop: `switchyard webhooks` names the addresses that fail.',
  choice: { label: 'merchant', metric: 'switchyard_merchant_payments_total' },
  sections: [
    { title: 'In the chosen time', panels: [total('created'), total('succeeded'), total('failed'), total('closed')] },
    { title: 'Over time', panels: [outcomes(), share()] },
    { title: 'All shops together', panels: [beside(), waiting()] },
  ],
};

function total(outcome: 'created' | 'succeeded' | 'failed' | 'closed'): Panel {
  const normal = {
    created: 'what this shop usually sells.',
    succeeded: 'most of what was created.',
    failed: 'few.',
    closed: 'buyers who walked away; its share is much the same every day.',
  };
  return number({
    title: `Payments ${outcome}`,
    shows: `Payments of this shop that were ${outcome} in the time chosen above. An estimate from counters.`,
    normal: normal[outcome],
    otherwise:
      'compare with "This shop beside all" below: if all shops do the same, it is not the shop; see the overview.',
    unit: 'short',
    decimals: 0,
    width: 6,
    queries: [
      {
        legend: '',
        expr: `sum(increase(switchyard_merchant_payments_total{${OF},outcome="${outcome}"}[$__range])) or vector(0)`,
      },
    ],
    steps: [{ from: null, color: 'blue' }],
  });
}

function outcomes(): Panel {
  return lines({
    title: 'Payments, per minute',
    shows: "This shop's payments created, succeeded, failed and closed.",
    normal: 'succeeded follows created by a minute or two.',
    otherwise:
      'created stops: the shop cannot reach us, its key was changed, or it sells nothing. Failed grows: try to buy there.',
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '{{outcome}}',
        expr: `sum by (outcome) (rate(switchyard_merchant_payments_total{${OF}}[$__rate_interval])) * 60`,
      },
    ],
  });
}

function share(): Panel {
  const of = (matchers: string) =>
    successShare({ metric: 'switchyard_merchant_payments_total', window: '1h', matchers });
  return lines({
    title: 'Success share, 1 h',
    shows:
      'Of the payments that succeeded or failed in the hour before each point, the share that succeeded: this shop, and all shops. The dashed line is `alerts.success_rate_below`.',
    normal: 'near that of all shops.',
    otherwise:
      'this shop alone is low: it names a channel that is sick, or its buyers are refused. All are low: see the overview.',
    runbooks: ['PaymentsFailing'],
    unit: 'percentunit',
    max: 1,
    width: 12,
    queries: [
      { legend: '$merchant', expr: of(OF) },
      { legend: 'all shops', expr: of('') },
      { legend: THRESHOLD, expr: 'max(switchyard_alert_threshold{alert="success_rate_below"})' },
    ],
  });
}

function beside(): Panel {
  return lines({
    title: 'This shop beside all: created, per minute',
    shows: 'Payments created by this shop and by all of them.',
    normal: 'both follow the same day.',
    otherwise: 'both fall: it is us or the network; see the overview. Only this one falls: call the shop.',
    unit: 'short',
    width: 12,
    queries: [
      {
        legend: '$merchant',
        expr: `sum(rate(switchyard_merchant_payments_total{${OF},outcome="created"}[$__rate_interval])) * 60`,
      },
      {
        legend: 'all shops',
        expr: 'sum(rate(switchyard_merchant_payments_total{outcome="created"}[$__rate_interval])) * 60',
      },
    ],
  });
}

function waiting(): Panel {
  return lines({
    title: 'Events waiting and goods undelivered (all shops)',
    shows:
      'Over all shops: events that wait for their delivery, and paid orders that were not reported as delivered. There is no count per shop.',
    normal: 'near 0.',
    otherwise: '`switchyard webhooks` names the shops whose addresses fail.',
    unit: 'none',
    width: 12,
    queries: [
      { legend: 'events waiting', expr: 'sum(switchyard_webhook_backlog)' },
      { legend: 'undelivered', expr: 'sum(switchyard_payments_undelivered)' },
    ],
  });
}
