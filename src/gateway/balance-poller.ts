import type { Balance } from '../channel/index.ts';
import type { EpochMs } from '../payment/index.ts';
import { isFresh, nextAskMs } from './balance-schedule.ts';
import type { ChannelCalls } from './channel-calls.ts';
import type { Parts } from './parts.ts';
import type { Channel } from './ports.ts';

/** How often the background looks whether a channel is to be asked. */
const TICK_MS = 1_000;
/** After a start or a reload the channels are first asked within this time, not all in one moment. */
const FIRST_WITHIN_MS = 3_000;
const TIMEOUT_MS = 10_000;
/** Part of a round in which no other replica asks again; less than the shortest round. */
const TURN_SHARE = 0.8;

/** By channel. `no_right`: the account may not ask. A channel without an entry has not answered lately, or cannot be asked. */
export type ChannelBalances = ReadonlyMap<
  string,
  'no_right' | { readonly at: EpochMs; readonly amounts: readonly Balance[] }
>;

interface Round {
  dueAt: EpochMs;
  failuresInARow: number;
  last: 'no_right' | { readonly at: EpochMs; readonly amounts: readonly Balance[] } | null;
}

/**
 * Asks each provider now and then what our account there holds, one call at a time per channel and in one replica alone. Nothing
 * depends on the answer: no breaker, no routing; it is there for people to see that refunds will soon have to wait.
 */
export function createBalancePoller(parts: Parts, calls: ChannelCalls) {
  const { clock, telemetry } = parts;
  const rounds = new Map<string, Round>();
  const inFlight = new Map<string, Promise<void>>();
  const told = new Set<string>();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  async function ask(channel: Channel, round: Round): Promise<void> {
    const everyMs = parts.settings().balanceEveryMs;
    if (!(await isOurTurn(channel.id, everyMs))) {
      // The replica that asks has the news; an old figure beside it would hide that the balance fell.
      round.last = null;
      round.dueAt = clock.now() + nextAskMs(everyMs, 0, parts.random());
      return;
    }
    const answer = await calls.call(
      channel,
      { operation: 'balance', timeoutMs: TIMEOUT_MS, method: null, paymentId: null, signal: stopping.signal },
      // The capability says that the method is there; the contract suite holds both together.
      async (signal) => (await channel.adapter.balance?.(signal)) ?? { ok: true, value: [] },
    );
    const now = clock.now();
    round.failuresInARow = answer.ok ? 0 : round.failuresInARow + 1;
    if (answer.ok) round.last = answer.value.length === 0 ? 'no_right' : { at: now, amounts: answer.value };
    if (round.last === 'no_right') tellOnce(channel, 'the provider does not tell this account its balance');
    round.dueAt = now + nextAskMs(everyMs, round.last === 'no_right' ? 20 : round.failuresInARow, parts.random());
  }

  /** Without the shared state every replica asks: once too often is better than not at all. */
  async function isOurTurn(channelId: string, everyMs: number): Promise<boolean> {
    const turn = await parts.ephemeral.hit(`balance/${channelId}`, 1, everyMs * TURN_SHARE).catch(() => null);
    return turn === null || turn.allowed;
  }

  function tellOnce({ id }: Channel, message: string): void {
    if (told.has(id)) return;
    told.add(id);
    telemetry.info({ channelId: id }, message);
  }

  function tick(): void {
    const channels = parts.channels();
    for (const id of rounds.keys()) if (!channels.has(id)) forget(id);
    for (const channel of channels.values()) {
      if (!channel.capabilities.includes('balance'))
        tellOnce(channel, 'the provider has no call that tells our balance');
      else if (!inFlight.has(channel.id)) askIfDue(channel);
    }
  }

  function askIfDue(channel: Channel): void {
    const now = clock.now();
    const round = rounds.get(channel.id) ?? {
      dueAt: now + FIRST_WITHIN_MS * parts.random(),
      failuresInARow: 0,
      last: null,
    };
    rounds.set(channel.id, round);
    // A time further ahead than the longest pause was set by a clock that has been set back since.
    const longestMs = nextAskMs(parts.settings().balanceEveryMs, 20, 1);
    if (now < round.dueAt && round.dueAt - now <= longestMs) return;
    const asking = ask(channel, round)
      .catch((thrown: unknown) =>
        telemetry.error({ channelId: channel.id, err: thrown }, 'asking for the balance crashed'),
      )
      .finally(() => inFlight.delete(channel.id));
    inFlight.set(channel.id, asking);
  }

  function forget(channelId: string): void {
    rounds.delete(channelId);
    told.delete(channelId);
  }

  return {
    balances: (): ChannelBalances => {
      const everyMs = parts.settings().balanceEveryMs;
      const known = new Map<string, NonNullable<Round['last']>>();
      for (const [channelId, { last, failuresInARow }] of rounds) {
        if (last === null || !parts.channels().has(channelId)) continue;
        const ageMs = last === 'no_right' ? 0 : Math.abs(clock.now() - last.at);
        if (isFresh(ageMs, failuresInARow, everyMs)) known.set(channelId, last);
      }
      return known;
    },
    start: (): void => {
      timer = setInterval(tick, TICK_MS);
      timer.unref();
    },
    stop: async (): Promise<void> => {
      clearInterval(timer);
      stopping.abort();
      await Promise.allSettled(inFlight.values());
    },
  };
}
