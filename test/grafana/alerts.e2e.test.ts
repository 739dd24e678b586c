import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { DINGTALK_SECRET, type FakeRobot, openDingtalk } from '../alerts/robots.ts';
import { anOrder, eventually, openStage, type Stage } from '../e2e/stage.ts';
import { ask, type Server, startAlertmanager, startPrometheus } from './monitoring.ts';
import { GRAFANA } from './rule-files.ts';

/** All times of the shipped configuration by this: two scrapes a second. */
const FACTOR = 20;
const PATIENCE_MS = 40_000;
/** Two troubles one after the other, each until it is over. */
const COURSE_TIMEOUT_MS = 110_000;

const notificationSchema = z.object({
  receiver: z.string(),
  groupLabels: z.record(z.string(), z.string()),
  alerts: z.array(
    z.object({
      status: z.enum(['firing', 'resolved']),
      labels: z.record(z.string(), z.string()),
      annotations: z.record(z.string(), z.string()),
    }),
  ),
});
const sentSchema = z.object({ data: z.array(z.object({ outcome: z.string() })) });
type Notification = z.output<typeof notificationSchema>;

/** Takes what Alertmanager says, as the gateway's relay does. */
async function openReceiver() {
  const notifications: Notification[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      notifications.push(notificationSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    notifications,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const prometheusProgram = inject('prometheus');
const alertmanagerProgram = inject('alertmanager');
const isMissing = 'missing' in prometheusProgram || 'missing' in alertmanagerProgram;

describe.skipIf(isMissing)('a gateway with Prometheus and Alertmanager', () => {
  let stage: Stage;
  let robot: FakeRobot;
  let receiver: Awaited<ReturnType<typeof openReceiver>>;
  let alertmanager: Server;
  let prometheus: Server;
  beforeAll(async () => {
    if ('missing' in prometheusProgram || 'missing' in alertmanagerProgram) return;
    robot = await openDingtalk();
    const dingtalk = `    dingtalk: [{ url: "${robot.url}", secret: ${DINGTALK_SECRET} }]\n`;
    stage = await openStage({ editConfig: (yaml) => yaml.replace(/^ {2}relay:\n/m, (line) => line + dingtalk) });
    receiver = await openReceiver();
    const relay = `${stage.gateway().adminUrl}/admin/alerts/relay`;
    alertmanager = await startAlertmanager(alertmanagerProgram.path, relay, FACTOR, receiver.url);
    prometheus = await startPrometheus(prometheusProgram.path, {
      target: new URL(stage.gateway().adminUrl).host,
      alertmanager: new URL(alertmanager.url).host,
      factor: FACTOR,
    });
  });
  afterAll(async () => {
    for (const server of [prometheus, alertmanager]) await server?.stop();
    await receiver?.close();
    await stage?.stop();
    await robot?.close();
  });

  /** The first notification about an alert in this state, with the alert itself. */
  function told(alertname: string, channel: string, status: 'firing' | 'resolved') {
    return eventually(() => {
      for (const notification of receiver.notifications) {
        const alert = notification.alerts.find(
          ({ labels, status: is }) => labels.alertname === alertname && labels.channel === channel && is === status,
        );
        if (alert) return { ...notification, alert };
      }
      return undefined;
    }, PATIENCE_MS);
  }

  async function pay(methods: readonly string[]): Promise<void> {
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage, { methods }));
    expect(body.attempts, JSON.stringify(body)).toHaveLength(1);
    const { channel, provider_ref } = body.attempts.at(-1);
    await stage.control(channel, 'pay', { provider_ref });
  }

  /** Evaluations of the rules since Prometheus began. */
  async function evaluations(): Promise<number> {
    return Number((await ask(prometheus, 'count_over_time(switchyard:zero[1h])'))[0]?.value[1] ?? 0);
  }

  test(
    'is silent while all is well, tells of an outage and of forged callbacks, and when they are over',
    async () => {
      for (let i = 0; i < 5; i += 1) await pay(['alipay']);
      const before = await evaluations();
      await eventually(async () => (await evaluations()) > before + 12, PATIENCE_MS);
      expect(await ask(prometheus, 'ALERTS')).toEqual([]);
      expect(receiver.notifications).toEqual([]);

      // What a robot does not take at first, Alertmanager brings again.
      robot.troubles.push({ answer: { errcode: 310_000, errmsg: 'not now' } });
      await stage.control('alipay-main', 'faults', { outage: true });
      // Enough forged callbacks, from too few payments for CallbacksStopped.
      await stage.control('wechatpay-main', 'faults', { wrong_signature: true, duplicate_callbacks: 1 });
      for (let i = 0; i < 4; i += 1) await pay(['wechatpay']);

      const down = await told('ChannelDown', 'alipay-main', 'firing');
      expect(down).toMatchObject({ receiver: 'page', groupLabels: { job: 'switchyard', channel: 'alipay-main' } });
      expect(down.alert.labels).not.toHaveProperty('runbooks');
      expect(down.alert.annotations.summary).toContain('alipay-main takes no alipay payments');
      expect(Object.values(down.alert.annotations).join('\n')).not.toMatch(/\{\{|<no value>|<error/);
      expect(down.alert.annotations.runbook_url).toBe('grafana/runbooks/ChannelDown.md');
      expect(existsSync(join(GRAFANA, '..', down.alert.annotations.runbook_url ?? ''))).toBe(true);

      const forged = await told('CallbackBadSignatures', 'wechatpay-main', 'firing');
      expect(forged).toMatchObject({ receiver: 'ticket', groupLabels: { channel: 'wechatpay-main' } });

      await stage.control('alipay-main', 'faults', {});
      await stage.control('wechatpay-main', 'faults', {});
      expect((await told('ChannelDown', 'alipay-main', 'resolved')).receiver).toBe('page');
      expect((await told('CallbackBadSignatures', 'wechatpay-main', 'resolved')).receiver).toBe('ticket');
      // Nobody was woken for anything else: the backup took over, and no payment was refused.
      const pages = receiver.notifications.filter((notification) => notification.receiver === 'page');
      const names = pages.flatMap(({ alerts }) => alerts.map(({ labels }) => labels.alertname));
      expect([...new Set(names)]).toEqual(['ChannelDown']);

      // People were told by the gateway's own relay: each state once.
      await eventually(() => robot.titles().filter((title) => title.startsWith('[OVER]')).length === 2, PATIENCE_MS);
      const titles = robot.titles().map((title) => title.split(':', 1)[0]);
      expect(titles.sort()).toEqual([
        '[OVER] CallbackBadSignatures',
        '[OVER] ChannelDown',
        '[PAGE] ChannelDown',
        '[TICKET] CallbackBadSignatures',
      ]);
      const answer = await fetch(`${stage.gateway().adminUrl}/admin/alerts/sent`);
      const outcomes = sentSchema.parse(await answer.json()).data.map(({ outcome }) => outcome);
      expect(outcomes.toSorted()).toEqual(['failed', 'sent', 'sent', 'sent', 'sent']);
    },
    COURSE_TIMEOUT_MS,
  );
});
