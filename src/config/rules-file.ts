import { z } from 'zod';
import { compileCondition, type RoutingRule, RULE_VARIABLES, type RuleEffect } from '../routing/index.ts';
import type { Path } from './faults.ts';
import { suggestion } from './nearest.ts';
import { type FaultSink, faultAt, parseAt } from './parse.ts';
import { distinctList, sharePpm } from './units.ts';

/** What a rule may be called: it is a metric label and stands in explanations. */
const RULE_NAME = /^[a-z0-9-]{1,40}$/;
const RULES_MAX = 100;
const WHOLE_PPM = 1_000_000;

const EFFECTS = ['prefer', 'exclude', 'split', 'require'] as const;

const text = { error: 'must be a text; put quotes around it' };
const channelList = () => distinctList(z.string(text)).optional();

const ruleSchema = z.strictObject({
  name: z.string(text).regex(RULE_NAME, 'must be 1 to 40 of a-z, 0-9 and -'),
  when: z.string(text),
  prefer: channelList(),
  exclude: channelList(),
  require: channelList(),
  split: z
    .record(z.string(), sharePpm())
    .refine((shares) => Object.keys(shares).length > 0, 'must name at least one channel (id: share)')
    .optional(),
});

type RuleEntry = z.output<typeof ruleSchema>;

/** Notes a fault at a place when there is no such channel. */
type CheckChannel = (path: Path, channelId: string) => void;

/** `routing.rules`, parsed and compiled once; every fault of every rule is in the sink with its line. */
export function readRules(sink: FaultSink, value: unknown, checkChannel: CheckChannel): readonly RoutingRule[] {
  const path = ['routing', 'rules'];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    faultAt(sink, path, 'must be a list ([{ name, when, prefer | exclude | split | require }, ...])');
    return [];
  }
  if (value.length > RULES_MAX) faultAt(sink, path, `must have at most ${RULES_MAX} entries`);
  const names = new Set<string>();
  return value.slice(0, RULES_MAX).flatMap((raw: unknown, index) => {
    const place = [...path, index];
    const entry = parseAt(sink, place, raw, ruleSchema);
    if (!entry) return [];
    if (names.has(entry.name)) faultAt(sink, [...place, 'name'], 'is the name of an earlier rule; give each its own');
    names.add(entry.name);
    const effect = effectOf(sink, place, entry, checkChannel);
    const condition = compileCondition(entry.when);
    if (!condition.ok) {
      const { message, unknownName } = condition.error;
      const hint = unknownName === undefined ? '' : suggestion(unknownName, Object.keys(RULE_VARIABLES));
      faultAt(sink, [...place, 'when'], `${message}${hint}`);
    }
    return effect && condition.ok ? [{ name: entry.name, holds: condition.value, effect }] : [];
  });
}

function effectOf(sink: FaultSink, place: Path, entry: RuleEntry, checkChannel: CheckChannel): RuleEffect | undefined {
  const given = EFFECTS.filter((effect) => entry[effect] !== undefined);
  const [kind] = given;
  if (kind === undefined) {
    faultAt(sink, place, 'has no effect; give it one of prefer, exclude, split, require');
    return undefined;
  }
  if (given.length > 1) {
    faultAt(sink, [...place, given[1] ?? kind], `is a second effect beside ${kind}; make it a rule of its own`);
  }
  if (kind === 'split') {
    const shares = Object.entries(entry.split ?? {}).map(([channelId, ppm]) => ({ channelId, sharePpm: ppm }));
    for (const { channelId } of shares) checkChannel([...place, 'split', channelId], channelId);
    const sum = shares.reduce((total, share) => total + share.sharePpm, 0);
    if (sum !== WHOLE_PPM) faultAt(sink, [...place, 'split'], `must add up to 100%, not ${sum / 10_000}%`);
    return { kind, shares };
  }
  const ids = entry[kind] ?? [];
  for (const [index, id] of ids.entries()) checkChannel([...place, kind, index], id);
  return { kind, channelIds: ids };
}
