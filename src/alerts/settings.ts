import type { Severity } from './message.ts';

/** What a variable of a short message's template may be filled with. */
export type SmsFact = 'state' | 'severity' | 'status' | 'alert' | 'summary' | 'summary_more' | 'impact' | 'since';

export interface AliyunSmsSettings {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly signName: string;
  readonly templateCode: string;
  /** Variable of the template -> what it is filled with. */
  readonly templateParams: Readonly<Record<string, SmsFact>>;
  /** Aliyun refuses longer values, in characters. */
  readonly variableCharsMax: number;
  /** https, or http for a simulator on this machine; null: Aliyun's own. */
  readonly endpoint: string | null;
}

interface Wants {
  /** Tells receivers of one kind apart, in logs and states; for phones the masked number. */
  readonly name: string;
  readonly severities: readonly Severity[];
}

/** One address that is told. */
export type Receiver =
  | (Wants & { readonly kind: 'log' })
  | (Wants & { readonly kind: 'dingtalk' | 'feishu'; readonly url: string; readonly secret: string })
  | (Wants & { readonly kind: 'sms'; readonly phone: string; readonly sms: AliyunSmsSettings });

export type ReceiverKind = Receiver['kind'];

export interface RelaySettings {
  readonly receivers: readonly Receiver[];
  /** Messages to one receiver within an hour, pages and tickets apart. */
  readonly perHour: number;
  /** The same state of an alert is told again only after this. */
  readonly repeatAfterMs: number;
}
