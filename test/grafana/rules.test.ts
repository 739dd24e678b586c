import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { readPage, section } from '../docs/pages.ts';
import { goEnvironment } from '../services/go.ts';
import { GRAFANA, readRuleFiles, readRuleTests, readRunbooks } from './rule-files.ts';

const run = promisify(execFile);
const promtool = inject('promtool');
const { alerts } = readRuleFiles();
const { paths, expectations } = readRuleTests();
const PROMTOOL_TIMEOUT_MS = 180_000;

/** Runs it to its end; rejects with what it printed when it finds a fault. */
async function promtoolSays(...args: readonly string[]): Promise<string> {
  if ('missing' in promtool) throw new Error(promtool.missing);
  try {
    const { stdout, stderr } = await run(promtool.path, args, { env: goEnvironment() });
    return stdout + stderr;
  } catch (thrown) {
    const { stdout = '', stderr = '' } = thrown as { stdout?: string; stderr?: string };
    throw new Error(stdout + stderr || String(thrown));
  }
}

describe.skipIf('missing' in promtool)('promtool', () => {
  test('finds no fault in configuration and rules', async () => {
    const said = await promtoolSays('check', 'config', join(GRAFANA, 'prometheus/prometheus.yml'));
    expect(said).toContain('is valid prometheus config file syntax');
    expect(said.match(/rules found/g)?.length).toBeGreaterThan(0);
  });

  test.each(paths.map((path) => [basename(path), path]))(
    'sees the alerts of %s fire, stay silent and recover',
    async (_, path) => {
      expect(await promtoolSays('test', 'rules', path)).toContain('SUCCESS');
    },
    PROMTOOL_TIMEOUT_MS,
  );
});

describe('each alert', () => {
  const runbooks = readRunbooks();

  test('has a name of its own', () => {
    const names = alerts.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(alerts.map(({ alert }) => alert))('%s is tested firing, recovering, and silent throughout', (alert) => {
    const ofAlert = expectations.filter((expectation) => expectation.alert === alert);
    const tests = Map.groupBy(ofAlert, (expectation) => expectation.test);
    const courses = [...tests.values()].map((steps) => steps.map(({ fires }) => (fires ? 'F' : '.')).join(''));
    expect(courses.some((course) => /F\.+$/.test(course) || alert === 'GatewayDown')).toBe(true);
    expect(courses.some((course) => course.includes('F'))).toBe(true);
    expect(courses.some((course) => /^\.+$/.test(course))).toBe(true);
  });

  test.each(alerts.map((rule) => [rule.alert, rule] as const))('%s leads to its runbook', (alert, { annotations }) => {
    expect(annotations.runbook_url).toBe(`{{ $externalLabels.runbooks }}/${alert}.md`);
    const page = readPage(`grafana/runbooks/${alert}.md`);
    expect(page.text.startsWith(`# ${alert}\n`)).toBe(true);
    const parts = ['## What it means', '## Impact', '## First three steps', '## It is over when', '## What not to do'];
    for (const heading of parts) expect(section(page, heading).trim().length, heading).toBeGreaterThan(20);
    const steps = section(page, '## First three steps');
    expect(steps.match(/^[123]\. /gm)).toEqual(['1. ', '2. ', '3. ']);
  });

  test('names only commands that there are', () => {
    const cli = readPage('src/cli.ts').text;
    const known = new Set([...cli.matchAll(/\.command\('([a-z]+)'\)/g)].map(([, word]) => word));
    const texts = [...runbooks.values(), ...alerts.flatMap(({ annotations }) => Object.values(annotations))];
    const used = texts.flatMap((text) => [...text.matchAll(/npm run --silent cli -- ([a-z]+)(?: ([a-z]+))?/g)]);
    expect(used.length).toBeGreaterThan(60);
    const words = used.flatMap(([, first, second]) => [first, second]).filter((word) => word !== undefined);
    expect([...new Set(words)].filter((word) => !known.has(word))).toEqual([]);
  });

  test('has the only runbooks, and the index names each with its urgency', () => {
    expect([...runbooks.keys()].sort()).toEqual(alerts.map(({ alert }) => alert).sort());
    const { text } = readPage('grafana/runbooks/README.md');
    for (const { alert, labels } of alerts) {
      expect(text).toMatch(new RegExp(`^\\| \\[${alert}\\]\\(${alert}\\.md\\) +\\| ${labels.severity} +\\|`, 'm'));
    }
  });
});
