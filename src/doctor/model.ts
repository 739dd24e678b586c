import type { Diagnosis } from './diagnosis.ts';
import type { PlugIn } from './plug-ins.ts';

/** What is shown of one request, on the page, in a terminal and as JSON. Times are RFC 3339 UTC. */
export interface RequestView extends Diagnosis {
  readonly at: string;
  readonly endpoint: string;
  readonly method: string;
  readonly outcome: string;
  readonly sign: string | null;
  /** That the signature covers. */
  readonly names: readonly string[];
  readonly near_miss: string | null;
}

export interface NoticeView extends Diagnosis {
  readonly at: string;
  readonly event: string;
  readonly try: number;
  /** Without its query, which may hold a secret of the shop's. */
  readonly address: string;
  /** The names in the query of the shop's own address. */
  readonly own_query: readonly string[];
  readonly out_trade_no: string | null;
  readonly trade_no: string | null;
  readonly outcome: string;
  readonly status: number | null;
  /** How the answer begins, or the word for why there was none. */
  readonly answer: string;
  readonly location: string | null;
  /** What sends it again. */
  readonly again: string;
}

export interface ShopLine {
  readonly pid: number;
  readonly merchant: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly last_request: Pick<RequestView, 'at' | 'state' | 'verdict'> | null;
  readonly last_notice: Pick<NoticeView, 'at' | 'state' | 'verdict'> | null;
}

export interface EpayOverview {
  readonly time: string;
  readonly shops: readonly ShopLine[];
  /** Requests that belong to no shop: a wrong pid, or nothing that could be read. */
  readonly nobodys: readonly RequestView[];
}

export interface ShopReport {
  readonly time: string;
  readonly shop: {
    readonly pid: number;
    readonly merchant: string;
    readonly name: string;
    readonly enabled: boolean;
    readonly sign: readonly string[];
    readonly has_public_key: boolean;
    /** The first digits of the SHA-256 of each key; the first one signs. Keys themselves are never shown. */
    readonly key_fingerprints: readonly string[];
    readonly key_kept_in: string;
    readonly notify_hosts: 'any' | readonly string[];
    readonly refunds: boolean;
    readonly tls_verify: boolean;
  };
  readonly plug_ins: readonly PlugIn[];
  /** For V2: one line of base64, as shops want it; null when the key cannot be read. */
  readonly platform_public_key: string | null;
  readonly requests: readonly RequestView[];
  readonly notices: readonly NoticeView[];
  readonly nobodys: readonly RequestView[];
}

/** Looks at what was recorded of shops that speak epay. */
export interface EpayDoctor {
  overview(): EpayOverview;
  /** Null: the pid is nobody's. */
  shop(pid: number): Promise<ShopReport | null>;
}
