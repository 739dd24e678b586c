import {
  type Attempt,
  type Candidate,
  err,
  ok,
  type Payment,
  type Result,
  toDecimalString,
  whyExcluded,
} from './payment/index.ts';
import { findStoredPayment } from './story.ts';
import { table } from './table.ts';
import { harmless, harmlessJson } from './terminal.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Why each attempt of a payment went where it went, in one sentence and in the numbers that were stored with it: of every channel what
 * was believed then, its four factors, its score and the money that was expected, or what kept it out; where a daily limit was spared also
 * by what that lowers scores. As text or as JSON.
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
  return ok(harmless(attempts.map((attempt) => explained(attempt, found.value)).join('\n\n')));
}

function explained({ seq, channelId, decision }: Attempt, { amount }: Payment): string {
  const { position, reason, draw, explanation, candidates, omitted, rules = [] } = decision;
  const judged = candidates.filter((one) => one.factors !== null);
  const barred = candidates.filter((one) => one.excluded !== null);
  const sum = `${toDecimalString(amount)} ${amount.currency}`;
  return [
    `attempt ${seq}: ${channelId} for ${sum} at ${new Date(decision.decidedAt).toISOString()}`,
    `  ${explanation}`,
    `  ${position === 'first' ? 'first choice' : 'failover'}, ${REASONS[reason]}${draw === null ? '' : ` (drew ${draw.toFixed(4)})`}`,
    ...rules.map(({ name, effect }) => `  rule ${name}: ${effect}`),
    ...(judged.length === 0 ? [] : ['', indented(figures(judged, amount.currency))]),
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

function figures(judged: readonly Candidate[], currency: string): string {
  const limits = judged.some(({ limitPrice }) => limitPrice !== undefined);
  const heading = [
    ...['CHANNEL', 'CALLS', 'PAID (n)', 'FEE', 'ANSWERS', 'SUCCESS', 'x FEE', 'x LATENCY', 'x SETTLEMENT'],
    ...(limits ? ['x LIMIT'] : []),
    ...['SCORE', 'EXPECTED'],
  ];
  return table([heading, ...judged.map((one) => row(one, currency, limits))]);
}

function row(one: Candidate, currency: string, limits: boolean): readonly string[] {
  const { factors, technicalRatio, paymentRatio, successRatio, expectedMinor } = one;
  const ratio = (share: number | undefined): string => (share === undefined ? '-' : share.toFixed(4));
  const money = (minor: number | null | undefined): string =>
    minor === null || minor === undefined ? '-' : toDecimalString({ minor: Math.round(minor), currency });
  return [
    one.channelId,
    percent(technicalRatio),
    `${percent(paymentRatio ?? successRatio)} (${one.sampleSize ?? 0})`,
    one.countedFeeMinor === undefined ? money(one.feeMinor) : `${money(one.feeMinor)} (${money(one.countedFeeMinor)})`,
    one.latencyMs === null ? '-' : `${one.latencyMs} ms`,
    ...[factors?.success, factors?.fee, factors?.latency, factors?.settlement].map(ratio),
    ...(limits ? [ratio(1 - (one.limitPrice ?? 0))] : []),
    ratio(one.score),
    money(expectedMinor),
  ];
}

function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${(share * 100).toFixed(1)}%`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
