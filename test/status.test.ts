import { expect, test } from 'vitest';
import { channelStates } from '../src/channel-status.ts';
import { createChannelWatch } from '../src/channel-watch.ts';
import type { Channel } from '../src/gateway/index.ts';
import { type ChannelSetup, scriptChannel } from './gateway/scripted-channel.ts';

const NOON = Date.parse('2026-01-01T12:00:00+08:00');
const window = { kind: 'daily', fromMinute: 690, toMinute: 750, zone: 'Asia/Shanghai', reason: null } as const;

function stateOf(profile: ChannelSetup['profile'], live: ReadonlyMap<string, number> | null): unknown {
  const { channel } = scriptChannel('a', profile ? { profile } : {}, 0, () => NOON);
  const observed = {
    channels: () => new Map<string, Channel>([['a', channel]]),
    breakerState: () => 'closed' as const,
    estimate: () => ({
      ...{ technicalRatio: 1, paymentRatio: 1, sampleSize: 0, latencyMs: 0 },
      ...{ lostMs: 0, opened: 0, openedAt: 0, lowSince: null, hopeful: false },
    }),
    score: () => 1,
    alertThresholds: () => new Map(),
    balances: () => new Map(),
    now: () => NOON,
  };
  const [state] = channelStates(
    observed,
    createChannelWatch(() => NOON),
    live,
    [],
  );
  return [state?.state, state?.open_orders];
}

test.each([
  ['takes orders', {}, new Map([['a', 3]]), ['sandbox', 3]],
  ['is draining', { weight: 0 }, new Map([['a', 3]]), ['draining, 3 open', 3]],
  ['has been drained', { weight: 0 }, new Map([['b', 3]]), ['drained, may be removed', 0]],
  ['is disabled and has orders', { enabled: false }, new Map([['a', 1]]), ['disabled, 1 open', 1]],
  ['is disabled and has none', { enabled: false }, new Map(), ['disabled, may be removed', 0]],
  ['is draining while the store cannot say', { weight: 0 }, null, ['draining', null]],
  ['is in maintenance', { maintenance: [window] }, new Map(), ['maintenance until 12:30 Asia/Shanghai', 0]],
] as const)('the state of a channel that %s', (_, profile, live, said) => {
  expect(stateOf(profile, live)).toEqual(said);
});
