import { createHash } from 'node:crypto';
import { type Figures, figuresOf, type Round } from './figures.ts';
import { driveLives } from './lifecycle.ts';
import { closedLoop, type Source } from './loops.ts';
import { table } from './report.ts';
import { measure, until } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import { openStage, type Stage, type StageOptions } from './stage.ts';
import { fillStore } from './stored.ts';
import { cpuMsOf } from './usage.ts';

export interface AloneOptions {
  readonly connections: number;
  readonly rounds: number;
  readonly forMs: number;
  /** So many finished payments lie in the store of one of the settings; 0: no such setting. */
  readonly stored: number;
}

/** One scenario in one setting, without a floor beside it: what counts is how the settings compare. */
export interface AloneReport {
  readonly setting: string;
  readonly scenario: string;
  readonly switchyard: Figures;
}

type Scenario = readonly [name: string, run: (stage: Stage) => Promise<Round>];

/** Addresses of shops among which events are spread. */
const FAN_OUT = 50;
const FANNED_EVENTS = 400;
const MIXED_PAYMENTS = 400;
const EPAY_KEY = 'sandbox-epay-key';

/** What the gateway does with further requests, many channels and a full store. */
export async function measureAlone(options: AloneOptions): Promise<readonly AloneReport[]> {
  const { connections, forMs, stored } = options;
  const load = (stage: Stage, source: Source, windowMs = forMs): Promise<Round> =>
    measure(stage, 'switchyard', source, (pool, each) => closedLoop(pool, each, { connections, forMs: windowMs }));
  let ids: readonly string[] = [];
  const same: readonly Scenario[] = [
    [
      'create alipay qr',
      async (stage) => {
        const created: string[] = [];
        const round = await load(stage, scenarios.creates(stage, 'switchyard', scenarios.ALIPAY, created));
        if (stored === 0 || ids.length === 0) ids = created.map((text) => scenarios.readPayment(text).id);
        return round;
      },
    ],
    ['query by id', (stage) => load(stage, scenarios.queries('switchyard', ids))],
    ['list of 20', (stage) => load(stage, scenarios.lists())],
    ['quote', (stage) => load(stage, scenarios.quotes('switchyard'))],
  ];
  const further: readonly Scenario[] = [
    ['create stripe', (stage) => load(stage, scenarios.cards(stage))],
    ['create by epay mapi.php', (stage) => load(stage, scenarios.epayOrders(stage, sign))],
    [`events to ${FAN_OUT} addresses`, (stage) => fanOut(stage, (source) => load(stage, source, 60_000))],
  ];
  const reports = [
    ...(await inSetting('as shipped', { holdCallbacks: true }, [...same, ...further], options)),
    ...(await inSetting('as shipped', {}, [['mixed day', (stage) => mixedDay(stage, connections)]], options)),
  ];
  for (const channels of [10, 100]) {
    const editConfig = (yaml: string): string => withChannels(yaml, channels);
    ids = [];
    reports.push(...(await inSetting(`${channels} channels`, { holdCallbacks: true, editConfig }, same, options)));
  }
  if (stored === 0) return reports;
  const prepare = async (dataDir: string): Promise<void> => {
    ids = await fillStore(dataDir, stored);
  };
  return [...reports, ...(await inSetting(`${stored} stored`, { holdCallbacks: true, prepare }, same, options))];
}

/** A gateway of its own; each scenario once to warm up and then some rounds. */
async function inSetting(
  setting: string,
  stageOptions: StageOptions,
  list: readonly Scenario[],
  { rounds }: AloneOptions,
): Promise<readonly AloneReport[]> {
  const stage = await openStage(stageOptions);
  try {
    const reports: AloneReport[] = [];
    for (const [scenario, run] of list) {
      const kept: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const measured = await run(stage);
        if (round > 0) kept.push(measured);
      }
      reports.push({ setting, scenario, switchyard: figuresOf(kept) });
    }
    return reports;
  } finally {
    await stage.stop();
  }
}

/** Payments of shops at many addresses; their callbacks come together, and the round ends with the last event. */
async function fanOut(stage: Stage, load: (source: Source) => Promise<Round>): Promise<Round> {
  const shops = Array.from({ length: FAN_OUT }, (_, i) => `fan-${i}`);
  const arrived = (): number => shops.reduce((sum, shop) => sum + stage.collector.eventCount(shop), 0);
  const created: string[] = [];
  let next = 0;
  const source = scenarios.creates(stage, 'switchyard', scenarios.ALIPAY, created, () => `fan-${next++ % FAN_OUT}`);
  await load({ ...source, next: () => (next < FANNED_EVENTS ? source.next() : null) });
  stage.collector.takeCallbacks();
  // Before anybody pays: the gateway may ask by itself, and then the event comes without its callback.
  const expected = arrived() + created.length;
  // At the simulator, where the buyers pay.
  const unpaid = scenarios.payments(created.map(scenarios.readPayment));
  await closedLoop(stage.sandboxPool, unpaid, { connections: FAN_OUT, forMs: 60_000 });
  await until('callbacks', () => stage.collector.callbackCount() >= created.length);
  const before = cpuMsOf(stage.gateway.pid);
  const round = await load(scenarios.callbacks('switchyard', stage.collector.takeCallbacks()));
  await until('events', () => arrived() >= expected);
  const after = cpuMsOf(stage.gateway.pid);
  return { ...round, cpuMs: before === null || after === null ? null : after - before };
}

/** Whole payments over three providers, of which every fifth stays unpaid. Latency: from paying to the event, else of the creation. */
async function mixedDay(stage: Stage, callers: number): Promise<Round> {
  const before = cpuMsOf(stage.gateway.pid);
  const { lives, problems, seconds } = await driveLives(stage, [0, 1, 2, 3], {
    ...{ payments: MIXED_PAYMENTS, ratePerS: null, callers, unpaidEvery: 5 },
  });
  const after = cpuMsOf(stage.gateway.pid);
  return {
    ...{ windowMs: seconds * 1_000, goodInWindow: lives.length, failures: problems },
    latenciesMs: lives.map(({ paidToEventMs, createdMs }) => paidToEventMs ?? createdMs),
    cpuMs: before === null || after === null ? null : after - before,
  };
}

/** The shipped channels and as many copies of the second one as are missing. */
function withChannels(yaml: string, channels: number): string {
  const shipped = yaml.match(/^ {4}provider: /gm)?.length ?? 0;
  const [copied = ''] = /^ {2}alipay-backup:\n(?: {4}.*\n)+/m.exec(yaml) ?? [];
  if (copied === '') throw new Error('config/gateway.yaml: no alipay-backup found to copy for the bench');
  const copies = Array.from({ length: channels - shipped }, (_, i) => copied.replace('alipay-backup', `alipay-${i}`));
  return yaml.replace(copied, copied + copies.join(''));
}

/** MD5 over the sorted parameters, as epay clients sign. */
function sign(parameters: Readonly<Record<string, string>>): string {
  const text = Object.keys(parameters)
    .sort()
    .map((name) => `${name}=${parameters[name]}`)
    .join('&');
  return createHash('md5')
    .update(text + EPAY_KEY)
    .digest('hex');
}

export function printAlone(reports: readonly AloneReport[]): void {
  const head = ['setting', 'scenario', 'req/s', 'p50 ms', 'p99 ms', 'CPU ms/req', 'requests', 'failed'];
  const rows = reports.map(({ setting, scenario, switchyard: { perSecond, latencyMs, cpuMsPerRequest, ...rest } }) => [
    ...[setting, scenario, perSecond.toFixed(0), latencyMs.p50.toFixed(1), latencyMs.p99.toFixed(1)],
    cpuMsPerRequest === null ? '-' : cpuMsPerRequest.toFixed(2),
    String(rest.requests),
    String(Object.values(rest.failures).reduce((sum, n) => sum + n, 0)),
  ]);
  process.stdout.write(`\n${table([head, ...rows], 2)}\n`);
}
