import { z } from 'zod';
import { askAdmin } from './admin-client.ts';
import { err, ok, type Result } from './payment/index.ts';
import { table } from './table.ts';

type Env = Readonly<Record<string, string | undefined>>;

const deliverySchema = z.object({
  kind: z.string(),
  receiver: z.string(),
  outcome: z.string(),
  error_code: z.string().nullable(),
});

const sentSchema = deliverySchema.extend({
  at: z.string(),
  alert: z.string(),
  severity: z.string(),
  status: z.string(),
});

/** What people were told, newest first. */
export async function sentAlerts(env: Env): Promise<Result<string, string>> {
  const answer = z.object({ data: z.array(sentSchema) });
  const sent = await askAdmin(env, { method: 'GET', path: '/admin/alerts/sent', answer });
  if (!sent.ok) return sent;
  const { data } = sent.value;
  if (data.length === 0) return ok('nobody was told of an alert');
  const rows = data.map((e) => [
    ...[e.at, `${e.kind} ${e.receiver}`, e.alert, e.severity],
    ...[e.status, e.outcome, e.error_code ?? '-'],
  ]);
  return ok(table([['AT', 'RECEIVER', 'ALERT', 'SEVERITY', 'STATUS', 'OUTCOME', 'ERROR'], ...rows]));
}

/** Sends a test message to every receiver of this urgency; not ok unless each has taken it. */
export async function testAlerts(env: Env, severity: string): Promise<Result<string, string>> {
  const tested = await askAdmin(env, {
    ...{ method: 'POST', path: '/admin/alerts/test', body: { severity } },
    answer: z.object({ data: z.array(deliverySchema) }),
  });
  if (!tested.ok) return tested;
  const { data } = tested.value;
  if (data.length === 0) return err(`no receiver of alerts.relay wants a ${severity}: the log alone is told`);
  const rows = data.map((e) => [`${e.kind} ${e.receiver}`, e.outcome, e.error_code ?? '-']);
  const text = table([['RECEIVER', 'OUTCOME', 'ERROR'], ...rows]);
  return data.every(({ outcome }) => outcome === 'sent') ? ok(text) : err(text);
}
