import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type AlertRelay,
  aliyunSms,
  createAlertRelay,
  createPoster,
  dingtalkRobot,
  feishuRobot,
  openJournal,
  type Receiver,
  type RelaySettings,
} from '../../src/alerts/index.ts';
import { eventually } from '../e2e/stage.ts';
import { anAlert, NOON } from './alert.ts';
import { type FakeAliyun, openAliyun } from './aliyun.ts';
import { DINGTALK_SECRET, type FakeRobot, FEISHU_SECRET, openDingtalk, openFeishu } from './robots.ts';

const HOUR_MS = 3_600_000;
const TICKET = { severity: 'ticket' as const, fingerprint: 'ticket', alert: 'MoneyHeld' };

let folder: string;
let now: number;
let dingtalk: FakeRobot;
let feishu: FakeRobot;
let aliyun: FakeAliyun;
let settings: RelaySettings;
let outcomes: string[];
let lines: { level: string; fields: Readonly<Record<string, unknown>>; message: string }[];
const relays: { stop(): Promise<void> }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-relay-'));
  now = NOON;
  [dingtalk, feishu, aliyun] = await Promise.all([openDingtalk(() => now), openFeishu(() => now), openAliyun()]);
  settings = { receivers: [toDingtalk(), toFeishu()], perHour: 20, repeatAfterMs: HOUR_MS };
  [outcomes, lines] = [[], []];
});

afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.stop();
  await Promise.all([dingtalk, feishu, aliyun].map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

function toDingtalk(): Receiver {
  return { kind: 'dingtalk', name: '1', url: dingtalk.url, secret: DINGTALK_SECRET, severities: ['page', 'ticket'] };
}

function toFeishu(): Receiver {
  return { kind: 'feishu', name: 'ops', url: feishu.url, secret: FEISHU_SECRET, severities: ['page', 'ticket'] };
}

function toPhone(): Receiver {
  const { settings: sms } = aliyun;
  return { kind: 'sms', name: '+86138****5678', phone: '+8613812345678', sms, severities: ['page'] };
}

function openRelay(set: { readonly sendTimeoutMs?: number } = {}): AlertRelay {
  const { post, close } = createPoster();
  const say = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    lines.push({ level, fields, message });
  const relay = createAlertRelay({
    settings: () => settings,
    channelOf: (receiver) => {
      if (receiver.kind === 'sms') return aliyunSms(receiver.phone, receiver.sms);
      const open = receiver.kind === 'dingtalk' ? dingtalkRobot : feishuRobot;
      return open(receiver, { post, now: () => now });
    },
    journal: openJournal(join(folder, 'alerts.json'), (error) => say('error')({ err: error }, 'journal')),
    now: () => now,
    onOutcome: (kind, outcome) => outcomes.push(`${kind} ${outcome}`),
    log: { info: say('info'), warn: say('warn'), error: say('error') },
    backOffMs: [1, 1],
    sendTimeoutMs: 10_000,
    ...set,
  });
  const open = {
    ...relay,
    stop: async () => {
      await relay.stop();
      await close();
    },
  };
  relays.push(open);
  return open;
}

const told = { ok: true, value: undefined };
const notTold = { ok: false, error: 'not_told' };

describe('the relay', () => {
  test('tells every receiver once that an alert fires, and once that it is over', async () => {
    const relay = openRelay();
    for (let i = 0; i < 3; i += 1) expect(await relay.relay([anAlert()])).toEqual(told);
    now += 60_000;
    for (let i = 0; i < 2; i += 1) {
      expect(await relay.relay([anAlert({ status: 'resolved', endsAt: now })])).toEqual(told);
    }
    for (const robot of [dingtalk, feishu]) {
      expect(robot.titles()).toEqual([
        expect.stringContaining('[PAGE] ChannelDown'),
        expect.stringContaining('[OVER] ChannelDown'),
      ]);
    }
    expect(outcomes.filter((one) => one === 'feishu deduplicated')).toHaveLength(3);
  });

  test('rings a phone for pages alone', async () => {
    settings = { ...settings, receivers: [toPhone(), toDingtalk()] };
    const relay = openRelay();
    expect(await relay.relay([anAlert(), anAlert(TICKET)])).toEqual(told);
    expect(aliyun.taken.map(({ params }) => params.alert)).toEqual(['ChannelDown']);
    expect(dingtalk.titles()).toHaveLength(2);
  });

  test('tells the log of what no receiver wants, a page as a warning', async () => {
    settings = { ...settings, receivers: [] };
    const relay = openRelay();
    expect(await relay.relay([anAlert(), anAlert(TICKET)])).toEqual(told);
    expect(lines.map(({ level, message, fields }) => [level, message, fields.alert])).toEqual([
      ['warn', 'alert', 'ChannelDown'],
      ['info', 'alert', 'MoneyHeld'],
    ]);
    expect(relay.sent().map(({ kind, alert, outcome }) => [kind, alert, outcome])).toEqual([
      ['log', 'MoneyHeld', 'sent'],
      ['log', 'ChannelDown', 'sent'],
    ]);
  });

  test('says again what still fires, after its time; and never that something is over of which nobody was told', async () => {
    const relay = openRelay();
    await relay.relay([anAlert({ status: 'resolved', endsAt: now })]);
    expect(dingtalk.titles()).toEqual([]);
    await relay.relay([anAlert()]);
    now += HOUR_MS;
    await relay.relay([anAlert()]);
    expect(dingtalk.titles()).toHaveLength(2);
  });

  test('tries again what may pass, and no more than three times', async () => {
    dingtalk.troubles.push('hang up', { answer: {}, status: 502 });
    const relay = openRelay();
    expect(await relay.relay([anAlert()])).toEqual(told);
    expect(dingtalk.requests()).toBe(3);
    dingtalk.troubles.push('hang up', 'hang up', { answer: { errcode: -1 } });
    expect(await relay.relay([anAlert({ fingerprint: 'b' })])).toEqual(notTold);
    expect(dingtalk.requests()).toBe(6);
    expect(relay.sent().find(({ outcome }) => outcome === 'failed')).toMatchObject({
      kind: 'dingtalk',
      receiver: '1',
      errorCode: 'errcode_-1',
    });
  });

  test('is to be asked again when one receiver has not taken it; the others are not told twice', async () => {
    feishu.troubles.push({ answer: { code: 19_024, msg: 'Key Words Not Found' } });
    const relay = openRelay();
    expect(await relay.relay([anAlert()])).toEqual(notTold);
    expect(feishu.requests()).toBe(1);
    expect(await relay.relay([anAlert()])).toEqual(told);
    expect([dingtalk.titles().length, feishu.titles().length]).toEqual([1, 1]);
  });

  test('is not held up by a receiver that hangs', async () => {
    feishu.troubles.push('hang', 'hang', 'hang');
    const relay = openRelay();
    const ordered = relay.relay([anAlert()]);
    await eventually(() => dingtalk.titles().length === 1);
    await relay.stop();
    expect(await ordered).toEqual(notTold);
    expect(await relay.relay([anAlert()])).toEqual(notTold);
  });

  test('takes no more for a receiver than may wait, and says so, to whoever tests it too', async () => {
    settings = { ...settings, receivers: [toDingtalk()] };
    dingtalk.troubles.push('hang');
    const relay = openRelay();
    const many = Array.from({ length: 1_000 }, (_, index) => anAlert({ fingerprint: `many-${index}` }));
    const order = relay.relay(many);
    expect((await relay.relay([anAlert({ fingerprint: 'late' })])).ok).toBe(false);
    const full = { kind: 'dingtalk', receiver: '1', outcome: 'failed', errorCode: 'queue_full' };
    expect(relay.sent()[0]).toMatchObject(full);
    expect(await relay.test('page')).toEqual([full]);
    await relay.stop();
    expect((await order).ok).toBe(false);
  });

  test('knows after a restart what it has told', async () => {
    const first = openRelay();
    await first.relay([anAlert()]);
    await first.stop();
    const second = openRelay();
    await second.relay([anAlert()]);
    await second.relay([anAlert({ status: 'resolved', endsAt: now })]);
    expect(dingtalk.titles()).toHaveLength(2);
    expect(
      second
        .sent()
        .map(({ status, kind }) => `${kind} ${status}`)
        .sort(),
    ).toEqual(['dingtalk firing', 'dingtalk resolved', 'feishu firing', 'feishu resolved']);
  });

  test('starts with a damaged file, and says so', async () => {
    writeFileSync(join(folder, 'alerts.json'), '{"version":1,"sent":[{"at"');
    const relay = openRelay();
    expect(await relay.relay([anAlert()])).toEqual(told);
    expect(lines.map(({ message }) => message)).toContain('journal');
    expect(JSON.parse(readFileSync(join(folder, 'alerts.json'), 'utf8'))).toMatchObject({ version: 1 });
  });

  test('counts what is too much in an hour, and says so once when the hour is over, also after a restart', async () => {
    settings = { ...settings, receivers: [toDingtalk()], perHour: 2 };
    const first = openRelay();
    for (let i = 0; i < 5; i += 1) expect(await first.relay([anAlert({ fingerprint: `f${i}` })])).toEqual(told);
    expect(dingtalk.titles()).toHaveLength(2);
    expect(outcomes.filter((one) => one === 'dingtalk rate_limited')).toHaveLength(3);
    // Tickets have room of their own.
    await first.relay([anAlert(TICKET)]);
    expect(dingtalk.titles()).toHaveLength(3);
    await first.stop();

    now += HOUR_MS;
    openRelay();
    await eventually(() => dingtalk.titles().length === 4);
    expect(dingtalk.titles().at(-1)).toBe('[PAGE] MessagesHeldBack: 3 more messages were held back');
  });

  test('counts a message that is held back once, however often it is brought', async () => {
    settings = { ...settings, receivers: [toDingtalk()], perHour: 1 };
    const relay = openRelay();
    await relay.relay([anAlert({ fingerprint: 'f0' })]);
    for (let i = 0; i < 3; i += 1) await relay.relay([anAlert({ fingerprint: 'f1' })]);
    await relay.relay([anAlert({ fingerprint: 'f1', startsAt: NOON + 1 })]);
    expect(outcomes.filter((one) => one === 'dingtalk rate_limited')).toHaveLength(2);
    now += HOUR_MS;
    await relay.relay([anAlert({ fingerprint: 'f2' })]);
    expect(dingtalk.titles().at(-1)).toContain('2 more messages were held back');
  });

  test('sends the summary before the next message when that comes first', async () => {
    settings = { ...settings, receivers: [toDingtalk()], perHour: 2 };
    const relay = openRelay();
    for (let i = 0; i < 3; i += 1) await relay.relay([anAlert({ fingerprint: `f${i}` })]);
    now += HOUR_MS;
    await relay.relay([anAlert({ fingerprint: 'later', alert: 'StoreErrors' })]);
    expect(dingtalk.titles().slice(2)).toEqual([
      '[PAGE] MessagesHeldBack: 1 more message was held back',
      expect.stringContaining('[PAGE] StoreErrors'),
    ]);
    now += HOUR_MS;
    await relay.relay([anAlert({ fingerprint: 'much later', alert: 'AgendaLag' })]);
    expect(dingtalk.titles().slice(4)).toEqual([expect.stringContaining('[PAGE] AgendaLag')]);
  });

  test('wants to be asked again about what it holds back and cannot write down; what was sent was sent', async () => {
    settings = { ...settings, receivers: [toDingtalk()], perHour: 1 };
    mkdirSync(join(folder, 'alerts.json.new'));
    const relay = openRelay();
    expect(await relay.relay([anAlert({ fingerprint: 'f0' })])).toEqual(told);
    expect(await relay.relay([anAlert({ fingerprint: 'f1' })])).toEqual(notTold);
    expect(lines.map(({ message }) => message)).toContain('journal');
  });

  test('gives a slow receiver its time and no more', async () => {
    settings = { ...settings, receivers: [toDingtalk()] };
    dingtalk.troubles.push('hang', 'hang', 'hang');
    const relay = openRelay({ sendTimeoutMs: 30 });
    expect(await relay.relay([anAlert()])).toEqual(notTold);
    expect(relay.sent()[0]).toMatchObject({ outcome: 'failed', errorCode: 'timeout' });
    expect(dingtalk.requests()).toBe(3);
  });

  test('takes a changed configuration with the next message', async () => {
    const relay = openRelay();
    await relay.relay([anAlert()]);
    settings = { ...settings, receivers: [toFeishu()] };
    await relay.relay([anAlert({ fingerprint: 'b' })]);
    expect([dingtalk.titles().length, feishu.titles().length]).toEqual([1, 2]);
  });

  test('remembers the last two hundred', async () => {
    settings = { ...settings, receivers: [] };
    const relay = openRelay();
    await relay.relay(Array.from({ length: 250 }, (_, i) => anAlert({ fingerprint: `f${i}`, alert: `A${i}` })));
    expect(relay.sent()).toHaveLength(200);
    expect(relay.sent()[0]?.alert).toBe('A249');
  });

  test('sends a test to each receiver of an urgency and says what came of each', async () => {
    settings = { ...settings, receivers: [toPhone(), toDingtalk(), toFeishu()] };
    feishu.troubles.push({ answer: { code: 19_021 } });
    const relay = openRelay();
    expect(await relay.test('page')).toEqual([
      { kind: 'sms', receiver: '+86138****5678', outcome: 'sent', errorCode: null },
      { kind: 'dingtalk', receiver: '1', outcome: 'sent', errorCode: null },
      { kind: 'feishu', receiver: 'ops', outcome: 'failed', errorCode: 'code_19021' },
    ]);
    expect(dingtalk.titles()).toEqual(['[PAGE] RelayTest: this is a test, nothing is wrong']);
    settings = { ...settings, receivers: [toPhone()] };
    expect(await relay.test('ticket')).toEqual([]);
  });

  test('keeps secrets, addresses and phone numbers out of log, file and answers', async () => {
    settings = { ...settings, receivers: [toPhone(), toDingtalk(), toFeishu()] };
    const relay = openRelay();
    await relay.relay([anAlert()]);
    await Promise.all([dingtalk.close(), feishu.close(), aliyun.close()]);
    await relay.relay([anAlert({ fingerprint: 'b' })]);
    expect(outcomes.filter((one) => one.endsWith('failed'))).toHaveLength(3);
    const written = readFileSync(join(folder, 'alerts.json'), 'utf8');
    const everything = JSON.stringify([lines, relay.sent(), written]);
    const { accessKeyId, accessKeySecret } = aliyun.settings;
    const token = new URL(dingtalk.url).searchParams.get('access_token') ?? '-';
    for (const secret of [DINGTALK_SECRET, FEISHU_SECRET, accessKeyId, accessKeySecret, token, '13812345678']) {
      expect(everything).not.toContain(secret);
    }
  });
});
