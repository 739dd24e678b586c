import type { KeyObject } from 'node:crypto';
import type { EphemeralState } from '../ephemeral/port.ts';
import type { Evidence } from '../evidence/port.ts';
import type { RandomBytes } from '../payment/index.ts';
import type { Breakers, Statistics } from '../routing/index.ts';
import type { PaymentStore } from '../store/port.ts';
import type { EpayRecord } from './epay-record.ts';
import type { Channel, Clock, GatewaySettings, Merchants, Sealer, SendWebhook } from './ports.ts';
import type { Telemetry } from './telemetry-port.ts';

/** Everything that the use cases stand on; the composition root puts it together. */
export interface Parts {
  readonly store: PaymentStore;
  readonly ephemeral: EphemeralState;
  readonly channels: () => ReadonlyMap<string, Channel>;
  readonly settings: () => GatewaySettings;
  readonly merchants: () => Merchants;
  readonly sealer: Sealer;
  readonly statistics: Statistics;
  readonly breakers: Breakers;
  readonly telemetry: Telemetry;
  readonly evidence: Evidence;
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomBytes: RandomBytes;
  readonly sendWebhook: SendWebhook;
  /** The key that signs for the platform in version 2 of epay; made when it is first wanted. */
  readonly epayKey: () => Promise<KeyObject>;
  readonly epayRecord: EpayRecord;
  /** No other process works on this store: an attempt that was begun before this one started is nobody's any more. */
  readonly alone: boolean;
  /** Names this process as the owner of its leases. */
  readonly processId: string;
}
