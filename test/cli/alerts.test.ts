import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DINGTALK_SECRET, type FakeRobot, FEISHU_SECRET, openDingtalk, openFeishu } from '../alerts/robots.ts';
import { type Gateway, inTheatre, openTheatre, type Program, type Theatre } from '../e2e/program.ts';
import { call } from '../e2e/stage.ts';

const SLOW_MS = 60_000;

const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));

async function ending(program: Program) {
  const { code } = await program.ended;
  return { code, out: program.stdout(), err: program.stderr() };
}

const notification = (fingerprint: string, status: 'firing' | 'resolved' = 'firing') => ({
  version: '4',
  alerts: [
    {
      ...{ status, fingerprint },
      labels: { alertname: 'ChannelDown', severity: 'page' },
      annotations: { summary: 'alipay-main takes no payments' },
      startsAt: '2026-11-27T12:00:00Z',
      endsAt: status === 'firing' ? '0001-01-01T00:00:00Z' : '2026-11-27T12:05:00Z',
    },
  ],
});

describe('alerts of a gateway with two robots', { timeout: SLOW_MS }, () => {
  let robots: { readonly dingtalk: FakeRobot; readonly feishu: FakeRobot };
  let theatre: Theatre;
  let gateway: Gateway;
  const cli = (...args: string[]) => ending(theatre.run(args, { ADMIN_PORT: gateway.place.ADMIN_PORT ?? '' }));
  const relay = async (body: unknown) => (await call('POST', `${gateway.adminUrl}/admin/alerts/relay`, body)).status;
  beforeAll(async () => {
    robots = { dingtalk: await openDingtalk(), feishu: await openFeishu() };
    const receivers = [
      `    dingtalk: [{ url: "${robots.dingtalk.url}", secret: ${DINGTALK_SECRET} }]`,
      `    feishu: [{ name: ops, url: "${robots.feishu.url}", secret: ${FEISHU_SECRET}, severities: [page] }]`,
    ];
    const editConfig = (yaml: string) => yaml.replace(/^ {2}relay:\n/m, (line) => `${line}${receivers.join('\n')}\n`);
    theatre = await openTheatre({ editConfig });
    gateway = await theatre.start();
  }, SLOW_MS);
  afterAll(async () => {
    await theatre?.close();
    for (const robot of Object.values(robots ?? {})) await robot.close();
  });

  test('are none at first', async () => {
    expect(await cli('alerts')).toEqual({ code: 0, out: 'nobody was told of an alert\n', err: '' });
  });

  test('can be tried, and whoever does not take the test ends it with 1', async () => {
    const { code, out } = await cli('alerts', 'test');
    expect({ code, rows: rowsOf(out) }).toEqual({
      code: 0,
      rows: [
        ['RECEIVER', 'OUTCOME', 'ERROR'],
        ['dingtalk 1', 'sent', '-'],
        ['feishu ops', 'sent', '-'],
      ],
    });
    robots.dingtalk.troubles.push({ answer: { errcode: 300_001, errmsg: 'token is not exist' } });
    const failed = await cli('alerts', 'test', '--severity', 'ticket');
    expect({ code: failed.code, rows: rowsOf(failed.err) }).toEqual({
      code: 1,
      rows: [
        ['RECEIVER', 'OUTCOME', 'ERROR'],
        ['dingtalk 1', 'failed', 'errcode_300001'],
      ],
    });
    expect((await cli('alerts', 'test', '--severity', 'loud')).err).toContain('"page"');
  });

  test('are known after kill -9: nobody is told twice, and who was told that it fires is told when it is over', async () => {
    expect(await relay(notification('kill-9'))).toBe(200);
    gateway.program.kill('SIGKILL');
    await gateway.program.ended;
    gateway = await theatre.start(gateway.place);
    expect(await relay(notification('kill-9'))).toBe(200);
    expect(await relay(notification('kill-9', 'resolved'))).toBe(200);
    for (const robot of Object.values(robots)) {
      const titles = robot.titles().filter((title) => title.includes('ChannelDown'));
      expect(titles).toEqual([
        '[PAGE] ChannelDown: alipay-main takes no payments',
        '[OVER] ChannelDown: alipay-main takes no payments',
      ]);
    }
    const [heading, first] = rowsOf((await cli('alerts')).out);
    expect(heading).toEqual(['AT', 'RECEIVER', 'ALERT', 'SEVERITY', 'STATUS', 'OUTCOME', 'ERROR']);
    expect(first?.slice(2)).toEqual(['ChannelDown', 'page', 'resolved', 'sent', '-']);
  });
});

describe('alerts of a gateway as it is shipped', { timeout: SLOW_MS }, () => {
  test(
    'are lines of the log, and a test has nobody to go to',
    inTheatre(async (theatre) => {
      const gateway = await theatre.start();
      const answer = await call('POST', `${gateway.adminUrl}/admin/alerts/relay`, notification('log'));
      expect(answer.status).toBe(200);
      expect(gateway.program.stdout()).toMatch(/"level":"warn".*"alert":"ChannelDown".*"msg":"alert"/);
      const env = { ADMIN_PORT: gateway.place.ADMIN_PORT ?? '' };
      const tested = await ending(theatre.run(['alerts', 'test'], env));
      const err = 'no receiver of alerts.relay wants a page: the log alone is told\n';
      expect(tested).toEqual({ code: 1, out: '', err });
    }),
  );
});
