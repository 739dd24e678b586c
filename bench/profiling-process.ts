import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

/**
 * Loaded into the gateway's process before anything of it (`--import`): SIGUSR2 starts a profile, the next SIGUSR2 ends it and
 * writes it to `PROFILE_DIR` as `1.cpuprofile` or `1.heapprofile`, then `2.…`. `PROFILE_KIND` says which of both.
 */
const { PROFILE_DIR: folder = '.', PROFILE_KIND: kind = 'cpu' } = process.env;
const CPU_INTERVAL_US = 200;
const HEAP_INTERVAL_BYTES = 8_192;

const session = new Session();
session.connect();
let written = 0;
let running = false;

function start(): void {
  if (kind === 'cpu') {
    session.post('Profiler.enable');
    session.post('Profiler.setSamplingInterval', { interval: CPU_INTERVAL_US });
    session.post('Profiler.start');
    return;
  }
  session.post('HeapProfiler.startSampling', {
    samplingInterval: HEAP_INTERVAL_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
}

function stop(): void {
  written += 1;
  const path = join(folder, `${written}.${kind}profile`);
  const write = (failed: Error | null, { profile }: { profile: object }): void => {
    if (failed !== null) throw failed;
    writeFileSync(path, JSON.stringify(profile));
  };
  if (kind === 'cpu') session.post('Profiler.stop', write);
  else session.post('HeapProfiler.stopSampling', write);
}

process.on('SIGUSR2', () => {
  if (running) stop();
  else start();
  running = !running;
});
