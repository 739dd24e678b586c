import { keyMissOf, nearMissOf, type Parameters, signedNames, signKindOf } from '../../epay/index.ts';
import type { EpayEndpoint, EpayOutcome, EpayRequestNote, Merchant } from '../../gateway/index.ts';
import type { EdgeContext, PublicAppParts } from '../context.ts';
import type { Sent } from './parameters.ts';

const NAMES_MAX = 40;
const NAME_CHARS_MAX = 40;
const HOST_CHARS_MAX = 253;
/** Failures of one address in a minute that are looked into; what is above is counted and answered, and costs nothing more. */
const FAILURES_PER_MINUTE = 60;

/** Everything that is known of one request, for whoever has to find out why a shop gets no further (F12). */
export interface Report {
  readonly endpoint: EpayEndpoint;
  readonly outcome: EpayOutcome;
  /** The shop that the request speaks of, proved or not. */
  readonly merchant: Merchant | null;
  /** Null when the request could not be read. */
  readonly parameters: Parameters | null;
  readonly beside?: Sent['beside'];
}

/** Counts a request, writes a refused one to the log, and keeps both for the operator; never a value, a key or a signature. */
export async function report(parts: PublicAppParts, ctx: EdgeContext, reported: Report): Promise<void> {
  const { endpoint, outcome, merchant, parameters } = reported;
  const { telemetry, ephemeral, clock } = parts;
  telemetry.epayRequest(endpoint, outcome);
  if (merchant) ctx.state.merchantId = merchant.id;
  if (outcome !== 'ok') ctx.state.code = outcome;
  // A browser that lost its way, or somebody who looks around, says nothing about a shop.
  if (outcome === 'nothing_sent' && merchant === null) return;
  if (outcome !== 'ok') {
    const address = ctx.req.socket.remoteAddress ?? 'none';
    const room = await ephemeral.hit(`epay-failures/${address}`, FAILURES_PER_MINUTE, 60_000).catch(() => null);
    if (room?.allowed === false) return telemetry.epayRequest(endpoint, 'rate_limited');
  }
  const names = parameters ? shownNames(parameters) : [];
  const sign = parameters ? signKindOf(parameters) : null;
  const { nearMiss = null, ...more } = parameters ? await explained(parts, reported, parameters) : {};
  const method = ctx.method === 'POST' ? 'POST' : 'GET';
  const note = { at: clock.now(), endpoint, method, outcome, sign, names, nearMiss, ...more } as const;
  parts.epayRecord.request(merchant?.id ?? null, note);
  if (outcome === 'ok') return;
  const who = merchant === null ? {} : { merchantId: merchant.id };
  telemetry.info(
    { requestId: ctx.state.requestId, ...who, endpoint, outcome, signKind: sign, names, nearMiss },
    'epay request refused',
  );
}

type Explained = Partial<Pick<EpayRequestNote, 'nearMiss' | 'keyOf' | 'pid' | 'host'>>;

/** What can be told beyond the outcome, for whoever has to set it right. */
async function explained(
  parts: PublicAppParts,
  { outcome, merchant, beside }: Report,
  parameters: Parameters,
): Promise<Explained> {
  if (outcome === 'bad_notify_url') {
    const host = URL.parse(parameters.get('notify_url')?.trim() ?? '')?.hostname ?? '';
    return host === '' ? {} : { host: host.slice(0, HOST_CHARS_MAX) };
  }
  const pid = parameters.get('pid') ?? '';
  const named = outcome === 'unknown_pid' && /^[1-9]\d{0,8}$/.test(pid) ? { pid: Number(pid) } : {};
  if (outcome !== 'bad_signature' && outcome !== 'unknown_pid') return {};
  const others = parts.merchants.epayMerchants().filter(({ id }) => id !== merchant?.id);
  const half = outcome === 'bad_signature' && beside ? beside : null;
  const missOf = (foreign: readonly Merchant[]): string | null => {
    const keys = merchant?.epay?.keys ?? [];
    const foreignKeys = foreign.flatMap(({ epay }) => epay?.keys ?? []);
    const given = parameters.get('key');
    return given === undefined ? nearMissOf(parameters, keys, foreignKeys, half) : keyMissOf(given, keys, foreignKeys);
  };
  const nearMiss = missOf(others);
  const owner = nearMiss === 'foreign_key' ? others.find((other) => missOf([other]) === 'foreign_key') : undefined;
  return { ...named, nearMiss, ...(owner === undefined ? {} : { keyOf: owner.id }) };
}

/** Names as they can stand in a log: whoever sends a request chooses them. */
function shownNames(parameters: Parameters): readonly string[] {
  return signedNames(parameters)
    .slice(0, NAMES_MAX)
    .map((name) => (/^[A-Za-z0-9_.-]+$/.test(name) ? name.slice(0, NAME_CHARS_MAX) : '(odd name)'));
}
