import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Provider } from '../channel/index.ts';
import { err, ok, type Result } from '../payment/index.ts';
import { assemble, type LoadedConfig } from './assemble.ts';
import { type ConfigFault, sortFaults } from './faults.ts';
import { readGateway, withoutSandboxCredentials } from './gateway-file.ts';
import { readMerchants } from './merchants-file.ts';
import type { FaultSink } from './parse.ts';
import { demoSecretWarnings, publicUrlFaults, refuseSandbox } from './production.ts';
import { type Env, readFailure, referenceResolver } from './references.ts';
import { parseSource, type Source, unreadableSource } from './source.ts';

export interface LoadOptions {
  /** Of `gateway.yaml`; `merchants.yaml` lies beside it. Faults name the files as this does. */
  readonly path: string;
  readonly env: Env;
  /** Reads a file as UTF-8 text; throws as `node:fs` does. */
  readonly readFile?: (path: string) => string;
  readonly providers: readonly Provider[];
  /** NODE_ENV=production: refuses sandbox channels, the demo merchant's secrets and plain http. */
  readonly production: boolean;
  /** What the simulator of a sandbox channel has made up, when it runs already; parsed like live credentials. */
  readonly sandboxCredentials?: (channelId: string) => unknown;
}

/** Reads, checks and resolves a whole configuration, or names every fault of both files with its line (I9). */
export function loadConfig(options: LoadOptions): Result<LoadedConfig, readonly ConfigFault[]> {
  const gatewaySink: FaultSink = { source: withoutSandboxCredentials(openSource(options.path, options)), faults: [] };
  const merchantsPath = join(dirname(options.path), 'merchants.yaml');
  const merchantsSink: FaultSink = { source: openSource(merchantsPath, options), faults: [] };

  const gateway = readGateway(gatewaySink, options);
  const merchants = readMerchants(merchantsSink, gateway);
  if (options.production) {
    refuseSandbox({ gateway: gatewaySink, merchants: merchantsSink }, gateway.sandboxIds);
  }
  const faults = [
    ...(options.production ? publicUrlFaults(options.env, gateway.allowHttp) : []),
    ...[gatewaySink, merchantsSink].flatMap((sink) => [...sink.source.faults, ...sink.faults]),
  ];
  if (faults.length > 0 || gateway.file === undefined) return err(sortFaults(faults));
  const warnings = demoSecretWarnings(merchantsSink, gateway.allSandbox);
  return ok(assemble({ ...gateway, file: gateway.file }, merchants, warnings));
}

function openSource(file: string, { env, readFile = readUtf8 }: LoadOptions): Source {
  let text: string;
  try {
    text = readFile(file);
  } catch (cause) {
    return unreadableSource(file, readFailure(cause));
  }
  return parseSource(file, text, referenceResolver({ env, readFile, folder: dirname(file) }));
}

function readUtf8(path: string): string {
  return readFileSync(path, 'utf8');
}
