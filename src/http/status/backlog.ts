import { type Html, html } from '../cashier/html.ts';
import { spanText } from './figures.ts';
import type { GatewayStatus } from './model.ts';

interface Figure {
  readonly name: string;
  readonly value: string;
  /** What the figure says, and when it is bad. */
  readonly means: string;
  readonly runbook: string;
}

/** What waits, each with what it means and where to read on. */
export function figuresSection(gateway: GatewayStatus): Html {
  const reasons = Object.entries(gateway.unavailable);
  const missing =
    reasons.length === 0
      ? null
      : html`<p class="missing">Not known: ${reasons.map(([part, why]) => `${part} (${why})`).join(', ')}.</p>`;
  return html`<section>
<h2>What waits</h2>
${missing}
<dl>
${figuresOf(gateway).map(
  ({ name, value, means, runbook }) =>
    html`<div class="${quiet(value)}"><dt>${name}</dt><dd><b>${value}</b> <span>${means} <a href="runbooks/${runbook}">${runbook}</a></span></dd></div>`,
)}
</dl>
</section>`;
}

function figuresOf(gateway: GatewayStatus): readonly Figure[] {
  const loop = gateway.event_loop_delay_ms;
  return [
    {
      name: 'Outcomes unknown',
      value: withAge(gateway.unknown_outcomes, gateway.unknown_oldest_seconds),
      means:
        'A provider has not said whether an order exists or was paid. It is asked again and again; bad above 10 min.',
      runbook: 'UnknownOutcomesOld',
    },
    {
      name: 'Money held',
      value: countText(gateway.held),
      means: 'Waits for your decision: the commands payments keep, payments return, payments returned.',
      runbook: 'MoneyHeld',
    },
    {
      name: 'Refunds pending',
      value: countText(gateway.refunds_pending),
      means: 'Not decided by the provider yet; hours are ordinary, a day is not.',
      runbook: 'RefundsPendingLong',
    },
    {
      name: 'Events waiting',
      value: withAge(gateway.webhook_backlog, gateway.webhook_oldest_seconds),
      means: 'For their shops. Seconds are ordinary; minutes: a shop is down.',
      runbook: 'WebhookEventsWaiting',
    },
    {
      name: 'Events given up',
      value: countText(gateway.dead_letters),
      means: 'After three days; send them again when the shop is back.',
      runbook: 'WebhookDeadLetters',
    },
    {
      name: 'Addresses paused',
      value: countText(gateway.paused_endpoints),
      means: 'Shops that only failed for a day; one trial an hour.',
      runbook: 'WebhookEndpointPaused',
    },
    {
      name: 'Paid, not delivered',
      value: withAge(gateway.undelivered, gateway.undelivered_oldest_seconds),
      means: 'Says something only where shops report deliveries.',
      runbook: 'PaidUndelivered',
    },
    {
      name: 'Duties due',
      value: withAge(gateway.agenda_due, gateway.agenda_lag_seconds, 'late'),
      means: 'Queries, events, expiries, refunds. More than a minute late: the worker does not keep up.',
      runbook: 'AgendaLag',
    },
    {
      name: 'Evidence dropped',
      value: countText(gateway.evidence_dropped),
      means: 'Entries that could not be written since the start.',
      runbook: 'EvidenceDropped',
    },
    {
      name: 'Process late by',
      value: `${Math.round(loop.p99)} ms`,
      means: `99 of 100 turns within this, the worst ${Math.round(loop.max)} ms, of the last ten seconds.`,
      runbook: 'AgendaLag',
    },
    {
      name: 'Store',
      value: gateway.store.ok ? 'answers' : 'down',
      means: gateway.store.ok ? 'Everything that was acknowledged is in it.' : `${gateway.store.reason}.`,
      runbook: 'StoreErrors',
    },
  ];
}

/** Nothing waits: then nobody has to read it. */
function quiet(value: string): string {
  return value === '0' || value === 'answers' ? 'quiet' : 'busy';
}

function countText(count: number | null): string {
  return count === null ? '?' : String(count);
}

function withAge(count: number | null, seconds: number | null, word = 'old'): string {
  if (count === null) return '?';
  return count === 0 || seconds === null ? String(count) : `${count}, ${spanText(seconds)} ${word}`;
}
