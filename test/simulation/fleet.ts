import type { RunningGateway } from '../../src/gateway/index.ts';
import { MINUTE, SECOND } from './climate.ts';
import { type GatewayProcess, type ProcessParts, startProcess } from './process.ts';
import { describe, MadeUpFault, type World } from './world.ts';

/** What became of a request: an answer; an error of ours (500); or a connection that was cut. */
export type Served<T> =
  | { readonly outcome: 'answered'; readonly value: T }
  | { readonly outcome: 'failed' }
  | { readonly outcome: 'lost' };

/** All processes of the gateway, and the load balancer before them. */
export interface Fleet {
  /** Sends a request to one of the processes that are alive. */
  serve<T>(what: string, timeoutMs: number, work: (gateway: RunningGateway) => Promise<T>): Promise<Served<T>>;
  /** Nobody works on anything. */
  isQuiet(): boolean;
  /** Whether the clock of the gateway's machine has ever been ahead of the truth. */
  wasAhead(): boolean;
  clockAheadMs(): number;
  /** Stops all processes. */
  end(): Promise<void>;
}

/** Starts the processes, lets them crash, freeze and be replaced while the storm lasts, and sets their clock. */
export function createFleet(
  world: World,
  parts: Omit<ProcessParts, 'name' | 'onEnd' | 'clockAheadMs' | 'storeIsDown'>,
): Fleet {
  const { time, record, climate } = world;
  const chance = world.chance('fleet');
  const alive = new Set<GatewayProcess>();
  const { replicas, crashes, restarts, stalls } = climate.processes;
  let started = 0;
  let waiting = 0;
  let aheadMs = 0;
  let wasAhead = false;
  let storeDownUntil = 0;
  let isEnding = false;

  function start(): void {
    if (isEnding) return;
    started += 1;
    record.note('fleet', `process-${started} starts`);
    const process = startProcess(world, {
      ...parts,
      name: `process-${started}`,
      clockAheadMs: () => aheadMs,
      storeIsDown: () => world.isStormy() && time.now() < storeDownUntil,
      onEnd: () => {
        record.count('crashes');
        record.note('fleet', `${process.name} dies`);
        alive.delete(process);
        time.after(chance.mostlyShort(100, 30 * SECOND), start);
      },
    });
    alive.add(process);
  }

  const anyone = (): GatewayProcess | undefined => {
    const all = [...alive];
    return all[chance.int(0, Math.max(0, all.length - 1))];
  };

  async function replace(): Promise<void> {
    const process = anyone();
    if (!process) return;
    record.count('restarts');
    record.note('fleet', `${process.name} is replaced`);
    // With others on the same store the new one comes first; alone, the old one has to let go of it.
    if (replicas > 1) start();
    alive.delete(process);
    await process.stop();
    if (replicas === 1) start();
  }

  function setClock(ms: number): void {
    record.count(ms < aheadMs ? 'clock set back' : 'clock set forward');
    record.note('fleet', `the clock is ${ms} ms ahead`);
    aheadMs = ms;
    wasAhead ||= ms > 0;
  }

  const sometime = (times: number, happen: () => void): void => {
    for (let i = 0; i < times; i += 1) time.after(chance.int(SECOND, climate.stormUntil), happen);
  };
  for (let i = 0; i < replicas; i += 1) start();
  sometime(crashes, () => anyone()?.endAfter(chance.mostlyShort(1, 60)));
  sometime(restarts, () => world.begin(replace));
  sometime(stalls, () => {
    record.count('stalls');
    anyone()?.stall(chance.int(SECOND, 3 * MINUTE), chance.pick(['now', 'next create']));
  });
  sometime(climate.store.outages, () => {
    storeDownUntil = time.now() + chance.mostlyShort(SECOND, 2 * MINUTE);
  });
  sometime(climate.clockSteps, () => setClock(chance.int(-60 * MINUTE, 60 * MINUTE)));
  if (climate.clockSteps > 0) time.after(climate.stormUntil, () => setClock(0));

  function serve<T>(
    what: string,
    timeoutMs: number,
    work: (gateway: RunningGateway) => Promise<T>,
  ): Promise<Served<T>> {
    const process = anyone();
    if (!process) return time.wait(SECOND).then(() => ({ outcome: 'lost' }));
    waiting += 1;
    return new Promise((resolve) => {
      let isOver = false;
      const end = (served: Served<T>): void => {
        if (isOver) return;
        isOver = true;
        waiting -= 1;
        resolve(served);
      };
      process
        .serve(() => work(process.gateway))
        .then(
          (value) => end({ outcome: 'answered', value }),
          (thrown: unknown) => {
            if (!(thrown instanceof MadeUpFault)) record.violated(what, `threw: ${describe(thrown)}`);
            end({ outcome: 'failed' });
          },
        );
      time.after(timeoutMs, () => end({ outcome: 'lost' }));
    });
  }

  return {
    serve,
    isQuiet: () => waiting === 0 && alive.size > 0 && [...alive].every((process) => !process.isBusy()),
    wasAhead: () => wasAhead,
    clockAheadMs: () => aheadMs,
    end: async () => {
      isEnding = true;
      await Promise.all([...alive].map((process) => process.stop()));
    },
  };
}
