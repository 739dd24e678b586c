import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/services/longest-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/services/setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // A process that has loaded the program runs one file after the other with it; no file leaves anything behind for the next.
    isolate: false,
    // Most suites wait more than they compute: on two cores, two workers leave a third of the time unused.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
});
