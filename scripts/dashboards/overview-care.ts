import type { Section } from './dashboard.ts';
import { lines, type Panel } from './panels.ts';

/** Where the gateway does not know, gives back, or waits for a person. */
export const careSection: Section = {
  title: 'What needs care',
  panels: [unknown(), unknownAge(), refunds(), refundsPending(), held(), surplus(), anomalies()],
};

function unknown(): Panel {
  return lines({
    title: 'Unknown outcomes',
    shows: 'Payments with an attempt of which it is not known whether it happened at the provider.',
    normal: '0; it rises with an outage and falls within minutes after it.',
    otherwise: "not falling after the provider is back: `payments show <id>` of one, and the provider's console.",
    unit: 'none',
    width: 6,
    queries: [{ legend: 'unknown', expr: 'sum(switchyard_payments_unknown)' }],
  });
}

function unknownAge(): Panel {
  return lines({
    title: 'Oldest unknown outcome',
    shows: 'How long the oldest of them has been unknown; 0 when there is none.',
    normal: 'below ten minutes.',
    otherwise:
      'hours: the provider does not answer for this order. Its console says whether money came; `POST /v1/payments/{id}/sync` asks again.',
    runbooks: ['UnknownOutcomesOld'],
    unit: 's',
    width: 6,
    queries: [{ legend: 'oldest', expr: 'max(switchyard_payments_unknown_oldest_seconds)' }],
  });
}

function refunds(): Panel {
  return lines({
    title: 'Refunds, per hour',
    shows:
      'Requested, succeeded and failed, by cause: `merchant` asked for it; `surplus`, `late`, `mismatch` are our own.',
    normal: 'succeeded follows requested.',
    otherwise:
      'failed of our own causes is tried again by itself: 1 min, 10 min, 1 h, 6 h, then daily. The reason is in `payments show <id>`; often an empty account.',
    runbooks: ['RefundsFailing'],
    unit: 'short',
    width: 6,
    queries: [
      {
        legend: '{{cause}} {{outcome}}',
        expr: 'sum by (cause, outcome) (switchyard:refunds:events1h)',
      },
    ],
  });
}

function refundsPending(): Panel {
  return lines({
    title: 'Refunds pending',
    shows: 'Refunds whose outcome is not known yet.',
    normal: 'small, and not growing over a day.',
    otherwise:
      'grows: the provider is slow, or our balance there is empty (`INSUFFICIENT_BALANCE`): fill it, and they go on by themselves.',
    runbooks: ['RefundsPendingLong'],
    unit: 'none',
    width: 6,
    queries: [{ legend: 'pending', expr: 'sum(switchyard_refunds_pending)' }],
  });
}

function held(): Panel {
  return lines({
    title: 'Held money',
    shows: 'Payments with money that waits for a decision of yours.',
    normal: '0.',
    otherwise: 'for each: `payments show <id>`, then `payments keep <id>` or `payments return <id>`.',
    runbooks: ['MoneyHeld'],
    unit: 'none',
    width: 8,
    queries: [{ legend: 'held', expr: 'sum(switchyard_payments_held)' }],
  });
}

function surplus(): Panel {
  return lines({
    title: 'Second payments of one order, per hour',
    shows: 'Buyers who paid twice; the second payment goes back by itself, unless `policies.surplus` says otherwise.',
    normal: 'rare.',
    otherwise: 'many on one channel: its page does not show that it was paid, or its callbacks are late.',
    runbooks: ['SurplusPayments'],
    unit: 'short',
    width: 8,
    queries: [{ legend: '{{channel}}', expr: 'sum by (channel) (switchyard:surplus_payments:events1h)' }],
  });
}

function anomalies(): Panel {
  return lines({
    title: 'Anomalies, per hour',
    shows: 'Things that must not happen, by kind.',
    normal: 'nothing.',
    otherwise:
      'each is worth a look: `docs/operations.md` says for every kind what it means and what to do. `refund_contradicted` and `account_mismatch` first.',
    runbooks: ['AnomalySeen', 'AmountMismatch', 'RefundContradicted'],
    unit: 'short',
    width: 8,
    queries: [{ legend: '{{kind}}', expr: 'sum by (kind) (switchyard:anomalies:events1h)' }],
  });
}
