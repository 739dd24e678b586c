import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { LongestFirst } from './test/services/longest-first.ts';

/** What Prometheus says of a gateway in the process of its test depends on how old that process is. */
const IN_A_FRESH_PROCESS = ['test/grafana/{alerts.e2e,dashboards-live,rules-live}.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/services/setup.ts'],
    // Tests start hundreds of short-lived processes of the same program: what one has compiled the next need not compile again.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node') },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Most suites wait more than they compute: on two cores, two workers leave a third of the time unused.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'fresh', include: IN_A_FRESH_PROCESS } },
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...IN_A_FRESH_PROCESS],
          // Short files would take longer to load the program than to run; no file leaves anything behind for the next.
          isolate: false,
        },
      },
    ],
  },
});
