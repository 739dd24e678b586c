import type { RouterContext } from '@koa/router';
import type { Clock, EpayRecord, Gateway, GatewaySettings, Merchants, Telemetry } from '../gateway/index.ts';

/** The part of the ephemeral state that the edge uses: `EphemeralState.hit`. */
interface RequestCounter {
  hit(
    key: string,
    limit: number,
    windowMs: number,
  ): Promise<{ readonly allowed: boolean; readonly retryAfterMs: number }>;
}

/** Everything that the public application stands on. */
export interface PublicAppParts {
  readonly gateway: Gateway;
  readonly merchants: Merchants;
  /** Asked anew for every request, so that a reload takes effect at once. */
  readonly settings: () => GatewaySettings;
  readonly ephemeral: RequestCounter;
  readonly telemetry: Telemetry;
  readonly epayRecord: EpayRecord;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Aborted when the listener is about to close: what is kept open for a buyer's page ends then. */
  readonly stopping: AbortSignal;
}

/** What the middlewares tell each other about one request. */
export interface RequestState {
  requestId: string;
  merchantId?: string;
  /** The code of the refusal that was answered. */
  code?: string;
}

export type EdgeContext = RouterContext<RequestState>;
