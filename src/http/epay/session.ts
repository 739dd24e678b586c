import { nearMissOf, type Parameters, signedNames, signKindOf } from '../../epay/index.ts';
import type { EpayEndpoint, EpayOutcome, Merchant } from '../../gateway/index.ts';
import type { EdgeContext, PublicAppParts } from '../context.ts';

const NAMES_MAX = 40;
const NAME_CHARS_MAX = 40;
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
}

/** Counts a request, writes a refused one to the log, and keeps both for the operator; never a value, a key or a signature. */
export async function report(
  parts: PublicAppParts,
  ctx: EdgeContext,
  { endpoint, outcome, merchant, parameters }: Report,
): Promise<void> {
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
  const nearMiss =
    outcome === 'bad_signature' && parameters && merchant ? explained(parts, merchant, parameters) : null;
  const method = ctx.method === 'POST' ? 'POST' : 'GET';
  parts.epayRecord.request(merchant?.id ?? null, { at: clock.now(), endpoint, method, outcome, sign, names, nearMiss });
  if (outcome === 'ok') return;
  const who = merchant === null ? {} : { merchantId: merchant.id };
  telemetry.info(
    { requestId: ctx.state.requestId, ...who, endpoint, outcome, signKind: sign, names, nearMiss },
    'epay request refused',
  );
}

function explained(parts: PublicAppParts, merchant: Merchant, parameters: Parameters): string | null {
  const others = parts.merchants.epayMerchants().filter(({ id }) => id !== merchant.id);
  return nearMissOf(
    parameters,
    merchant.epay?.keys ?? [],
    others.flatMap(({ epay }) => epay?.keys ?? []),
  );
}

/** Names as they can stand in a log: whoever sends a request chooses them. */
function shownNames(parameters: Parameters): readonly string[] {
  return signedNames(parameters)
    .slice(0, NAMES_MAX)
    .map((name) => (/^[A-Za-z0-9_.-]+$/.test(name) ? name.slice(0, NAME_CHARS_MAX) : '(odd name)'));
}
