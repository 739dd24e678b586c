import {
  type Attempt,
  type Candidate,
  err,
  type Money,
  ok,
  type Result,
  toDecimalString,
  whyExcluded,
} from './payment/index.ts';
import { findStoredPayment } from './story.ts';
import { table } from './table.ts';
import { harmless, harmlessJson } from './terminal.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Factors and scores are stored to six digits. */
const ROUNDING = 0.5e-6;
const KNOWN = ['CHANNEL', 'CALLS', 'PAID (n)', 'FEE', 'ANSWERS'];

/** A score is the product of these. The last two are told where they say something. */
const FACTORS: readonly (readonly [heading: string, of: (one: Candidate) => number | undefined, always: boolean])[] = [
  ['SUCCESS', ({ factors }) => factors?.success, true],
  ['x FEE', ({ factors }) => factors?.fee, true],
  ['x LATENCY', ({ factors }) => factors?.latency, true],
  ['x SETTLEMENT', ({ factors }) => factors?.settlement, true],
  ['x LIMIT', ({ limitPrice = 0 }) => 1 - limitPrice, false],
  ['x WEIGHT', preferenceOf, false],
];

/**
 * Why each attempt of a payment went where it went, in one sentence and in the numbers that were stored with it: of every channel what
 * was believed then, the factors of its score, the score and the money that was expected, or what kept it out. As text or as JSON.
 */
export async function explainRouting(
  env: Env,
  id: string,
  { json = false }: { readonly json?: boolean },
): Promise<Result<string, string>> {
  const found = await findStoredPayment(env, id);
  if (!found.ok) return found;
  const { attempts } = found.value;
  if (attempts.length === 0) return err(`${id} has no attempt: no channel was ever chosen for it`);
  if (json) return ok(harmlessJson(attempts.map(({ seq, decision }) => ({ attempt: seq, ...decision }))));
  return ok(harmless(attempts.map((attempt) => explained(attempt, found.value.amount)).join('\n\n')));
}

function explained({ seq, channelId, decision }: Attempt, amount: Money): string {
  const { position, reason, draw, explanation, candidates, omitted, rules = [] } = decision;
  const judged = candidates.filter((one) => one.factors !== null);
  const barred = candidates.filter((one) => one.excluded !== null);
  const sum = `${toDecimalString(amount)} ${amount.currency}`;
  return [
    `attempt ${seq}: ${channelId} for ${sum} at ${new Date(decision.decidedAt).toISOString()}`,
    `  ${explanation}`,
    `  ${position === 'first' ? 'first choice' : 'failover'}, ${REASONS[reason]}${draw === null ? '' : ` (drew ${draw.toFixed(4)})`}`,
    ...rules.map(({ name, effect }) => `  rule ${name}: ${effect}`),
    ...(judged.length === 0 ? [] : ['', indented(table(rows(judged, amount.currency)))]),
    ...(barred.length === 0 ? [] : ['', ...barred.map((one) => `  ${one.channelId} left out: ${whyExcluded(one)}`)]),
    ...(omitted === undefined ? [] : ['', `  ${omitted} more channels were looked at`]),
  ].join('\n');
}

const REASONS: Readonly<Record<Attempt['decision']['reason'], string>> = {
  best_score: 'the best score',
  pinned: 'the shop named the channel',
  exploration: 'to learn about the channel',
  probe: 'a small payment to see whether the channel is back',
  panic: 'no channel was as it should be, so the best of them',
  preferred: 'a rule prefers it',
  split: 'a rule divides the traffic',
};

function rows(judged: readonly Candidate[], currency: string): readonly (readonly string[])[] {
  const factors = FACTORS.filter(([, of, always]) => always || judged.some((one) => share(of(one)) !== share(1)));
  const headings = factors.map(([heading]) => heading);
  return [
    [...KNOWN, ...headings, 'SCORE', 'EXPECTED'],
    ...judged.map((one) => row(one, currency, [...factors.map(([, of]) => of(one)), one.score])),
  ];
}

/** What the admin's weight has made of the score; it is not stored, and is what the other factors leave, as far as rounding lets it be seen. */
function preferenceOf({ factors, limitPrice = 0, score }: Candidate): number | undefined {
  if (factors === null) return undefined;
  const { success, fee, latency, settlement } = factors;
  const unweighted = success * fee * latency * settlement * (1 - limitPrice);
  const roundingShare = ROUNDING * (1 / success + 1 / fee + 1 / latency + 1 / settlement + 1 / unweighted);
  const preference = score / unweighted;
  return Math.abs(preference - 1) > roundingShare ? preference : 1;
}

function share(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(4);
}

function row(one: Candidate, currency: string, shares: readonly (number | undefined)[]): readonly string[] {
  const { technicalRatio, paymentRatio, successRatio, expectedMinor } = one;
  const money = (minor: number | null | undefined): string =>
    minor === null || minor === undefined ? '-' : toDecimalString({ minor: Math.round(minor), currency });
  return [
    one.channelId,
    percent(technicalRatio),
    `${percent(paymentRatio ?? successRatio)} (${one.sampleSize ?? 0})`,
    one.countedFeeMinor === undefined ? money(one.feeMinor) : `${money(one.feeMinor)} (${money(one.countedFeeMinor)})`,
    one.latencyMs === null ? '-' : `${one.latencyMs} ms`,
    ...shares.map(share),
    money(expectedMinor),
  ];
}

function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${(share * 100).toFixed(1)}%`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
