import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '../..');
export const GRAFANA = join(ROOT, 'grafana');
const RULES = join(GRAFANA, 'prometheus/rules');
const TESTS = join(import.meta.dirname, 'rules');

const STEPS = ['step_1', 'step_2', 'step_3'] as const;
const ANNOTATIONS = ['summary', 'impact', ...STEPS, 'runbook_url'] as const;

const alertSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(['page', 'ticket']), symptom_of: z.literal('channel').optional() }),
  annotations: z.strictObject(
    Object.fromEntries(ANNOTATIONS.map((name) => [name, z.string().min(10)])) as Record<
      (typeof ANNOTATIONS)[number],
      z.ZodString
    >,
  ),
});
const recordSchema = z.strictObject({ record: z.string(), expr: z.string() });
const fileSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      interval: z.string().optional(),
      rules: z.array(z.union([alertSchema, recordSchema])),
    }),
  ),
});
const testFileSchema = z.looseObject({
  tests: z.array(
    z.looseObject({
      name: z.string(),
      promql_expr_test: z.array(
        z.strictObject({ expr: z.string(), eval_time: z.string(), exp_samples: z.array(z.unknown()) }),
      ),
    }),
  ),
});

export type AlertRule = z.output<typeof alertSchema>;

/** Everything under grafana/prometheus/rules; throws where a rule lacks a part that every rule has. */
export function readRuleFiles(): { readonly alerts: readonly AlertRule[]; readonly records: readonly RecordRule[] } {
  const rules = filesOf(RULES).flatMap(({ text }) => fileSchema.parse(parse(text)).groups.flatMap((g) => g.rules));
  return {
    alerts: rules.flatMap((rule) => ('alert' in rule ? rule : [])),
    records: rules.flatMap((rule) => ('record' in rule ? rule : [])),
  };
}
export type RecordRule = z.output<typeof recordSchema>;

/** One expectation of a promtool test: whether this alert fires there. */
export interface Expectation {
  readonly test: string;
  readonly alert: string;
  readonly fires: boolean;
}

/** The promtool tests: their files, and what they expect of each alert, in order of time. */
export function readRuleTests(): { readonly paths: readonly string[]; readonly expectations: readonly Expectation[] } {
  const files = filesOf(TESTS);
  const tests = files.flatMap(({ text }) => testFileSchema.parse(parse(text)).tests);
  return {
    paths: files.map(({ path }) => path),
    expectations: tests.flatMap(({ name, promql_expr_test: expected }) =>
      expected.flatMap(({ expr, exp_samples: samples }) => {
        const alert = /alertname="(\w+)",alertstate="firing"/.exec(expr)?.[1];
        return alert === undefined ? [] : [{ test: name, alert, fires: samples.length > 0 }];
      }),
    ),
  };
}

/** A runbook's text by the name of its alert. */
export function readRunbooks(): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(join(GRAFANA, 'runbooks'))
      .filter((name) => name !== 'README.md')
      .map((name) => [name.replace(/\.md$/, ''), readFileSync(join(GRAFANA, 'runbooks', name), 'utf8')]),
  );
}

function filesOf(folder: string): readonly { path: string; text: string }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yml'))
    .map((name) => join(folder, name))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}
