import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Provider } from '../channel/index.ts';
import { err, ok, type Result } from '../payment/index.ts';
import { assemble, type LoadedConfig } from './assemble.ts';
import { type ConfigFault, type Path, pathText, sortFaults } from './faults.ts';
import { readGateway, withoutSandboxCredentials } from './gateway-file.ts';
import { sealedOpener } from './master-key.ts';
import { readMerchants } from './merchants-file.ts';
import { normalForm } from './normal-form.ts';
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
  /** Taken instead of what lies there; `name` is how faults call it. References are resolved as if it lay there. */
  readonly proposed?: { readonly gateway?: ProposedFile; readonly merchants?: ProposedFile };
  /** What the simulator of a sandbox channel has made up, when it runs already; parsed like live credentials. */
  readonly sandboxCredentials?: (channelId: string) => unknown;
}

/** A file that somebody thinks of, as text. */
export interface ProposedFile {
  readonly name: string;
  readonly text: string;
}

/** Reads, checks and resolves a whole configuration, or names every fault of both files with its line (I9). */
export function loadConfig(options: LoadOptions): Result<LoadedConfig, readonly ConfigFault[]> {
  const gatewaySink: FaultSink = {
    source: withoutSandboxCredentials(openSource(options.path, options, 'gateway')),
    faults: [],
  };
  const merchantsPath = join(dirname(options.path), 'merchants.yaml');
  const merchantsSink: FaultSink = { source: openSource(merchantsPath, options, 'merchants'), faults: [] };

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
  const providerIds = options.providers.map(({ id }) => id);
  const sources = { gateway: gatewaySink.source, merchants: merchantsSink.source };
  const form = normalForm(sources, { ...gateway, providerIds });
  const faultAt = (path: Path, message: string): ConfigFault => {
    const { file } = sources.gateway;
    return { file, line: sources.gateway.lineOf(path), path: pathText(path), message };
  };
  return ok(assemble({ ...gateway, file: gateway.file }, merchants, { warnings, form, faultAt }));
}

function openSource(path: string, options: LoadOptions, which: 'gateway' | 'merchants'): Source {
  const { env, readFile = readUtf8, proposed } = options;
  let file: ProposedFile;
  try {
    file = proposed?.[which] ?? { name: path, text: readFile(path) };
  } catch (cause) {
    return unreadableSource(path, readFailure(cause));
  }
  const ports = { env, readFile, folder: dirname(path), openSealed: sealedOpener(env) };
  return parseSource(file.name, file.text, referenceResolver(ports));
}

function readUtf8(path: string): string {
  return readFileSync(path, 'utf8');
}
