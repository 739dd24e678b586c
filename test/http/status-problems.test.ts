import { describe, expect, test } from 'vitest';
import { type ChannelStatus, type GatewayStatus, problemsOf } from '../../src/http/index.ts';
import { aChannel, aDeadChannel, aGateway, ago } from './admin-status.ts';

function told(channels: readonly ChannelStatus[], gateway: Partial<GatewayStatus> = {}): readonly string[] {
  const looked = { gateway: aGateway(gateway), channels, webhooks: { failing: [] } };
  return problemsOf(looked, { webhookOldestS: 300 }).map(
    ({ urgency, text, runbook }) => `${urgency}: ${text} ${runbook}`,
  );
}

describe('what is wrong', () => {
  test('is nothing while channels take payments, are drained or are disabled', () => {
    expect(
      told([aChannel('a'), aChannel('b', { draining: true, weight: 0 }), aDeadChannel('c', 9, { enabled: false })]),
    ).toEqual([]);
  });

  test('says for how long a channel has been down, why, and who has its traffic, best score first', () => {
    const others = [aChannel('alipay-backup', { score: 0.5 }), aChannel('alipay-third', { score: 0.9 })];
    expect(told([aDeadChannel('alipay-main', 190), ...others])).toEqual([
      'now: alipay-main: down for 3 min, not reachable (CHANNEL_UNAVAILABLE, ECONNREFUSED); traffic goes to alipay-third, then alipay-backup. ChannelDown',
    ]);
  });

  test.each([
    ['is down too', aDeadChannel('other')],
    ['takes another method', aChannel('other', { methods: ['card'] })],
    ['takes another currency', aChannel('other', { currencies: ['USD'] })],
    ['is drained', aChannel('other', { draining: true, weight: 0 })],
    ['is disabled', aChannel('other', { enabled: false })],
  ])("a channel that %s takes nobody's place", (_what, other) => {
    const [, line] = told([aDeadChannel('alipay-main'), other]);
    const lines = told([aDeadChannel('alipay-main'), other]).join('\n');
    expect(line ?? lines).toContain('no other channel takes its place');
  });

  test('comes with the method that is gone first', () => {
    const lines = told([aDeadChannel('alipay-main'), aChannel('stripe-main', { methods: ['card'] })]);
    expect(lines[0]).toMatch(/^now: alipay: no channel is left; .* AllChannelsOfMethodDown$/);
  });

  describe('where limits close a method', () => {
    const daily = { limit: 'daily', currency: 'CNY', left_minor: 50, until: ago(-12_000) } as const;
    const minute = { limit: 'per_minute', currency: null, left_minor: null, until: ago(-40) } as const;

    test('is that method and currency, with what is left, until when, and what to do', () => {
      const channels = [
        aChannel('alipay-main', { full: [daily] }),
        aChannel('alipay-backup', { full: [minute], currencies: ['CNY', 'USD'] }),
        aChannel('alipay-usd', { currencies: ['USD'] }),
        aChannel('stripe-main', { methods: ['card'] }),
      ];
      expect(told(channels)).toEqual([
        'now: alipay in CNY: limits leave no room for payments, shops get 503 for them (alipay-main: only 0.50 CNY left of its daily limit, which begins anew in 3 h 20 min; alipay-backup: its limit per minute is used up, which begins anew in 40 s). Raise a limit, as far as the provider allows it, or give another channel a weight. AllChannelsOfMethodDown',
      ]);
    });

    test('is none while another channel has room, or while nobody can say', () => {
      expect(told([aChannel('a', { full: [daily] }), aChannel('b')])).toEqual([]);
      expect(told([aChannel('a', { full: null })])).toEqual([]);
    });

    test('a channel without room takes over nothing from one that is down, and is what is left of the method', () => {
      const lines = told([aDeadChannel('a'), aChannel('b', { full: [daily] })]);
      expect(lines[0]).toMatch(/^now: alipay in CNY: limits leave no room for payments/);
      expect(lines[1]).toContain('a: down for 3 min');
      expect(lines[1]).toContain('no other channel takes its place');
    });
  });

  test('is a changed configuration that was refused, with its first fault', () => {
    const detail = 'gateway.yaml:69: channels.a.weight: must be a number\ngateway.yaml:70: channels.a.fee: is required';
    const refused = { at: ago(190), faults: [{}, {}], detail };
    const config = { digest: 'd', loaded_at: ago(9_000), refused, replicas: null };
    const looked = { gateway: aGateway(), channels: [aChannel('a')], webhooks: { failing: [] }, config };
    expect(problemsOf(looked, { webhookOldestS: 300 })).toEqual([
      {
        urgency: 'soon',
        text: 'A changed configuration was refused 3 min ago, so the one before it is in force: gateway.yaml:69: channels.a.weight: must be a number (and 1 more).',
        runbook: 'ConfigReloadRefused',
      },
    ]);
  });

  test('looks at ourselves when providers fail together', () => {
    const all = [
      aDeadChannel('alipay-main'),
      aDeadChannel('stripe-main', 190, { provider: 'stripe', methods: ['card'] }),
    ];
    expect(told(all)[0]).toMatch(/No channel takes payments: .* our own network first/);
    expect(told([aDeadChannel('alipay-main')])[0]).not.toContain('our own network');
  });

  test('is a refused key rather than an outage when the provider says so', () => {
    const cause = { operation: 'create', kind: 'AUTH_MISCONFIGURED', code: 'isv.invalid-signature', at: ago(30) };
    const dead = aDeadChannel('alipay-main', 30);
    const { breakers } = dead;
    const lines = told([{ ...dead, breakers: { ...breakers, create: { ...breakers.create, cause } } }, aChannel('b')]);
    expect(lines).toEqual([expect.stringMatching(/it refuses our keys or account .* ChannelMisconfigured$/)]);
  });

  test('is a half-open breaker as well: buyers are not sent there', () => {
    const dead = aDeadChannel('a');
    const { create } = dead.breakers;
    const trial = { ...dead, breaker: { ...dead.breaker, create: 'half_open' as const } };
    const lines = told([
      { ...trial, breakers: { ...dead.breakers, create: { ...create, state: 'half_open' } } },
      aChannel('b'),
    ]);
    expect(lines).toEqual([expect.stringContaining('a: down for 3 min')]);
  });

  test('can wait where only queries or refunds are not answered, or calls fail now and then', () => {
    const { breaker, breakers } = aChannel('a');
    const blocked = aChannel('a', {
      breaker: { ...breaker, refund: 'open' },
      breakers: { ...breakers, refund: { state: 'open', since: ago(700), cause: null } },
    });
    expect(told([blocked])).toEqual(['soon: a: refund not answered for 11 min. ChannelDutiesBlocked']);
    expect(told([aChannel('a', { technical_ratio: 0.7 })])[0]).toMatch(/^soon: a: only 70% of its calls work/);
    expect(told([aChannel('a', { technical_ratio: 0.7, sample_size: 1 })])).toEqual([]);
  });

  test('is a balance below its threshold, never one that nobody set a threshold for', () => {
    const balance = (available_minor: number, threshold_minor: number | null) =>
      told([aChannel('a', { balance: [{ currency: 'CNY', available_minor, at: ago(9), threshold_minor }] })]);
    expect(balance(123_450, 200_000)).toEqual([
      'soon: a: only 1,234.50 CNY left; refunds will wait when it is empty. ChannelBalanceLow',
    ]);
    expect(balance(200_000, 200_000)).toEqual([]);
    expect(balance(0, null)).toEqual([]);
  });

  test.each([
    [{ store: { ok: false, reason: 'no answer within 700 ms' } }, /^now: The store does not answer \(no answer/],
    [{ agenda_lag_seconds: 61 }, /^now: Duties are 1 min late/],
    [{ unknown_oldest_seconds: 4_000 }, /^now: An outcome has been unknown for 1 h 6 min/],
    [{ webhook_oldest_seconds: 301 }, /^now: An event has waited for its shop for 5 min/],
    [
      { clocks: [{ against: 'alipay-main', kind: 'provider', skew_ms: -190_000 }] },
      /^soon: The clock of this machine is 3 min behind that of alipay-main: .* ClockSkew$/,
    ],
    [{ clocks: [{ against: 'redis', kind: 'server', skew_ms: 1_250 }] }, /is 1.3 s ahead of that of redis/],
    [{ held: 1 }, /^soon: The money of 1 payment waits/],
    [{ dead_letters: 2 }, /^soon: 2 events were given up/],
    [{ paused_endpoints: 1 }, /^soon: 1 address of a shop is paused/],
    [{ evidence_dropped: 7 }, /^soon: The evidence log has a gap of 7 entries/],
    [{ event_loop_delay_ms: { p50: 1, p99: 900, max: 990 } }, /^soon: The process is overloaded/],
  ] satisfies [Partial<GatewayStatus>, RegExp][])('is %j', (gateway, line) => {
    expect(told([aChannel('a')], gateway)).toEqual([expect.stringMatching(line)]);
  });

  test('is no clock that is as far off as a slow answer makes it seem', () => {
    const clocks = [
      { against: 'redis', kind: 'server', skew_ms: -900 },
      { against: 'alipay-main', kind: 'provider', skew_ms: 20_900 },
    ] as const;
    expect(told([aChannel('a')], { clocks })).toEqual([]);
  });

  test.each([{ agenda_lag_seconds: null }, { held: null }, { unknown_oldest_seconds: null }, { dead_letters: null }])(
    'is not what is not known: %j',
    (gateway) => expect(told([aChannel('a')], gateway)).toEqual([]),
  );

  test('that cannot wait comes before what can', () => {
    const lines = told([aChannel('a', { technical_ratio: 0.5 }), aDeadChannel('b')], {
      held: 3,
      agenda_lag_seconds: 90,
    });
    const urgencies = lines.map((line) => line.slice(0, 4));
    expect(urgencies).toEqual(urgencies.toSorted());
    expect(urgencies.filter((urgency) => urgency === 'now:')).toHaveLength(2);
  });
});
