import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { renderAlertmanager } from '../../grafana/alertmanager/render.ts';
import { type Server, startAlertmanager } from './monitoring.ts';
import { GRAFANA, readRuleFiles } from './rule-files.ts';

const run = promisify(execFile);
const amtool = inject('amtool');
const alertmanager = inject('alertmanager');
const SHIPPED = join(GRAFANA, 'alertmanager/alertmanager.yml');
const { alerts } = readRuleFiles();

const EVERYTHING = {
  ALERT_RELAY_URL: 'http://gateway.internal:8081/admin/alerts/relay',
  ALERT_WEBHOOK_URL: 'https://pager.example/hook',
  ALERT_WECOM_CORP_ID: 'corp',
  ALERT_WECOM_AGENT_ID: '1000002',
  ALERT_WECOM_SECRET: 'wecom-secret',
  ALERT_EMAIL_TO: 'oncall@shop.example',
  ALERT_EMAIL_FROM: 'switchyard@shop.example',
  ALERT_SMTP_HOST: 'smtp.shop.example:587',
};

const receiversSchema = z.object({
  receivers: z.array(
    z.looseObject({
      name: z.string(),
      webhook_configs: z.array(z.looseObject({ url: z.string(), send_resolved: z.literal(true) })),
      wechat_configs: z.array(z.looseObject({ api_secret: z.string(), to_user: z.string() })).optional(),
      email_configs: z.array(z.looseObject({ to: z.string() })).optional(),
    }),
  ),
});

function receiversOf(yaml: string) {
  const { receivers } = receiversSchema.parse(parse(yaml));
  return new Map(receivers.map((receiver) => [receiver.name, receiver]));
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-receivers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('the receivers', () => {
  test('are the relay alone when nothing is set, with a warning that nobody hears of a gateway that is down', () => {
    const { yaml, warnings } = renderAlertmanager({ ALERT_WEBHOOK_URL: '' });
    const relay = [{ url: 'http://127.0.0.1:8081/admin/alerts/relay', send_resolved: true }];
    const receivers = receiversOf(yaml);
    expect(receivers.get('page')).toEqual({ name: 'page', webhook_configs: relay });
    expect(receivers.get('ticket')).toEqual({ name: 'ticket', webhook_configs: relay });
    expect(warnings.join()).toContain('nobody hears of a gateway that is down');
  });

  test('are all that the environment names; a phone rings for pages only', () => {
    const { yaml, warnings } = renderAlertmanager(EVERYTHING);
    const receivers = receiversOf(yaml);
    const urls = [EVERYTHING.ALERT_RELAY_URL, EVERYTHING.ALERT_WEBHOOK_URL];
    expect(receivers.get('page')?.webhook_configs.map(({ url }) => url)).toEqual(urls);
    expect(receivers.get('ticket')?.webhook_configs.map(({ url }) => url)).toEqual(urls);
    expect(receivers.get('page')?.wechat_configs).toMatchObject([{ api_secret: 'wecom-secret', to_user: '@all' }]);
    expect(receivers.get('ticket')?.wechat_configs).toBeUndefined();
    expect(receivers.get('page')?.email_configs).toMatchObject([{ to: 'oncall@shop.example' }]);
    expect(warnings).toEqual([]);
  });

  test('show the relay the token that lies in a file, without reading it', () => {
    const { yaml } = renderAlertmanager({ ...EVERYTHING, ALERT_RELAY_TOKEN_FILE: '/run/secrets/admin_token' });
    const http_config = { authorization: { credentials_file: '/run/secrets/admin_token' } };
    for (const name of ['page', 'ticket'] as const) {
      const { webhook_configs = [] } = receiversOf(yaml).get(name) ?? {};
      expect(webhook_configs[0]).toMatchObject({ url: EVERYTHING.ALERT_RELAY_URL, http_config });
      // The token is nobody else's business.
      expect(webhook_configs[1]).not.toHaveProperty('http_config');
    }
  });

  test('need all of their variables', () => {
    const { ALERT_SMTP_HOST: _, ...rest } = EVERYTHING;
    expect(receiversOf(renderAlertmanager(rest).yaml).get('page')?.email_configs).toBeUndefined();
  });

  test('take a secret from a file', () => {
    const { ALERT_WECOM_SECRET: _, ...rest } = EVERYTHING;
    const { yaml } = renderAlertmanager({ ...rest, ALERT_WECOM_SECRET_FILE: written('secret', 'from "a" file: $1\n') });
    expect(receiversOf(yaml).get('page')?.wechat_configs).toMatchObject([{ api_secret: 'from "a" file: $1' }]);
  });
});

describe.skipIf('missing' in amtool)('amtool', () => {
  const amtoolSays = async (...args: readonly string[]): Promise<string> => {
    if ('missing' in amtool) throw new Error(amtool.missing);
    return (await run(amtool.path, args)).stdout.trim();
  };

  test.each([
    ['as it is in the repository', () => SHIPPED],
    ['rendered without an environment', () => written('bare.yml', renderAlertmanager({}).yaml)],
    ['rendered with every receiver', () => written('full.yml', renderAlertmanager(EVERYTHING).yaml)],
  ])('finds no fault in the configuration %s', async (_, path) => {
    const said = await amtoolSays('check-config', path());
    expect(said).toContain('SUCCESS');
    expect(said).toContain('1 templates');
  });

  test.each(alerts.map(({ alert, labels }) => [alert, labels.severity] as const))(
    'routes %s to %s, of a channel or not',
    async (alert, severity) => {
      const routesTest = ['config', 'routes', 'test', `--config.file=${SHIPPED}`, `--verify.receivers=${severity}`];
      const labels = ['job=switchyard', `alertname=${alert}`, `severity=${severity}`];
      expect(await amtoolSays(...routesTest, ...labels)).toContain(severity);
      expect(await amtoolSays(...routesTest, ...labels, 'channel=alipay-main')).toContain(severity);
    },
  );

  test('routes what has no severity to the tickets', async () => {
    const args = ['config', 'routes', 'test', `--config.file=${SHIPPED}`, '--verify.receivers=ticket'];
    expect(await amtoolSays(...args, 'alertname=SomebodyElses')).toContain('ticket');
  });
});

describe.skipIf('missing' in alertmanager)('an Alertmanager', () => {
  const FIRING: readonly Readonly<Record<string, string>>[] = [
    { alertname: 'ChannelDown', channel: 'alipay-main', severity: 'page', instance: 'a:1' },
    { alertname: 'ChannelDown', channel: 'stripe-main', method: 'card', severity: 'page', instance: 'a:1' },
    { alertname: 'ChannelSuccessRateLow', channel: 'alipay-main', severity: 'page', symptom_of: 'channel' },
    { alertname: 'CallbacksStopped', channel: 'alipay-main', severity: 'ticket', symptom_of: 'channel' },
    { alertname: 'CallbacksStopped', channel: 'stripe-main', severity: 'ticket', symptom_of: 'channel' },
    { alertname: 'CallbacksStopped', channel: 'wechatpay-main', severity: 'ticket', symptom_of: 'channel' },
    { alertname: 'CallbackBadSignatures', channel: 'alipay-main', severity: 'ticket' },
    { alertname: 'UnknownOutcomesOld', severity: 'page' },
    { alertname: 'AllChannelsOfMethodDown', method: 'card', severity: 'page' },
    { alertname: 'PaymentSloFastBurn', severity: 'page' },
    { alertname: 'MoneyHeld', severity: 'ticket' },
    { alertname: 'InstanceDown', instance: 'b:1', severity: 'page' },
    { alertname: 'StoreErrors', instance: 'b:1', severity: 'page' },
    { alertname: 'EvidenceDropped', instance: 'a:1', severity: 'ticket' },
    { alertname: 'AgendaLag', severity: 'page' },
    { alertname: 'GatewayDown', job: 'elsewhere', severity: 'page' },
    { alertname: 'MoneyHeld', job: 'elsewhere', severity: 'ticket' },
    { alertname: 'InstanceDown', job: 'elsewhere', instance: 'c:1', severity: 'page' },
  ];
  let server: Server;
  beforeAll(async () => {
    server = await startAlertmanager('path' in alertmanager ? alertmanager.path : '', 'http://127.0.0.1:9/');
  });
  afterAll(() => server?.stop());

  test('tells a cause and not its symptoms', async () => {
    const body = FIRING.map((labels) => ({ labels: { job: 'switchyard', ...labels } }));
    const headers = { 'content-type': 'application/json' };
    const posted = await fetch(`${server.url}/api/v2/alerts`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(posted.status).toBe(200);
    const schema = z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        status: z.object({ inhibitedBy: z.array(z.string()) }),
      }),
    );
    const nameOf = (l: Readonly<Record<string, string>>): string =>
      [l.alertname, l.channel ?? l.instance ?? l.method, l.job === 'switchyard' ? undefined : l.job]
        .filter((word) => word !== undefined)
        .join(' ');
    const silent = async (): Promise<readonly string[]> => {
      const all = schema.parse(await (await fetch(`${server.url}/api/v2/alerts`)).json());
      const inhibited = all.filter(({ status }) => status.inhibitedBy.length > 0);
      return inhibited.map(({ labels }) => nameOf(labels)).sort();
    };
    await expect
      .poll(silent, { timeout: 10_000 })
      .toEqual([
        'AgendaLag',
        'CallbacksStopped alipay-main',
        'CallbacksStopped stripe-main',
        'ChannelDown stripe-main',
        'ChannelSuccessRateLow alipay-main',
        'InstanceDown c:1 elsewhere',
        'MoneyHeld elsewhere',
        'PaymentSloFastBurn',
        'StoreErrors b:1',
        'UnknownOutcomesOld',
      ]);
  });
});
