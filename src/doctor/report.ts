import { ownQuery, secretsIn, shownAnswer } from '../epay/index.ts';
import {
  type EpayAccount,
  type EpayNoticeNote,
  type EpayRecord,
  type EpayRequestNote,
  isoTime,
  type Merchant,
} from '../gateway/index.ts';
import type { EpayOverview, NoticeView, RequestView, ShopLine, ShopReport } from './model.ts';
import { diagnoseNotice } from './notices.ts';
import { plugInsFor } from './plug-ins.ts';
import { diagnoseRequest } from './requests.ts';

type Kept = ReturnType<EpayRecord['of']>;
type EpayMerchant = Merchant & { readonly epay: EpayAccount };

const ANSWER_CHARS = 200;
const NAME_CHARS = 60;
const OWN_NAMES_MAX = 10;

/** What is known of one shop, beside what it has configured. */
export interface ShopFacts {
  readonly merchant: EpayMerchant;
  readonly kept: Kept;
  /** What belongs to no shop. */
  readonly nobodys: Kept;
  readonly keyFingerprints: readonly string[];
  readonly keyKeptIn: string;
  readonly publicUrl: string;
  readonly platformPublicKey: string | null;
  readonly now: number;
}

/** Everything that is shown of one shop. Pure. */
export function shopReport(facts: ShopFacts): ShopReport {
  const { merchant, kept, nobodys, publicUrl } = facts;
  const { epay } = merchant;
  return {
    time: isoTime(facts.now),
    shop: {
      ...{ pid: epay.pid, merchant: merchant.id, name: merchant.name, enabled: merchant.enabled },
      ...{ sign: epay.signs, has_public_key: epay.publicKey !== null },
      ...{ key_fingerprints: facts.keyFingerprints, key_kept_in: facts.keyKeptIn },
      ...{ notify_hosts: epay.notifyHosts, refunds: epay.refunds, tls_verify: epay.tlsVerify },
    },
    plug_ins: plugInsFor(publicUrl, epay.signs),
    platform_public_key: facts.platformPublicKey,
    requests: kept.requests.map((note) => requestView(note, merchant)),
    notices: kept.notices.map((note) => noticeView(note, epay.keys)),
    nobodys: nobodys.requests.map((note) => requestView(note, null)),
  };
}

/** A line for each shop, and what belongs to none. Pure. */
export function epayOverview(
  shops: readonly { readonly merchant: EpayMerchant; readonly kept: Kept }[],
  nobodys: Kept,
  now: number,
): EpayOverview {
  return {
    time: isoTime(now),
    shops: shops.map(shopLine),
    nobodys: nobodys.requests.map((note) => requestView(note, null)),
  };
}

function shopLine({ merchant, kept }: { readonly merchant: EpayMerchant; readonly kept: Kept }): ShopLine {
  const [request] = kept.requests.map((note) => requestView(note, merchant));
  const [notice] = kept.notices.map((note) => noticeView(note, merchant.epay.keys));
  return {
    ...{ pid: merchant.epay.pid, merchant: merchant.id, name: merchant.name, enabled: merchant.enabled },
    last_request: request ? { at: request.at, state: request.state, verdict: request.verdict } : null,
    last_notice: notice ? { at: notice.at, state: notice.state, verdict: notice.verdict } : null,
  };
}

function requestView(note: EpayRequestNote, merchant: EpayMerchant | null): RequestView {
  const { at, endpoint, method, outcome, sign, names, nearMiss } = note;
  const shop = merchant === null ? null : { ...merchant.epay, merchantId: merchant.id };
  return {
    ...{ at: isoTime(at), endpoint, method, outcome, sign, names, near_miss: nearMiss },
    ...diagnoseRequest({ ...note, shop }),
  };
}

function noticeView(note: EpayNoticeNote, keys: readonly string[]): NoticeView {
  const { at, eventId, tryNo, url, outcome, status, answer, location = null } = note;
  const parsed = URL.parse(url);
  // Once more, since the shop has got new keys meanwhile, or the record is older than the rule.
  const shown = shownAnswer(answer, secretsIn(url, keys), ANSWER_CHARS);
  return {
    ...{ at: isoTime(at), event: eventId, try: tryNo, outcome, status, answer: shown, location },
    address: parsed === null ? '(no address)' : `${parsed.origin}${parsed.pathname}`,
    own_query: ownNames(url),
    out_trade_no: sentIn(url, 'out_trade_no'),
    trade_no: sentIn(url, 'trade_no'),
    ...diagnoseNotice(note),
    again: `switchyard events redeliver ${eventId}`,
  };
}

/** What we have sent stands behind what the shop's address says itself, and begins with the pid. */
function ownNames(url: string): readonly string[] {
  const names = ownQuery(url).map(([name]) => name);
  return names
    .slice(0, Math.max(0, names.lastIndexOf('pid')))
    .slice(0, OWN_NAMES_MAX)
    .map((name) => name.slice(0, NAME_CHARS));
}

function sentIn(url: string, name: string): string | null {
  const found = [...url.matchAll(new RegExp(`[?&]${name}=([^&#]*)`, 'g'))].at(-1)?.[1];
  try {
    return found === undefined ? null : decodeURIComponent(found).slice(0, 128);
  } catch {
    return null;
  }
}
