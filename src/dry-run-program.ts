import { PROVIDERS } from '../channels/index.ts';
import { describeFaults, readEnvironment } from './config/index.ts';
import type { DryRunOrder } from './dry-run.ts';
import type { DryRunAnswer } from './http/index.ts';
import { openStoreReader } from './open-store.ts';
import { type Asked, loadBoth, periodOf, rehearse } from './rehearsal/index.ts';

/* The process of one dry run: takes an order from the gateway, answers it, ends. See dry-run.ts. */

const PAYMENTS_MAX = 200_000;
const DEFAULT_SEED = 1;

process.once('message', (order) => {
  answer(order as DryRunOrder) // only the gateway speaks here
    .catch((thrown: unknown): DryRunAnswer => ({ outcome: 'failed', detail: messageOf(thrown) }))
    .then((answered) => process.send?.(answered, () => process.exit(0)));
});
// The gateway is gone: nobody waits for an answer any more.
process.once('disconnect', () => process.exit(1));

async function answer({ request, now }: DryRunOrder): Promise<DryRunAnswer> {
  const environment = readEnvironment(process.env);
  if (!environment.ok) return { outcome: 'failed', detail: describeFaults(environment.error) };
  const { configPath: path, production } = environment.value;
  const { gateway, merchants = null, scenario, from, to, seed = DEFAULT_SEED } = request;
  const options = { path, env: process.env, providers: PROVIDERS, production };
  const configurations = loadBoth(options, { kind: 'texts', gateway, merchants });
  if (!configurations.ok) {
    const { which, faults } = configurations.error;
    if (which === 'proposed') return refused(faults);
    return { outcome: 'failed', detail: `The live configuration has faults itself: ${describeFaults(faults)}` };
  }
  const ask = (traffic: Asked['traffic']) => rehearse({ configurations: configurations.value, seed, traffic });
  if (scenario !== undefined) return reported(await ask({ kind: 'scenario', file: 'scenario', text: scenario }));
  const period = periodOf({ from, to }, now);
  if (!period.ok) return { outcome: 'invalid', errors: [period.error] };
  const store = await openStoreReader(environment.value);
  try {
    return reported(await ask({ kind: 'recorded', store, period: period.value, now, paymentsMax: PAYMENTS_MAX }));
  } finally {
    await store.close();
  }
}

function reported(report: Awaited<ReturnType<typeof rehearse>>): DryRunAnswer {
  return report.ok ? { outcome: 'done', report: JSON.stringify(report.value) } : refused(report.error);
}

function refused(faults: Parameters<typeof describeFaults>[0]): DryRunAnswer {
  return { outcome: 'refused', faults, detail: describeFaults(faults) };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'unknown';
}
