import type { z } from 'zod';
import type { Provider } from '../channel/index.ts';
import type { RoutingRule } from '../routing/index.ts';
import { checkRelayUrls } from './alert-relay.ts';
import { isWithin, type Path, pathText } from './faults.ts';
import { CHANNEL_ID, type ChannelEntry, channelSchema, type GatewayFile, gatewayFileSchema } from './gateway-schema.ts';
import { suggestion } from './nearest.ts';
import { entriesAt, type FaultSink, faultAt, parseAt } from './parse.ts';
import { rawAt, rawEntries } from './raw.ts';
import { readRules } from './rules-file.ts';
import type { Source } from './source.ts';

export interface ReadChannel {
  readonly id: string;
  readonly entry: ChannelEntry;
  readonly credentials: unknown;
}

/** What could be made of `gateway.yaml`. Complete only when the sink has no fault. */
export interface GatewayReading {
  readonly file: GatewayFile | undefined;
  readonly channels: readonly ReadChannel[];
  readonly rules: readonly RoutingRule[];
  /** Every channel that the file names, also the faulty ones; null when the file is broken and nobody knows. */
  readonly channelIds: readonly string[] | null;
  readonly sandboxIds: readonly string[];
  readonly allSandbox: boolean;
  readonly allowHttp: boolean;
}

export interface GatewayReadOptions {
  readonly providers: readonly Provider[];
  readonly sandboxCredentials?: (channelId: string) => unknown;
}

/** Parses section by section and channel by channel, so that every fault is found at once. */
export function readGateway(sink: FaultSink, options: GatewayReadOptions): GatewayReading {
  const raw = sink.source.value;
  if (raw === undefined) {
    return {
      file: undefined,
      channels: [],
      rules: [],
      channelIds: null,
      sandboxIds: [],
      allSandbox: false,
      allowHttp: true,
    };
  }
  const file = parseAt(sink, [], raw, gatewayFileSchema);
  const rawChannels = entriesAt(sink, ['channels'], rawAt(raw, 'channels'));
  const schema = channelSchema(options.providers.map((provider) => provider.id));
  const channels = rawChannels.flatMap(([id, value]) => readChannel(sink, { id, value, schema }, options));
  const channelIds = rawChannels.map(([id]) => id);
  for (const [id] of rawEntries(rawAt(raw, 'alerts', 'balance_below'))) {
    checkChannelExists(sink, ['alerts', 'balance_below', id], id, channelIds);
  }
  const rules = readRules(sink, rawAt(raw, 'routing', 'rules'), (path, id) =>
    checkChannelExists(sink, path, id, channelIds),
  );
  const sandboxIds = rawChannels.filter(([, value]) => rawAt(value, 'mode') === 'sandbox').map(([id]) => id);
  const allSandbox = sandboxIds.length === channelIds.length;
  checkRelayUrls(sink, allSandbox);
  // Read from the unchecked file too, so that a fault elsewhere does not look like a refusal of http.
  const allowHttp = (rawAt(raw, 'allow_http') ?? allSandbox) !== false;
  return { file, channels, rules, channelIds, sandboxIds, allSandbox, allowHttp };
}

/** The faults of a source without those inside the credentials of sandbox channels, which nobody reads. */
export function withoutSandboxCredentials(source: Source): Source {
  const ignored = rawEntries(rawAt(source.value, 'channels'))
    .filter(([, value]) => rawAt(value, 'mode') === 'sandbox')
    .map(([id]) => pathText(['channels', id, 'credentials']));
  return { ...source, faults: source.faults.filter((fault) => !ignored.some((path) => isWithin(fault.path, path))) };
}

/** Notes a fault when a file speaks of a channel that is not configured. */
export function checkChannelExists(
  sink: FaultSink,
  path: Path,
  id: string,
  channelIds: readonly string[] | null,
): void {
  if (channelIds === null || channelIds.includes(id)) return;
  faultAt(sink, path, `names a channel that gateway.yaml does not have${suggestion(id, channelIds)}`);
}

function readChannel(
  sink: FaultSink,
  { id, value, schema }: { readonly id: string; readonly value: unknown; readonly schema: z.ZodType<ChannelEntry> },
  { providers, sandboxCredentials }: GatewayReadOptions,
): readonly ReadChannel[] {
  const path = ['channels', id];
  if (!CHANNEL_ID.test(id)) faultAt(sink, path, 'must be named with 1 to 40 of a-z, 0-9 and -');
  const entry = parseAt(sink, path, value, schema);
  const provider = providers.find((candidate) => candidate.id === rawAt(value, 'provider'));
  const live = rawAt(value, 'mode') === 'live';
  const given = live ? (rawAt(value, 'credentials') ?? {}) : sandboxCredentials?.(id);
  // Parsed even when the rest of the channel is wrong: the operator mends both in one go.
  const credentials =
    provider && given !== undefined ? parseAt(sink, [...path, 'credentials'], given, provider.configSchema) : null;
  return entry ? [{ id, entry, credentials }] : [];
}
