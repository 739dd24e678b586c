import { z } from 'zod';
import { askAdmin } from './admin-client.ts';
import { err, ok, type Result } from './payment/index.ts';
import { table } from './table.ts';
import { harmless, harmlessJson } from './terminal.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface DoctorOptions {
  readonly pid?: string;
  readonly json?: boolean;
}

const diagnosisSchema = z.object({
  at: z.string(),
  state: z.enum(['well', 'unsure', 'wrong']),
  verdict: z.string(),
});
const requestSchema = diagnosisSchema.extend({
  ...{ why: z.string(), cure: z.string(), endpoint: z.string(), method: z.string() },
  ...{ sign: z.string().nullable(), names: z.array(z.string()) },
});
const noticeSchema = diagnosisSchema.extend({
  ...{ why: z.string(), cure: z.string(), address: z.string(), try: z.number(), own_query: z.array(z.string()) },
  ...{ out_trade_no: z.string().nullable(), status: z.number().nullable(), answer: z.string(), again: z.string() },
});
const overviewSchema = z.looseObject({
  shops: z.array(
    z.looseObject({
      ...{ pid: z.number(), merchant: z.string(), name: z.string(), enabled: z.boolean() },
      ...{ last_request: diagnosisSchema.nullable(), last_notice: diagnosisSchema.nullable() },
    }),
  ),
  nobodys: z.array(z.looseObject(requestSchema.shape)),
});
const shopSchema = z.looseObject({
  shop: z.looseObject({
    ...{ pid: z.number(), merchant: z.string(), name: z.string(), enabled: z.boolean(), sign: z.array(z.string()) },
    ...{ key_fingerprints: z.array(z.string()), key_kept_in: z.string(), refunds: z.boolean() },
    ...{ notify_hosts: z.union([z.literal('any'), z.array(z.string())]), tls_verify: z.boolean() },
    has_public_key: z.boolean(),
  }),
  plug_ins: z.array(
    z.looseObject({
      ...{ programs: z.string(), address: z.string(), sign: z.string(), note: z.string(), accepted: z.boolean() },
    }),
  ),
  platform_public_key: z.string().nullable(),
  requests: z.array(z.looseObject(requestSchema.shape)),
  notices: z.array(z.looseObject(noticeSchema.shape)),
  nobodys: z.array(z.looseObject(requestSchema.shape)),
});

type Report = z.output<typeof shopSchema>;
type Request = Report['requests'][number];
type Notice = Report['notices'][number];

const MARK = { well: 'ok', unsure: '? ', wrong: '! ' } as const;

const stateSchema = z.object({
  gateway: z.object({
    clocks: z
      .array(z.object({ against: z.string(), kind: z.enum(['server', 'provider']), skew_ms: z.number() }))
      .default([]),
  }),
  problems: z.array(z.object({ urgency: z.string(), text: z.string(), runbook: z.string() })),
});

/** What is wrong with the running gateway, as its status page says it, and how its clock stands to those of others. */
export async function doctorAll(env: Env): Promise<Result<string, string>> {
  const status = await askAdmin(env, { method: 'GET', path: '/admin/status', answer: stateSchema });
  if (!status.ok) return status;
  const { gateway, problems } = status.value;
  const wrong = problems.map(
    ({ urgency, text, runbook }) => `${urgency}: ${text}\n      -> grafana/runbooks/${runbook}.md`,
  );
  const rows = gateway.clocks.map(({ against, kind, skew_ms }) => {
    const off = `${(Math.abs(skew_ms) / 1_000).toFixed(1)} s ${skew_ms < 0 ? 'behind' : 'ahead'}`;
    return [against, kind === 'server' ? off : `${off}, give or take a few seconds`];
  });
  const clocks =
    rows.length === 0
      ? 'No other clock has been seen in the last 15 minutes; that of a provider is, with its next answer.'
      : table([['CLOCK OF', 'OURS IS'], ...rows]);
  return ok(harmless([...(wrong.length === 0 ? ['Nothing is wrong.'] : wrong), '', clocks].join('\n')));
}

/** Why a shop that speaks epay gets no further, and what to type into its plug-in; without a pid a line for each shop. */
export async function doctorEpay(env: Env, { pid, json }: DoctorOptions): Promise<Result<string, string>> {
  if (pid === undefined) {
    const overview = await askAdmin(env, { method: 'GET', path: '/admin/epay.json', answer: overviewSchema });
    if (!overview.ok) return overview;
    return ok(json ? harmlessJson(overview.value) : harmless(overviewText(overview.value)));
  }
  if (!/^[1-9]\d{0,8}$/.test(pid)) return err('--pid takes the number of a shop, such as 1000');
  const report = await askAdmin(env, { method: 'GET', path: `/admin/epay/${pid}.json`, answer: shopSchema });
  if (!report.ok) return report;
  return ok(json ? harmlessJson(report.value) : harmless(reportText(report.value)));
}

function overviewText({ shops, nobodys }: z.output<typeof overviewSchema>): string {
  const last = (one: z.output<typeof diagnosisSchema> | null): string => (one === null ? '-' : said(one));
  const rows = shops.map((shop) => [
    ...[String(shop.pid), shop.merchant, shop.enabled ? 'enabled' : 'disabled'],
    ...[last(shop.last_request), last(shop.last_notice)],
  ]);
  const list =
    shops.length === 0
      ? 'no shop speaks epay; switchyard merchants add <id> --name <name> --epay makes one'
      : `${table([['PID', 'MERCHANT', 'STATE', 'LAST REQUEST', 'LAST NOTIFICATION'], ...rows])}\n\nOne shop in full: switchyard doctor epay --pid <pid>`;
  return `${list}\n${nobodysText(nobodys)}`.trimEnd();
}

function reportText({ shop, plug_ins, platform_public_key, requests, notices, nobodys }: Report): string {
  const facts = table([
    [`${shop.merchant}`, `${shop.name}, pid ${shop.pid}${shop.enabled ? '' : ', DISABLED: its requests are refused'}`],
    ['  signatures', `${shop.sign.join(', ')}${shop.has_public_key ? ' (with a public key)' : ''}`],
    ['  key', `SHA-256 begins with ${shop.key_fingerprints.join(', then ')}; never shown`],
    ['  kept in', shop.key_kept_in],
    ['  lost?', `switchyard merchants rotate ${shop.merchant} --epay-key`],
    ['  notify hosts', shop.notify_hosts === 'any' ? 'any' : shop.notify_hosts.join(', ')],
    ['  refunds', shop.refunds ? 'on' : 'off'],
    ['  certificate', shop.tls_verify ? 'verified' : 'not verified (tls_verify: false)'],
  ]);
  const typed = table([
    ['PROGRAM', 'ADDRESS', 'SIGN', 'NOTE'],
    ...plug_ins.map((p) => [p.programs, p.address, p.accepted ? p.sign : `${p.sign} (not accepted)`, p.note]),
  ]);
  return [
    facts,
    `What to type into the plug-in: this address, pid ${shop.pid}, and the key\n${typed}`,
    `Public key of this platform, for V2:\n${platform_public_key ?? '(the key file cannot be read; see the log)'}`,
    `Last requests, newest first\n${requests.map(requestText).join('\n') || 'none; the shop has asked for nothing yet, or asks at another address'}`,
    `Last notifications, newest first\n${notices.map(noticeText).join('\n') || 'none; no order of this shop was paid yet'}`,
    nobodysText(nobodys),
  ]
    .join('\n\n')
    .trimEnd();
}

function nobodysText(nobodys: readonly Request[]): string {
  if (nobodys.length === 0) return '';
  return `\nRequests that name no shop, newest first (any shop's may be among them)\n${nobodys.map(requestText).join('\n')}`;
}

function requestText(one: Request): string {
  const signed = one.state === 'wrong' && one.names.length > 0 ? `\n      signed: ${one.names.join(' ')}` : '';
  return `${MARK[one.state]} ${said(one)} [${one.method} ${one.endpoint}${one.sign === null ? '' : ` ${one.sign}`}]${explained(one)}${signed}`;
}

function noticeText(one: Notice): string {
  const own = one.own_query.length === 0 ? '' : ` (own query: ${one.own_query.join(' ')})`;
  const head = `${MARK[one.state]} ${said(one)} [order ${one.out_trade_no ?? '?'}, try ${one.try}]`;
  if (one.state === 'well') return `${head} ${one.address}`;
  const answer = one.answer.replaceAll(/\s+/g, ' ').trim();
  const answered = one.status === null ? `no answer (${answer})` : `status ${one.status}: ${answer || '(empty)'}`;
  return `${head}${explained(one)}\n      ${one.address}${own}\n      ${answered}\n      again: ${one.again}`;
}

function explained({ why, cure }: Pick<Request, 'why' | 'cure'>): string {
  return [why, cure && `-> ${cure}`].map((line) => (line === '' ? '' : `\n      ${line}`)).join('');
}

function said({ at, verdict }: z.output<typeof diagnosisSchema>): string {
  return `${at} ${verdict}`;
}
