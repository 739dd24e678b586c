import type { TestProject } from 'vitest/node';
import { type Found, findOrInstall, type NeededProgram } from './program.ts';

const CHROMIUM: NeededProgram = {
  name: 'Chromium',
  variable: 'CHROMIUM',
  commands: ['chromium', 'chromium-browser', 'google-chrome'],
  packages: ['chromium', 'fonts-noto-cjk'],
};

declare module 'vitest' {
  interface ProvidedContext {
    chromium: Found;
  }
}

/**
 * Runs once before all suites: finds or installs what they need beyond npm. What is missing skips its suites, with the
 * reason; with CI=true it is a failure, since a suite that never ran has shown nothing.
 */
export function setup(project: TestProject): void {
  const chromium = findOrInstall(CHROMIUM);
  if ('missing' in chromium) {
    if (process.env.CI === 'true') throw new Error(`CI needs ${CHROMIUM.name}: ${chromium.missing}`);
    process.stderr.write(`skipping the browser suites: ${chromium.missing}\n`);
  }
  project.provide('chromium', chromium);
}
