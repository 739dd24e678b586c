import { type LoadedConfig, rawAt } from './config/index.ts';
import { hasMerchant, notThere } from './merchant-commands.ts';
import { type Env, openMerchantFile } from './merchant-file.ts';
import { KINDS, keysOf } from './merchant-keys.ts';
import { err, ok, type Result } from './payment/index.ts';
import { table } from './table.ts';

/** The shops of the file, one line each, or as JSON. Keys are named, never shown. */
export async function listMerchants(env: Env, { json }: { readonly json?: boolean }): Promise<Result<string, string>> {
  const file = await openMerchantFile(env);
  if (!file.ok) return file;
  const { config } = file.value;
  const all = config.merchantIds.map((id) => described(config, id));
  if (json) return ok(JSON.stringify(all, null, 2));
  const rows = all.map((m) => [
    ...[m.id, m.enabled ? 'enabled' : 'disabled', String(m.epay?.pid ?? '-'), String(m.channels)],
    ...[amount(m.limits.max_amount), amount(m.limits.per_minute), m.webhook.url ?? '-', m.name],
  ]);
  const heading = ['MERCHANT', 'STATE', 'PID', 'CHANNELS', 'MAX AMOUNT', 'PER MINUTE', 'WEBHOOK', 'NAME'];
  return ok(table([heading, ...rows]));
}

/** One shop, with the names of its keys. */
export async function showMerchant(
  env: Env,
  id: string,
  { json }: { readonly json?: boolean },
): Promise<Result<string, string>> {
  const file = await openMerchantFile(env);
  if (!file.ok) return file;
  if (!hasMerchant(file.value, id)) return err(notThere(file.value, id));
  const m = described(file.value.config, id);
  if (json) return ok(JSON.stringify(m, null, 2));
  const rows: string[][] = [
    [m.id, `${m.name}, ${m.enabled ? 'enabled' : 'disabled: its calls are refused'}`],
    ['  secret keys', m.secret_keys.join(', ')],
    ['  webhook', m.webhook.url ?? 'only where a payment names a notify_url'],
    ['  webhook secrets', m.webhook.secrets.join(', ')],
    ...(m.epay === null
      ? []
      : [
          ['  epay pid', String(m.epay.pid)],
          ['  epay keys', m.epay.keys.join(', ')],
          ['  epay signatures', inWords(m.epay.sign)],
          ['  epay notify hosts', inWords(m.epay.notify_hosts)],
        ]),
    ['  channels', inWords(m.channels)],
    ['  max amount', amount(m.limits.max_amount)],
    ['  per minute', amount(m.limits.per_minute)],
  ];
  const note = 'Keys are named by the first digits of their SHA-256; `merchants revoke` takes such a name.';
  return ok(`${table(rows)}\n${note}`);
}

/** What may be shown of a shop, as the file has it with its defaults. */
function described({ form, merchants }: LoadedConfig, id: string) {
  const [secretKeys = [], webhookSecrets = [], epayKeys = []] = KINDS.map((kind) =>
    keysOf(form, id, kind).map(({ fingerprint }) => fingerprint),
  );
  const merchant = merchants.byId(id);
  const epay = rawAt(form.merchants, id, 'epay');
  const url = URL.parse(merchant?.webhookUrl ?? '');
  return {
    id,
    name: merchant?.name ?? '',
    enabled: merchant?.enabled ?? false,
    secret_keys: secretKeys,
    // Its query may hold a secret of the shop's.
    webhook: { url: url && `${url.origin}${url.pathname}`, secrets: webhookSecrets },
    epay:
      typeof epay === 'object' && epay !== null
        ? {
            pid: rawAt(epay, 'pid'),
            keys: epayKeys,
            sign: rawAt(epay, 'sign'),
            notify_hosts: rawAt(epay, 'notify_hosts'),
          }
        : null,
    channels: merchant?.channels ?? [],
    limits: {
      max_amount: merchant?.limits.maxAmountMinor ?? null,
      per_minute: merchant?.limits.perMinute ?? null,
    },
  };
}

function inWords(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function amount(value: number | null): string {
  return value === null ? 'no limit' : String(value);
}
