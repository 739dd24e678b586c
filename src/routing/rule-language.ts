import { type ASTNode, Environment, EvaluationError, type TypeCheckResult } from '@marcbachmann/cel-js';
import { type EpochMs, err, ok, type Result } from '../payment/index.ts';
import { isTimeZone, zoneOffsetMs } from './wall-clock.ts';

/** What a rule's condition may look at. */
export interface RuleFacts {
  readonly amountMinor: number;
  readonly currency: string;
  /** What the payment may be made by: what the shop asked for, or all that its channels offer when it named none. */
  readonly methods: readonly string[];
  readonly scene: string;
  readonly merchantId: string;
  /** Empty when the shop did not say. */
  readonly country: string;
  readonly subject: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly now: EpochMs;
}

/** The facts in the shape of the language; made once for all rules of a decision. */
export type RuleContext = Readonly<Record<string, unknown>>;

/** Never throws: an error is a short word such as `no_such_key`, without any value of the payment. */
export type Condition = (context: RuleContext) => Result<boolean, string>;

export interface ConditionFault {
  readonly message: string;
  /** The name that is not known, when that is the fault. */
  readonly unknownName?: string;
}

/** Name and type of every variable, in the order in which they are documented. */
export const RULE_VARIABLES = {
  amount: 'int',
  currency: 'string',
  methods: 'list<string>',
  scene: 'string',
  merchant: 'string',
  country: 'string',
  subject: 'string',
  metadata: 'map<string, string>',
  now: 'google.protobuf.Timestamp',
} as const;

/** A condition is a line that a person reads. */
const CHARS_MAX = 1_000;
const LIMITS = { maxAstNodes: 200, maxDepth: 20, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 8 };

const environment = new Environment({ limits: LIMITS });
for (const [name, type] of Object.entries(RULE_VARIABLES)) environment.registerVariable(name, type);

/** Parses and type-checks a condition (CEL, https://cel.dev) once; the fault says what is wrong, in words for an admin. */
export function compileCondition(text: string): Result<Condition, ConditionFault> {
  if (text.length > CHARS_MAX) return err({ message: `must have at most ${CHARS_MAX} characters` });
  const checked = environment.check(text);
  if (!checked.valid) return err(faultOf(checked.error));
  if (checked.type !== 'bool') {
    return err({ message: `must be true or false in the end (bool), not ${checked.type ?? 'something else'}` });
  }
  const parsed = environment.parse(text);
  const misuse = misuseIn(parsed.ast);
  if (misuse !== null) return err({ message: misuse });
  return ok((context) => {
    try {
      return ok(parsed(context) === true);
    } catch (thrown) {
      return err(thrown instanceof EvaluationError ? thrown.code : 'evaluation_failed');
    }
  });
}

/** Turns facts into what the conditions read. */
export function ruleContext(facts: RuleFacts): RuleContext {
  const { amountMinor, currency, methods, scene, merchantId, country, subject, metadata, now } = facts;
  return {
    ...{ currency, methods, scene, country, subject, metadata },
    amount: BigInt(amountMinor),
    merchant: merchantId,
    now: moment(now),
  };
}

/**
 * A date whose wall time in a zone costs next to nothing: the language asks `toLocaleString` for it, which takes 60 µs. No subclass, since
 * the language takes only what `Date` itself has made for a timestamp.
 */
function moment(at: EpochMs): Date {
  const date = new Date(at);
  const wallTime = (locales?: Intl.LocalesArgument, options?: Intl.DateTimeFormatOptions): string => {
    const zone = options?.timeZone;
    if (zone === undefined) return Date.prototype.toLocaleString.call(date, locales, options);
    // Without a zone at its end: whoever reads it gets these digits back from the local getters.
    return new Date(at + zoneOffsetMs(zone, at)).toISOString().slice(0, -1);
  };
  return Object.assign(date, { toLocaleString: wallTime });
}

const UNKNOWN_VARIABLE = /^Unknown variable: (\w+)$/;

/** The library's own message quotes the line; its summary only names what is wrong. */
function faultOf(error: TypeCheckResult['error']): ConditionFault {
  const summary = error?.summary ?? 'it cannot be read';
  const unknownName = UNKNOWN_VARIABLE.exec(summary)?.[1];
  if (unknownName !== undefined) {
    const message = `uses ${unknownName}, which is not a variable; there are ${Object.keys(RULE_VARIABLES).join(', ')}`;
    return { message, unknownName };
  }
  const place = error?.range === undefined ? '' : ` (at character ${error.range.start + 1})`;
  return { message: `is no condition: ${summary}${place}` };
}

/** What types let pass: a pattern that may take for ever on what a shop sends, and a time zone that does not exist. */
function misuseIn(node: ASTNode): string | null {
  if (node.op === 'rcall' || node.op === 'call') {
    const [name, ...rest] = node.args;
    if (name === 'matches') return 'uses matches, which rules do not have; use contains, startsWith, endsWith or in';
    const zone = zoneArgument(name, rest.at(-1));
    if (zone !== null && !isTimeZone(zone)) return `names the time zone ${zone}, which does not exist`;
  }
  for (const child of childrenOf(node.args)) {
    const misuse = misuseIn(child);
    if (misuse !== null) return misuse;
  }
  return null;
}

function zoneArgument(name: string, given: unknown): string | null {
  if (!/^get(Hours|Minutes|Seconds|Milliseconds|DayOf\w+|Date|Month|FullYear)$/.test(name)) return null;
  const first: unknown = Array.isArray(given) ? given[0] : undefined;
  return isNode(first) && first.op === 'value' && typeof first.args === 'string' ? first.args : null;
}

function childrenOf(args: unknown): readonly ASTNode[] {
  if (isNode(args)) return [args];
  return Array.isArray(args) ? args.flatMap(childrenOf) : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
