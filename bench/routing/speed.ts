import createPolicy from './policy.ts';

const CHANNELS = [3, 10, 100, 1_000] as const;
const WARM_UP = 20_000;
const DECISIONS = 20_000;
const DECISIONS_OF_MANY = 3_000;

/**
 * Prints how long choices and feedback take in the production code, with statistics that have been learnt. Each one is timed by itself,
 * after a warm-up that is not counted; garbage collection falls where it falls and is counted, and so is whatever else the machine does.
 */
export function measureDecisions(): void {
  console.log('\n| channels | µs per decision p50 | p99 | µs per feedback p50 | p99 |\n|---:|---:|---:|---:|---:|');
  for (const count of CHANNELS) {
    const { decisions, feedbacks } = measure(count);
    const cells = [
      quantile(decisions, 0.5),
      quantile(decisions, 0.99),
      quantile(feedbacks, 0.5),
      quantile(feedbacks, 0.99),
    ];
    console.log(`| ${count} | ${cells.map((us) => us.toFixed(1)).join(' | ')} |`);
  }
}

function measure(count: number): { decisions: number[]; feedbacks: number[] } {
  const policy = createPolicy();
  policy.init({ nowMs: 0, seed: 1, channels: [], marginBps: 500, maxAttempts: 3 });
  const candidates = Array.from({ length: count }, (_, i) => ({
    ...{ id: `channel-${i}`, feeMinor: 30 + (i % 40), perAttemptMinor: 0, quotaRemainingMinor: null },
  }));
  const order = { currency: 'CNY', method: 'wechat_qr' };
  const decisions: number[] = [];
  const feedbacks: number[] = [];
  const times = count > 100 ? DECISIONS_OF_MANY : DECISIONS;
  const unpaid: { paymentId: number; channelId: string; createdMs: number; amountMinor: number }[] = [];
  for (let i = 0; i < WARM_UP + times; i += 1) {
    const nowMs = i * 200;
    const amountMinor = 1_000 + ((i * 7_919) % 9_000);
    const context = { paymentId: i, nowMs, amountMinor, marginBps: 500, candidates, ...order };
    const [list, decided] = timed(() => policy.decide(context));
    const channelId = list[0] ?? '';
    const created = {
      paymentId: i,
      channelId,
      attempt: 1,
      startedMs: nowMs,
      nowMs: nowMs + 150,
      ok: i % 50 !== 0,
      amountMinor,
    };
    const [, told] = timed(() => policy.onCreateResult({ ...created, ...order, error: 'error' }));
    unpaid.push({ paymentId: i, channelId, createdMs: nowMs + 150, amountMinor });
    const paid = i % 10 < 8 ? unpaid[i - 100] : undefined;
    const known = paid
      ? timed(() => policy.onOutcome({ ...paid, nowMs: nowMs + 160, status: 'paid', ...order }))[1]
      : 0;
    if (i < WARM_UP) continue;
    decisions.push(decided);
    feedbacks.push(told);
    if (paid) feedbacks.push(known);
  }
  return { decisions, feedbacks };
}

function timed<T>(work: () => T): [T, number] {
  const startedAt = performance.now();
  const value = work();
  return [value, (performance.now() - startedAt) * 1_000];
}

function quantile(values: number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
}
