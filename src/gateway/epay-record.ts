import type { AnswerLook } from '../epay/index.ts';
import type { EpaySign, EpochMs } from '../payment/index.ts';

/** Where a shop speaks epay. */
export type EpayEndpoint = 'submit' | 'mapi' | 'api' | 'v2_submit' | 'v2_create' | 'v2_api';

/** What came of such a request: `ok`, or why it was refused. */
export type EpayOutcome =
  | 'ok'
  /** A person's browser, or a probe: it names neither shop nor order. */
  | 'nothing_sent'
  | 'unreadable'
  | 'split_value'
  | 'unknown_pid'
  | 'bad_signature'
  | 'sign_kind_refused'
  | 'stale_timestamp'
  | 'bad_order_no'
  | 'bad_money'
  | 'bad_notify_url'
  | 'bad_return_url'
  | 'changed_order'
  | 'paid_order'
  | 'held_order'
  | 'no_channel'
  | 'refused_by_channel'
  | 'too_much'
  | 'unknown_order'
  | 'unknown_act'
  | 'refunds_off'
  | 'refund_refused'
  | 'rate_limited'
  | 'internal';

/** One request by the epay protocol, as far as an operator needs it to find out why a shop gets no further; no values but these. */
export interface EpayRequestNote {
  readonly at: EpochMs;
  readonly endpoint: EpayEndpoint;
  readonly method: 'GET' | 'POST';
  readonly outcome: EpayOutcome;
  /** What the request said of its signature: `md5`, `sha256`, `rsa`, or null for none that we know. */
  readonly sign: EpaySign | null;
  /** The names that its signature covers. */
  readonly names: readonly string[];
  /** With a wrong signature: what would have made it right. */
  readonly nearMiss: string | null;
  /** Whose key it was signed with, where that is another shop than the one of its number. */
  readonly keyOf?: string;
  /** The number that it names, where that is nobody's. */
  readonly pid?: number;
  /** With an address for notifications that may not be called: its host. */
  readonly host?: string;
}

/** One notification that was sent to a shop. */
export interface EpayNoticeNote {
  readonly at: EpochMs;
  readonly eventId: string;
  readonly tryNo: number;
  /** Without its signature. */
  readonly url: string;
  /** `delivered`, `unacknowledged`, `failed` or `refused`. */
  readonly outcome: string;
  readonly status: number | null;
  /** How the shop's answer begins, or why there was none. */
  readonly answer: string;
  /** What the whole answer looked like; null when there was none. */
  readonly look?: AnswerLook | null;
  /** Of a redirect: where to, without its query. */
  readonly location?: string;
}

/** What was last said between us and each shop that speaks epay: bounded, and kept over a restart as far as possible. */
export interface EpayRecord {
  /** `merchantId` null: the number of the request is nobody's. */
  request(merchantId: string | null, note: EpayRequestNote): void;
  notice(merchantId: string, note: EpayNoticeNote): void;
  /** Newest first. */
  of(merchantId: string | null): {
    readonly requests: readonly EpayRequestNote[];
    readonly notices: readonly EpayNoticeNote[];
  };
}
