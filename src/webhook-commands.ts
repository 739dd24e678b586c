import { z } from 'zod';
import { askAdmin } from './admin-client.ts';
import { err, ok, type Result } from './payment/index.ts';
import { table } from './table.ts';
import { harmless } from './terminal.ts';

type Env = Readonly<Record<string, string | undefined>>;

const statusSchema = z.object({
  webhooks: z.object({
    failing: z.array(
      z.object({
        merchant: z.string(),
        endpoint: z.string(),
        failing_since: z.string(),
        paused_at: z.string().nullable(),
        next_trial_at: z.string().nullable(),
        reason: z.string(),
      }),
    ),
  }),
});

/** The addresses of shops that only fail, the paused ones among them. */
export async function failingWebhooks(env: Env): Promise<Result<string, string>> {
  const status = await askAdmin(env, { method: 'GET', path: '/admin/status', answer: statusSchema });
  if (!status.ok) return status;
  const { failing } = status.value.webhooks;
  if (failing.length === 0) return ok('no address of a shop fails');
  const rows = failing.map((e) => [
    ...[e.merchant, e.paused_at === null ? 'failing' : 'paused', e.failing_since],
    ...[e.next_trial_at ?? '-', e.reason, e.endpoint],
  ]);
  return ok(harmless(table([['MERCHANT', 'STATE', 'SINCE', 'NEXT TRIAL', 'REASON', 'ENDPOINT'], ...rows])));
}

/** Ends the pause of one address of a merchant, or of all. */
export async function resumeWebhooks(
  env: Env,
  merchant: string,
  endpoint: string | undefined,
): Promise<Result<string, string>> {
  const resumed = await askAdmin(env, {
    ...{ method: 'POST', path: '/admin/webhooks/resume' },
    body: { merchant, ...(endpoint === undefined ? {} : { endpoint }) },
    answer: z.object({ resumed: z.number() }),
  });
  return resumed.ok ? ok(`${resumed.value.resumed} resumed; what waits goes out now`) : resumed;
}

const eventSchema = z.object({
  id: z.string(),
  type: z.string(),
  timestamp: z.string(),
  merchant: z.string(),
  delivery: z.object({ state: z.string(), tries: z.number(), at: z.string().nullable() }),
});

/** Up to a hundred events that were given up, oldest first. */
export async function deadEvents(
  env: Env,
  { merchant, after }: { readonly merchant?: string; readonly after?: string },
): Promise<Result<string, string>> {
  const query = new URLSearchParams({ state: 'dead', limit: '100' });
  if (merchant !== undefined) query.set('merchant', merchant);
  if (after !== undefined) query.set('after', after);
  const page = await askAdmin(env, {
    ...{ method: 'GET', path: `/admin/events?${query}` },
    answer: z.object({ data: z.array(eventSchema), next_cursor: z.string().nullable() }),
  });
  if (!page.ok) return page;
  const { data, next_cursor: next } = page.value;
  if (data.length === 0) return ok('no event was given up');
  const rows = data.map((e) => [e.id, e.merchant, e.type, e.timestamp, e.delivery.at ?? '-', String(e.delivery.tries)]);
  const text = table([['EVENT', 'MERCHANT', 'TYPE', 'OF', 'GIVEN UP', 'TRIES'], ...rows]);
  return ok(next === null ? text : `${text}\nmore: --after ${next}`);
}

/** Sends one event again, or all that were given up (of one merchant). */
export async function redeliverEvents(
  env: Env,
  id: string | undefined,
  { dead, merchant }: { readonly dead?: boolean; readonly merchant?: string },
): Promise<Result<string, string>> {
  if ((id === undefined) === (dead !== true)) return err('name one event, or --dead for all that were given up');
  if (id !== undefined && merchant !== undefined) return err('--merchant goes with --dead');
  if (id === undefined) return redeliverDead(env, merchant);
  const event = await askAdmin(env, {
    ...{ method: 'POST', path: `/admin/events/${encodeURIComponent(id)}/redeliver` },
    answer: eventSchema,
  });
  return event.ok ? ok(`${event.value.id} is sent again now`) : event;
}

const redeliveredSchema = z.object({ redelivered: z.number(), next: z.string().nullable() });

async function redeliverDead(env: Env, merchant: string | undefined): Promise<Result<string, string>> {
  let sent = 0;
  let after: string | null = null;
  do {
    const part: Result<z.output<typeof redeliveredSchema>, string> = await askAdmin(env, {
      ...{ method: 'POST', path: '/admin/events/redeliver' },
      body: { state: 'dead', ...(merchant === undefined ? {} : { merchant }), ...(after === null ? {} : { after }) },
      answer: redeliveredSchema,
    });
    if (!part.ok) return sent === 0 ? part : err(`${part.error} (${sent} are sent again)`);
    sent += part.value.redelivered;
    after = part.value.next;
  } while (after !== null);
  return ok(`${sent} ${sent === 1 ? 'event is' : 'events are'} sent again now`);
}
