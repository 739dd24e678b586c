import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AdminStatus, createAdminApp, type Listener, listen, problemsOf } from '../../src/http/index.ts';
import { adminParts } from './admin-parts.ts';
import { aChannel, aDeadChannel, aGateway, ago, aStatus } from './admin-status.ts';

const RUNBOOKS = join(import.meta.dirname, '../../grafana/runbooks');
const NASTY = `<script>alert(1)</script>"'&`;

let shown: AdminStatus;
let listener: Listener;
beforeEach(async () => {
  shown = aStatus({ channels: [aChannel('alipay-main')] });
  const app = createAdminApp(adminParts({ status: async () => shown }));
  listener = await listen(app, { host: '127.0.0.1', port: 0 });
});
afterEach(() => listener.close(1_000));

async function get(path: string) {
  const answer = await fetch(listener.url + path, { redirect: 'manual' });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

function withProblems(set: Partial<AdminStatus>): AdminStatus {
  const status = aStatus(set);
  return { ...status, problems: problemsOf(status, { webhookOldestS: 300 }) };
}

describe('the status page', () => {
  test('is where /admin leads', async () => {
    const answer = await get('/admin');
    expect(answer.status).toBe(302);
    expect(new URL(answer.headers.get('location') ?? '', `${listener.url}/admin`).pathname).toBe('/admin/');
  });

  test('says that all is well', async () => {
    const { status, text } = await get('/admin/');
    expect(status).toBe(200);
    expect(text).toContain('All well');
    expect(text).toContain('<title>Switchyard: all well</title>');
  });

  test('says what is wrong first, in words, with the way to its runbook', async () => {
    shown = withProblems({ channels: [aDeadChannel('alipay-main', 190), aChannel('alipay-backup')] });
    const { text } = await get('/admin/');
    const line =
      'alipay-main: down for 3 min, not reachable (CHANNEL_UNAVAILABLE, ECONNREFUSED); traffic goes to alipay-backup.';
    expect(text).toContain(`<li>${line} <a href="runbooks/ChannelDown">`);
    expect(text.indexOf(line)).toBeLessThan(text.indexOf('<h2>Channels</h2>'));
    expect(text).toContain('<title>(1!) Switchyard</title>');
    expect(text).not.toContain('All well');
  });

  test('shows of each channel what routing believes, what it holds and when it was last heard', async () => {
    const balance = [{ currency: 'CNY', available_minor: 1_234_567, at: ago(125), threshold_minor: 2_000_000 }];
    const today = { since: ago(40_000), successes: [{ currency: 'CNY', count: 12, sum_minor: 99_900 }] };
    shown = aStatus({ channels: [aChannel('alipay-main', { balance, today })] });
    const { text } = await get('/admin/');
    for (const said of [
      '99.9%',
      'n 413',
      '83.0%',
      '182 ms',
      '0.781',
      '12,345.67 CNY (low)',
      '2 min ago',
      '999.00 CNY',
      'in 12',
      'callback 4 s ago',
    ]) {
      expect(text).toContain(said);
    }
  });

  test('shows which limit of a channel has no room', async () => {
    const full = [{ limit: 'per_minute', currency: null, left_minor: null, until: ago(-40) }] as const;
    shown = aStatus({ channels: [aChannel('alipay-main', { full }), aChannel('b')] });
    const { text } = await get('/admin/');
    expect(text).toContain('<strong>up, but</strong><span class="line">its limit per minute is used up, which');
  });

  test('shows a question mark where a figure is not known, and says why', async () => {
    const unavailable = { counts: 'no answer within 700 ms' };
    shown = aStatus({ gateway: aGateway({ held: null, webhook_backlog: null, unavailable }) });
    const { text } = await get('/admin/');
    expect(text).toContain('Not known: counts (no answer within 700 ms).');
    expect(text).toContain('<dt>Money held</dt><dd><b>?</b>');
  });

  test('loads itself again, and stands still when asked to', async () => {
    expect((await get('/admin/')).text).toContain('<meta http-equiv="refresh" content="5">');
    const { text } = await get('/admin/?paused');
    expect(text).not.toContain('http-equiv="refresh"');
    expect(text).toContain('<a href="./">resume</a>');
  });

  test('needs no script, loads nothing from elsewhere and may not be framed', async () => {
    const { headers, text } = await get('/admin/');
    const policy = headers.get('content-security-policy');
    for (const rule of ["default-src 'none'", "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"])
      expect(policy).toContain(rule);
    expect(policy).not.toContain('script-src');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(text).not.toMatch(/<script|<form|<img|style=| on\w+=|https?:\/\//);
  });

  test('escapes whatever it is told', async () => {
    const failure = { operation: NASTY, kind: NASTY, code: NASTY, at: ago(3) };
    const dead = aDeadChannel(NASTY, 5, {
      provider: NASTY,
      methods: [NASTY],
      currencies: [NASTY],
      last_failure: failure,
    });
    const endpoint = {
      merchant: NASTY,
      endpoint: NASTY,
      failing_since: ago(50),
      paused_at: null,
      next_trial_at: null,
      reason: NASTY,
    };
    const balance = [{ currency: NASTY, available_minor: 5, at: ago(1), threshold_minor: 10 }];
    shown = withProblems({
      gateway: aGateway({ version: NASTY, store: { ok: false, reason: NASTY }, unavailable: { [NASTY]: NASTY } }),
      channels: [
        dead,
        aChannel(`b${NASTY}`, {
          balance,
          today: { since: ago(9), successes: [{ currency: NASTY, count: 1, sum_minor: 1 }] },
        }),
      ],
      webhooks: { failing: [endpoint] },
    });
    const { text } = await get('/admin/');
    expect(text).not.toContain('<script>');
    expect(text).not.toContain(`"'&`);
  });

  test('leaves out what would steer the direction of a text', async () => {
    shown = aStatus({ channels: [aChannel('a\u202ealipay', { provider: 'x\u2067y' })] });
    const { text } = await get('/admin/');
    expect(text).toContain('aalipay');
    expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
  });

  test('has its style sheet beside it', async () => {
    const { headers, text } = await get('/admin/assets/status.css');
    expect(headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(text).toContain('prefers-color-scheme: dark');
    expect(text).not.toMatch(/@import|url\(/);
  });
});

describe('the runbooks', () => {
  const names = readdirSync(RUNBOOKS).map((file) => file.slice(0, -3));

  test('are all served, and lead only to pages that there are', async () => {
    for (const name of names) {
      const { status, text } = await get(`/admin/runbooks/${name}`);
      expect(status).toBe(200);
      for (const [, target = ''] of text.matchAll(/ href="([A-Za-z]+)(?:#[\w-]+)?"/g)) {
        expect(existsSync(join(RUNBOOKS, `${target}.md`)), `${name} -> ${target}`).toBe(true);
      }
      expect(text).not.toMatch(/^#|```|\]\(/m);
    }
  });

  test('are HTML: headings, steps with their commands, tables, links', async () => {
    const { text } = await get('/admin/runbooks/ChannelDown.md');
    expect(text).toContain('<h1 id="channeldown">ChannelDown</h1>');
    expect(text).toMatch(
      /<ol><li><p>Is there another channel .*<\/p><pre><code>npm run --silent cli -- channels<\/code><\/pre>/,
    );
    expect(text).toContain('<a href="README#a-change-of-the-configuration">apply</a>');
    expect((await get('/admin/runbooks/README')).text).toContain('<td><a href="ChannelDown">ChannelDown</a></td>');
  });

  test('that every problem and figure of the page names exist', async () => {
    const { text } = await get('/admin/');
    const linked = [...text.matchAll(/runbooks\/([A-Za-z]+)/g)].map(([, name]) => name);
    expect(linked.length).toBeGreaterThan(8);
    expect(linked.filter((name) => !names.includes(name ?? ''))).toEqual([]);
  });

  test.each(['Nothing', '..%2f..%2fpackage', '%2e%2e%2fprometheus%2frules', '__proto__', 'README.md.md', ''])(
    '%j is none of them',
    async (name) => {
      expect((await get(`/admin/runbooks/${name}`)).status).toBe(404);
    },
  );
});
