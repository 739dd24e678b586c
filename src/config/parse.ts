import type { z } from 'zod';
import { type ConfigFault, isWithin, type Path, pathText } from './faults.ts';
import { suggestion } from './nearest.ts';
import { rawEntries } from './raw.ts';
import type { Source } from './source.ts';

/** Collects the faults of one file while its parts are parsed one by one, so that one wrong part hides no other. */
export interface FaultSink {
  readonly source: Source;
  readonly faults: ConfigFault[];
}

/** Notes a fault at a place of a file, unless something more basic is known to be wrong there already. */
export function faultAt(sink: FaultSink, path: Path, message: string): void {
  const { source, faults } = sink;
  const text = pathText(path);
  if (source.faults.some((fault) => fault.path !== '' && isWithin(text, fault.path))) return;
  faults.push({ file: source.file, line: source.lineOf(path), path: text, message });
}

/** Parses the part of a file at `path`; undefined when it has faults, which are then in the sink, each with its line. */
export function parseAt<T>(sink: FaultSink, path: Path, value: unknown, schema: z.ZodType<T>): T | undefined {
  const keysByPath = new Map<string, readonly string[]>();
  const parsed = schema.safeParse(value, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return wording(issue);
      keysByPath.set(JSON.stringify(issue.path ?? []), shapeKeys(issue.inst));
      return undefined;
    },
  });
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    if (isWider(issue, parsed.error.issues)) continue;
    const place = [...path, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      const known = keysByPath.get(JSON.stringify(issue.path)) ?? [];
      for (const key of issue.keys) faultAt(sink, [...place, key], `is not a known key${suggestion(key, known)}`);
    } else {
      faultAt(sink, place, issue.message);
    }
  }
  return undefined;
}

/** A whole number has the bounds of its kind and then its own; of both the narrower one is told. */
function isWider(issue: z.core.$ZodIssue, all: readonly z.core.$ZodIssue[]): boolean {
  const place = JSON.stringify(issue.path);
  return all.some((other) => {
    if (other === issue || JSON.stringify(other.path) !== place) return false;
    if (issue.code === 'too_big') return other.code === 'too_big' && other.maximum < issue.maximum;
    return issue.code === 'too_small' && other.code === 'too_small' && other.minimum > issue.minimum;
  });
}

/** The entries of a map in a file; a missing or wrong map is a fault at `path`. */
export function entriesAt(sink: FaultSink, path: Path, value: unknown): readonly (readonly [string, unknown])[] {
  const entries = rawEntries(value);
  if (entries.length === 0) {
    faultAt(sink, path, value === undefined ? 'is required' : 'must have at least one entry (name: { ... })');
  }
  return entries;
}

function wording(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') {
    if (issue.expected === 'string' && typeof issue.input === 'number') return 'must be a text; put quotes around it';
    if (issue.input === undefined) return 'is required';
    if (typeof issue.input === 'number' && !Number.isFinite(issue.input))
      return `must be an ordinary number; ${yamlWord(issue.input)} is none`;
    const words = `must be ${kindOf(String(issue.expected))}, not ${foundKind(issue.input)}`;
    return issue.expected === 'number' || issue.expected === 'int' ? words + numberMeant(issue.input) : words;
  }
  if (issue.code === 'invalid_value') {
    if (issue.input === undefined) return 'is required';
    const values = issue.values.map(String);
    const hint = typeof issue.input === 'string' ? suggestion(issue.input, values) : '';
    if (values.length === 1) return `must be ${values[0]}${issue.input === values[0] ? ', without quotes' : ''}`;
    return `must be one of ${values.join(', ')}${hint}`;
  }
  if (issue.code === 'too_small') return bound(issue.origin, 'at least', issue.minimum);
  if (issue.code === 'too_big') return bound(issue.origin, 'at most', issue.maximum);
  return undefined;
}

function yamlWord(input: number): string {
  if (Number.isNaN(input)) return '.nan';
  return input > 0 ? '.inf' : '-.inf';
}

/** What makes a number of a text that means one. */
function numberMeant(input: unknown): string {
  if (typeof input !== 'string' || !/^-?\d+(?:\.\d+)?%?$/.test(input)) return '';
  return input.endsWith('%') ? '; leave the percent sign out' : '; take the quotes away';
}

function bound(origin: string, words: string, limit: number | bigint): string {
  if (origin === 'string') return `must have ${words} ${limit} characters`;
  if (origin === 'array' || origin === 'set') return `must have ${words} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return `must be ${words} ${limit}`;
}

const KIND_BY_EXPECTED: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a map'],
  ['record', 'a map'],
]);

function kindOf(expected: string): string {
  return KIND_BY_EXPECTED.get(expected) ?? expected;
}

function foundKind(input: unknown): string {
  if (input === null) return 'empty';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'number') return Number.isInteger(input) ? 'a number' : 'a fraction';
  return kindOf(typeof input);
}

function shapeKeys(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null || !('shape' in schema)) return [];
  const { shape } = schema;
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : [];
}
