/** The part of the simulator's contract that the adapter speaks; all times are virtual milliseconds, amounts minor units. */
export interface ChannelInfo {
  readonly id: string;
  readonly fee?: {
    readonly bps: number;
    readonly fixedMinor?: number;
    readonly minMinor?: number;
    readonly maxMinor?: number;
    readonly tiers?: readonly { readonly fromMinor: number; readonly bps: number }[];
    readonly tierPeriodS?: number;
    readonly perAttemptMinor?: number;
  };
  readonly quotaPeriodS?: number | undefined;
  readonly supports?: { readonly methods?: readonly string[]; readonly currencies?: readonly string[] };
}

export interface InitInfo {
  readonly nowMs: number;
  readonly seed: number;
  readonly channels: readonly ChannelInfo[];
  readonly marginBps: number;
  readonly maxAttempts: number;
}

export interface Candidate {
  readonly id: string;
  readonly feeMinor: number;
  readonly perAttemptMinor: number;
  readonly quotaRemainingMinor: number | null;
}

export interface DecideContext {
  readonly paymentId: number;
  readonly nowMs: number;
  readonly amountMinor: number;
  readonly currency: string;
  readonly method: string;
  readonly marginBps: number;
  readonly candidates: readonly Candidate[];
}

export interface CreateResultEvent {
  readonly paymentId: number;
  readonly channelId: string;
  readonly attempt: number;
  readonly startedMs: number;
  readonly nowMs: number;
  readonly ok: boolean;
  readonly error?: 'error' | 'timeout' | 'rejected';
  readonly rejectCode?: 'RATE_LIMIT' | 'QUOTA';
  readonly amountMinor: number;
  readonly currency: string;
  readonly method: string;
}

export interface OutcomeEvent {
  readonly paymentId: number;
  readonly channelId: string;
  readonly nowMs: number;
  readonly createdMs: number;
  readonly status: 'paid' | 'failed' | 'expired';
  readonly amountMinor: number;
  readonly currency: string;
  readonly method: string;
}

export interface Policy {
  readonly name: string;
  init(info: InitInfo): void;
  decide(context: DecideContext): readonly string[];
  onCreateResult(event: CreateResultEvent): void;
  onOutcome(event: OutcomeEvent): void;
  next(context: DecideContext, tried: readonly string[], last: CreateResultEvent): string | null;
  onChannels(nowMs: number, channels: readonly ChannelInfo[]): void;
}
