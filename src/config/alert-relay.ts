import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import type { Receiver, RelaySettings, Severity, SmsFact } from '../alerts/index.ts';
import { secretSchema } from '../channel/index.ts';
import { type FaultSink, faultAt } from './parse.ts';
import { rawAt } from './raw.ts';
import { distinctList, durationMs, section } from './units.ts';

const RECEIVERS_MAX = 20;
const SECRET_CHARS_MIN = 16;
const TOKEN_CHARS_MIN = 8;

/** Written out, since the face of `alerts` would load every way to send a message. */
const SEVERITIES = ['page', 'ticket'] as const satisfies readonly Severity[];
const SMS_FACTS = [
  'state',
  'severity',
  'status',
  'alert',
  'summary',
  'summary_more',
  'impact',
  'since',
] as const satisfies readonly SmsFact[];

const severities = (fallback: (typeof SEVERITIES)[number][]) => distinctList(z.enum(SEVERITIES)).prefault(fallback);

const webUrl = (message: string, holdsToken: (url: URL) => boolean) =>
  z
    .string()
    .max(2_000)
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && ['http:', 'https:'].includes(url.protocol) && url.username === '' && holdsToken(url);
    }, message);

const isToken = (text: string | null | undefined): boolean =>
  secretSchema(TOKEN_CHARS_MIN).safeParse(text ?? '').success;

function robots(url: z.ZodType<string>) {
  const robot = z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/, 'must consist of 1 to 40 of a-z, 0-9 and -')
      .optional(),
    url,
    secret: secretSchema(SECRET_CHARS_MIN),
    severities: severities(['page', 'ticket']),
  });
  return z
    .array(robot)
    .max(RECEIVERS_MAX)
    .nullish()
    .transform((list) => (list ?? []).map((entry, index) => ({ ...entry, name: entry.name ?? String(index + 1) })))
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'has two robots of one name');
}

const smsSchema = z.strictObject({
  provider: z.literal('aliyun'),
  access_key_id: secretSchema(SECRET_CHARS_MIN),
  access_key_secret: secretSchema(SECRET_CHARS_MIN),
  sign_name: z.string().min(1).max(50),
  template_code: z
    .string()
    .regex(/^SMS_\w{1,40}$/, 'must be the code of an approved template, for example SMS_153055065'),
  template_params: z
    .record(z.string().regex(/^[A-Za-z]\w{0,24}$/, 'must be the name of a variable of the template'), z.enum(SMS_FACTS))
    .prefault({ state: 'state', alert: 'alert', summary: 'summary', since: 'since' }),
  variable_chars: z.int().min(5).max(500).default(35),
  to: distinctList(
    z.string().regex(/^\+[1-9]\d{6,14}$/, 'must be a phone number with its country, for example +8613800000000'),
  ),
  endpoint: webUrl(
    'must be an address without a path',
    ({ pathname, search }) => pathname === '/' && search === '',
  ).nullish(),
  severities: severities(['page']),
});

/** `alerts.relay` of `gateway.yaml`. */
export const alertRelaySchema = section({
  sms: smsSchema.nullish(),
  dingtalk: robots(
    webUrl("must be the robot's webhook address with its access_token", (url) =>
      isToken(url.searchParams.get('access_token')),
    ),
  ),
  feishu: robots(
    webUrl("must be the robot's webhook address, .../bot/v2/hook/<token>", ({ pathname }) =>
      isToken(/\/hook\/([^/]+)$/.exec(pathname)?.[1]),
    ),
  ),
  rate: section({ per_hour: z.int().min(1).max(600).default(20) }),
  repeat_after: durationMs({ min: '1m', max: '7d' }).prefault('1h'),
});

type RelayFile = z.output<typeof alertRelaySchema>;

/** Messages may go out unencrypted only to this machine, and only while no channel takes real money. */
export function checkRelayUrls(sink: FaultSink, allSandbox: boolean): void {
  const at = (...path: (string | number)[]) => rawAt(sink.source.value, 'alerts', 'relay', ...path);
  const places = [
    ['sms', 'endpoint'],
    ...(['dingtalk', 'feishu'] as const).flatMap((kind) => {
      const list = at(kind);
      return Array.isArray(list) ? [...list.keys()].map((index) => [kind, index, 'url']) : [];
    }),
  ];
  for (const place of places) {
    const text = at(...place);
    const url = typeof text === 'string' ? URL.parse(text) : null;
    if (url?.protocol !== 'http:' || (allSandbox && isLoopback(url.hostname))) continue;
    const path = ['alerts', 'relay', ...place];
    faultAt(sink, path, 'must be https (http only to this machine, while every channel is a sandbox)');
  }
}

/** The receivers in the order of the file, each phone one of its own. */
export function relaySettings({ sms, dingtalk, feishu, rate, repeat_after }: RelayFile): RelaySettings {
  const robotsOf = (kind: 'dingtalk' | 'feishu', list: RelayFile['dingtalk']): readonly Receiver[] =>
    list.map(({ name, url, secret, severities: wants }) => ({ kind, name, url, secret, severities: wants }));
  return {
    receivers: [...(sms ? phonesOf(sms) : []), ...robotsOf('dingtalk', dingtalk), ...robotsOf('feishu', feishu)],
    perHour: rate.per_hour,
    repeatAfterMs: repeat_after,
  };
}

function phonesOf(file: z.output<typeof smsSchema>): readonly Receiver[] {
  const sms = {
    accessKeyId: file.access_key_id,
    accessKeySecret: file.access_key_secret,
    signName: file.sign_name,
    templateCode: file.template_code,
    templateParams: file.template_params,
    variableCharsMax: file.variable_chars,
    endpoint: file.endpoint ?? null,
  };
  const names = file.to.map(maskedPhone);
  return file.to.map((phone, index) => {
    const name = names[index] ?? '';
    const alike = names.slice(0, index).filter((other) => other === name).length;
    return {
      kind: 'sms',
      name: alike === 0 ? name : `${name} (${alike + 1})`,
      phone,
      sms,
      severities: file.severities,
    };
  });
}

/** `+8613812345678` -> `+86138****5678`. */
function maskedPhone(phone: string): string {
  return `${phone.slice(0, Math.max(1, phone.length - 8))}****${phone.slice(-4)}`;
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || (isIPv4(host) && host.startsWith('127.')) || (isIPv6(host) && host === '::1');
}
