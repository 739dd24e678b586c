import {
  createsAndCallbacks,
  epay,
  fanOut,
  type Known,
  type Load,
  looks,
  mixedDay,
  type Scenario,
} from './alone-scenarios.ts';
import { startClusterServers } from './cluster-servers.ts';
import { type Figures, figuresOf, type Round } from './figures.ts';
import { table } from './report.ts';
import * as scenarios from './scenarios.ts';
import { openStage, type StageOptions } from './stage.ts';
import { fillStore } from './stored.ts';

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

/** Settings of channels: the shipped ones come first, with more scenarios. */
const CHANNELS = [1, 10, 100];
const PAYMENTS = 400;
/** FerretDB takes some fifty payments a second, and every stored one makes it slower. */
const CLUSTER_PAYMENTS = 60;
/** There a request takes up to a second, and a window has to be longer than that. */
const CLUSTER_WINDOWS = 4;

/** What the gateway does with further requests, one or many channels, and a full store; then what it does on MongoDB and Redis. */
export async function measureAlone(options: AloneOptions): Promise<readonly AloneReport[]> {
  const load: Load = { connections: options.connections, forMs: options.forMs, payments: PAYMENTS };
  const known: Known = { ids: [] };
  const same = (): readonly Scenario[] => [
    createsAndCallbacks(load, scenarios.kindOf(scenarios.ALIPAY), known),
    ...looks(load, known),
  ];
  const further = [createsAndCallbacks(load, scenarios.STRIPE), epay(load), fanOut(load)];
  const reports = [
    ...(await inSetting('as shipped', { holdCallbacks: true }, [...same(), ...further], options.rounds)),
    ...(await inSetting('as shipped', {}, [mixedDay(load)], options.rounds)),
  ];
  for (const channels of CHANNELS) {
    const editConfig = (yaml: string): string => withChannels(yaml, channels);
    known.ids = [];
    const name = `${channels} channel${channels === 1 ? '' : 's'}`;
    reports.push(...(await inSetting(name, { holdCallbacks: true, editConfig }, same(), options.rounds)));
  }
  if (options.stored === 0) return reports;
  const prepare = async (dataDir: string): Promise<void> => {
    known.ids = await fillStore(dataDir, options.stored);
  };
  const name = `${options.stored} stored`;
  return [...reports, ...(await inSetting(name, { holdCallbacks: true, prepare }, same(), options.rounds))];
}

/** The same scenarios by a gateway on MongoDB and Redis, once after the warm-up; or why there are none. */
export async function measureCluster(
  options: AloneOptions,
): Promise<readonly AloneReport[] | { readonly missing: string }> {
  const servers = await startClusterServers();
  if ('missing' in servers) return servers;
  const { connections, forMs } = options;
  const load: Load = { connections, forMs: CLUSTER_WINDOWS * forMs, payments: CLUSTER_PAYMENTS };
  const known: Known = { ids: [] };
  const list = [
    createsAndCallbacks(load, scenarios.kindOf(scenarios.ALIPAY), known),
    createsAndCallbacks(load, scenarios.kindOf(scenarios.WECHATPAY)),
    createsAndCallbacks(load, scenarios.STRIPE),
    ...[...looks(load, known), epay(load), fanOut(load)],
  ];
  const setting = `cluster: ${servers.database}, Redis`;
  try {
    return [
      ...(await inSetting(setting, { holdCallbacks: true, env: servers.envOf('held', 0) }, list, 1)),
      ...(await inSetting(setting, { env: servers.envOf('mixed', 1) }, [mixedDay(load)], 1)),
    ];
  } finally {
    await servers.stop();
  }
}

/** A gateway of its own; each scenario once to warm up and then some rounds. */
async function inSetting(
  setting: string,
  stageOptions: StageOptions,
  list: readonly Scenario[],
  rounds: number,
): Promise<readonly AloneReport[]> {
  const stage = await openStage(stageOptions);
  try {
    const kept = new Map<string, Round[]>();
    for (const scenario of list) {
      for (let round = 0; round <= rounds; round += 1) {
        const measured = await scenario(stage);
        if (round === 0) continue;
        for (const [name, one] of Object.entries(measured)) kept.set(name, [...(kept.get(name) ?? []), one]);
      }
    }
    return [...kept].map(([scenario, each]) => ({ setting, scenario, switchyard: figuresOf(each) }));
  } finally {
    await stage.stop();
  }
}

/** One: all but the first shipped channel take no orders. More: the shipped ones and as many copies of the second as are missing. */
function withChannels(yaml: string, channels: number): string {
  const [copied = ''] = /^ {2}alipay-backup:\n(?: {4}.*\n)+/m.exec(yaml) ?? [];
  if (copied === '') throw new Error('config/gateway.yaml: no alipay-backup found to copy for the bench');
  if (channels === 1) {
    const others = yaml.indexOf(copied);
    return yaml.slice(0, others) + yaml.slice(others).replaceAll('enabled: true', 'enabled: false');
  }
  const shipped = yaml.match(/^ {4}provider: /gm)?.length ?? 0;
  const copies = Array.from({ length: channels - shipped }, (_, i) => copied.replace('alipay-backup', `alipay-${i}`));
  return yaml.replace(copied, copied + copies.join(''));
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
