import { join } from 'node:path';
import type { AloneReport } from './alone.ts';
import { callBack, createsAndCallbacks, type Load } from './alone-scenarios.ts';
import { CHANNEL_MS_HEADER } from './channel-clock.ts';
import { figuresOf, type Round } from './figures.ts';
import { openLoop, type Source } from './loops.ts';
import { measure } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import { openStage, ROOT, type Stage } from './stage.ts';

const KIND = scenarios.kindOf(scenarios.ALIPAY);

/**
 * Creations on a schedule: how long each took from its planned start, how much of that its own call to the channel took as the gateway
 * saw it, and the rest, which is what the gateway added. What is created is paid at once, so that nothing is asked for meanwhile.
 */
export async function measureAdded(
  ratePerS: number,
  { connections, forMs, rounds }: { readonly connections: number; readonly forMs: number; readonly rounds: number },
): Promise<readonly AloneReport[]> {
  const load: Load = { connections, forMs, payments: 0 };
  const stage = await openStage({
    holdCallbacks: true,
    nodeArgs: ['--import', join(ROOT, 'bench/channel-clock.ts')],
  });
  try {
    const kept: Parts[] = [];
    await createsAndCallbacks(load, KIND)(stage); // warm-up
    for (let round = 0; round < rounds; round += 1) kept.push(await oneRound(stage, load, ratePerS));
    const report = (scenario: string, part: keyof Parts): AloneReport => ({
      ...{ setting: `${ratePerS}/s planned`, scenario },
      switchyard: figuresOf(kept.map((parts) => parts[part])),
    });
    return [
      report(`create ${KIND.name}`, 'all'),
      report('- the channel', 'channel'),
      report('- added by the gateway', 'added'),
    ];
  } finally {
    await stage.stop();
  }
}

/** The same requests, with the whole of their times and with either part. */
type Parts = Readonly<Record<'all' | 'channel' | 'added', Round>>;

async function oneRound(stage: Stage, load: Load, ratePerS: number): Promise<Parts> {
  const created: string[] = [];
  const channelMs: number[] = [];
  const addedMs: number[] = [];
  const source: Source = {
    ...KIND.creates(stage, created),
    heard(headers, latencyMs) {
      const waitedMs = Number(headers[CHANNEL_MS_HEADER]);
      channelMs.push(waitedMs);
      addedMs.push(latencyMs - waitedMs);
    },
  };
  const all = await measure(stage, 'switchyard', source, (pool, each) =>
    openLoop(pool, each, { ratePerS, forMs: load.forMs }),
  );
  await callBack(stage, load, KIND, created.map(scenarios.readPayment));
  return { all, channel: { ...all, latenciesMs: channelMs }, added: { ...all, latenciesMs: addedMs } };
}
