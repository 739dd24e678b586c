import type { TestProject } from 'vitest/node';
import { type Found, findOrInstall, type NeededProgram } from './program.ts';

const PROMETHEUS = { packages: ['prometheus'], services: ['prometheus.service'] };
const ALERTMANAGER = { packages: ['prometheus-alertmanager'], services: ['prometheus-alertmanager.service'] };

const PROGRAMS = {
  chromium: {
    name: 'Chromium',
    variable: 'CHROMIUM',
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    packages: ['chromium', 'fonts-noto-cjk'],
  },
  redis: {
    name: 'Redis',
    variable: 'REDIS_SERVER',
    commands: ['redis-server'],
    packages: ['redis-server'],
    services: ['redis-server.service'],
  },
  prometheus: { ...PROMETHEUS, name: 'Prometheus', variable: 'PROMETHEUS', commands: ['prometheus'] },
  promtool: { ...PROMETHEUS, name: 'promtool', variable: 'PROMTOOL', commands: ['promtool'] },
  alertmanager: {
    ...ALERTMANAGER,
    name: 'Alertmanager',
    variable: 'ALERTMANAGER',
    commands: ['prometheus-alertmanager', 'alertmanager'],
  },
  amtool: { ...ALERTMANAGER, name: 'amtool', variable: 'AMTOOL', commands: ['amtool'] },
  php: { name: 'PHP', variable: 'PHP', commands: ['php'], packages: ['php-cli'] },
  python: { name: 'Python', variable: 'PYTHON', commands: ['python3'], packages: ['python3'] },
  curl: { name: 'curl', variable: 'CURL', commands: ['curl'], packages: ['curl'] },
  openssl: { name: 'OpenSSL', variable: 'OPENSSL', commands: ['openssl'], packages: ['openssl'] },
} as const satisfies Record<string, NeededProgram>;

type ProgramName = keyof typeof PROGRAMS;

declare module 'vitest' {
  interface ProvidedContext extends Record<ProgramName, Found> {}
}

/**
 * Runs once before all suites: finds or installs what they need beyond npm. What is missing skips its suites, with the
 * reason; with CI=true it is a failure, since a suite that never ran has shown nothing.
 */
export function setup(project: TestProject): void {
  for (const [name, program] of Object.entries(PROGRAMS)) {
    const found = findOrInstall(program);
    if ('missing' in found) {
      if (process.env.CI === 'true') throw new Error(`CI needs ${program.name}: ${found.missing}`);
      process.stderr.write(`skipping the suites that need ${program.name}: ${found.missing}\n`);
    }
    project.provide(name as ProgramName, found);
  }
}
