import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { readingOf } from './dashboards-promql.ts';

export const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'grafana/dashboards');

const datasourceSchema = z.object({ type: z.string(), uid: z.string() });
const panelSchema = z.looseObject({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  description: z.string().optional(),
  datasource: datasourceSchema.optional(),
  fieldConfig: z.looseObject({ defaults: z.looseObject({ unit: z.string().optional() }) }).optional(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(z.looseObject({ expr: z.string(), datasource: datasourceSchema })).optional(),
});
const dashboardSchema = z.looseObject({
  uid: z.string(),
  title: z.string(),
  schemaVersion: z.number(),
  templating: z.object({ list: z.array(z.looseObject({ name: z.string(), definition: z.string().optional() })) }),
  annotations: z.object({ list: z.array(z.looseObject({ target: z.looseObject({ expr: z.string() }) })) }),
  panels: z.array(panelSchema),
});
const rulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({ record: z.string().optional(), alert: z.string().optional(), expr: z.coerce.string() }),
      ),
    }),
  ),
});

export type DashboardFile = z.output<typeof dashboardSchema> & { readonly file: string };
export type PanelFile = z.output<typeof panelSchema>;

export function readDashboards(): readonly DashboardFile[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ ...dashboardSchema.parse(readJson(file)), file }));
}

export function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
}

/** All panels that draw something: rows are headings. */
export function panelsOf(dashboards: readonly DashboardFile[]) {
  return dashboards.flatMap(({ file, panels }) =>
    panels.filter(({ type }) => type !== 'row').map((panel) => ({ ...panel, name: `${file}: ${panel.title}` })),
  );
}

/** Every expression, also of annotations and of the choices at the top (`label_values(metric, label)`). */
export function expressionsOf(dashboards: readonly DashboardFile[]): readonly { name: string; expr: string }[] {
  const drawn = panelsOf(dashboards).flatMap(({ name, targets = [] }) => targets.map(({ expr }) => ({ name, expr })));
  const others = dashboards.flatMap(({ file, templating, annotations }) => [
    ...annotations.list.map(({ target }) => ({ name: `${file}: annotation`, expr: target.expr })),
    ...templating.list.flatMap(({ name, definition }) => {
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? '') ?? [];
      return metric === undefined ? [] : [{ name: `${file}: $${name}`, expr: `count by (${label}) (${metric})` }];
    }),
  ]);
  return [...drawn, ...others];
}

/** The alerts, and the labels of what the rules record. */
export function readRules() {
  const folder = join(ROOT, 'grafana/prometheus/rules');
  const rules = readdirSync(folder)
    .filter((file) => file.endsWith('.yml'))
    .flatMap((file) => rulesSchema.parse(parse(readFileSync(join(folder, file), 'utf8'))).groups)
    .flatMap((group) => group.rules);
  return {
    alerts: rules.flatMap(({ alert }) => alert ?? []),
    recorded: new Map(
      rules.flatMap(({ record, expr }) => (record === undefined ? [] : [[record, readingOf(expr).grouped] as const])),
    ),
  };
}
