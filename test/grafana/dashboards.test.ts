import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as iso from 'dinero.js/currencies';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { EXCEPTIONS } from '../../scripts/dashboards/expressions.ts';
import { DASHBOARDS } from '../../scripts/dashboards.ts';
import { currencyExponent } from '../../src/payment/index.ts';
import { panelsOf, ROOT, readDashboards, readJson, readRules } from './dashboards-files.ts';

const dashboards = readDashboards();
const panels = panelsOf(dashboards);
/** Alerts about what no panel shows, with the reason. */
test('the files are what `node scripts/dashboards.ts` writes', () => {
  expect(Object.fromEntries(dashboards.map(({ file }) => [file, readJson(file)]))).toEqual(
    JSON.parse(JSON.stringify(Object.fromEntries(DASHBOARDS))),
  );
});

test('the four dashboards have addresses of their own, and one data source to choose', () => {
  expect(dashboards.map(({ uid }) => uid).toSorted()).toEqual(
    ['channel', 'merchant', 'overview', 'runtime'].map((name) => `switchyard-${name}`),
  );
  for (const { templating } of dashboards)
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
});

test.each(dashboards)('$file: ids are unique, and no panel lies on another or beside the page', ({ panels: all }) => {
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  const cells = all.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)}/${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(all.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
});

describe.each(panels)('$name', (panel) => {
  test('says what it shows, what is normal, and what to do when it is not', () => {
    expect(panel.description).toMatch(/^[A-Z`].{15,}\n\n\*\*Normal:\*\* .+\n\n\*\*If not:\*\* .{15,}/s);
  });

  test('has a unit, and takes its data from the chosen source', () => {
    expect(panel.fieldConfig?.defaults.unit).toMatch(/^[a-z]+$/i);
    const sources = [panel.datasource, ...(panel.targets ?? []).map(({ datasource }) => datasource)];
    expect(sources.length).toBeGreaterThan(1);
    for (const source of sources) expect(source).toEqual({ type: 'prometheus', uid: `\${datasource}` });
  });
});

describe('amounts', () => {
  test('are divided by what the currency says, for every currency', () => {
    const codes = [...Object.values(iso).map(({ code }) => code), 'USDT'];
    const shown = (code: string) => Object.entries(EXCEPTIONS).find(([, listed]) => listed.includes(code))?.[0] ?? '2';
    expect(codes.filter((code) => Number(shown(code)) !== currencyExponent(code))).toEqual([]);
  });

  test('that are not divided are called minor units', () => {
    const undivided = panels.filter(({ targets = [] }) =>
      targets.some(({ expr }) => /_minor/.test(expr) && !/ \/ 100/.test(expr)),
    );
    expect(undivided.map(({ title }) => title)).toEqual(['Balance at the provider, in minor units']);
  });
});

describe('runbooks', () => {
  const linked = new Set(
    panels.flatMap(({ description = '' }) =>
      [...description.matchAll(/\/public\/runbooks\/(\w+)\.md/g)].map(([, alert]) => alert ?? ''),
    ),
  );
  const { alerts } = readRules();

  test('every panel links to alerts that there are, and every alert is linked from a panel', () => {
    expect([...linked].toSorted()).toEqual([...new Set(alerts)].toSorted());
  });

  test('are there to be read', () => {
    expect([...linked].filter((alert) => !existsSync(join(ROOT, `grafana/runbooks/${alert}.md`)))).toEqual([]);
  });
});

describe('provisioning', () => {
  const read = (path: string) => parse(readFileSync(join(ROOT, 'grafana/provisioning', path), 'utf8'));

  test('the first dashboard, and the data sources, are where Grafana looks', () => {
    expect(read('dashboards/switchyard.yml').providers[0].options.path).toBe('/etc/switchyard/dashboards');
    const { datasources } = read('datasources/switchyard.yml');
    expect(datasources.map(({ type, url }: { type: string; url: string }) => [type, url])).toEqual([
      ['prometheus', 'http://prometheus:9090'],
      ['alertmanager', 'http://alertmanager:9093'],
    ]);
  });
});
