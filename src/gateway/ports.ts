import type { KeyObject } from 'node:crypto';
import type { Capability, ChannelAdapter } from '../channel/index.ts';
import type { EpaySign, EpochMs, Policies } from '../payment/index.ts';
import type { ChannelProfile, RoutingSettings } from '../routing/index.ts';

/** A shop that may call, as far as the use cases care. */
export interface Merchant {
  readonly id: string;
  readonly name: string;
  /** False: it may not call; its payments, refunds and events go on to their end. */
  readonly enabled: boolean;
  readonly webhookUrl: string | null;
  /** Standard Webhooks secrets (`whsec_...`); every event is signed with each of them. */
  readonly webhookSecrets: readonly string[];
  readonly channels: 'all' | readonly string[];
  readonly limits: { readonly maxAmountMinor: number | null; readonly perMinute: number | null };
  /** Absent: it does not speak epay. */
  readonly epay?: EpayAccount;
}

/** What a shop that speaks epay has agreed with us. */
export interface EpayAccount {
  readonly pid: number;
  /** All of them are taken, so that a key can be replaced; the first one signs. */
  readonly keys: readonly string[];
  /** The kinds of signature that its requests may bear. */
  readonly signs: readonly EpaySign[];
  /** Of the shop, for RSA. */
  readonly publicKey: KeyObject | null;
  /** May it refund with nothing but its key? */
  readonly refunds: boolean;
  readonly notifyHosts: 'any' | readonly string[];
  /** False: notifications go out although the shop's certificate proves nothing. */
  readonly tlsVerify: boolean;
  /** How long an order can be paid before it has to be asked for again. */
  readonly expiresInMs: number;
}

export interface Merchants {
  byId(id: string): Merchant | undefined;
  /** The shop of an epay number. */
  byEpayPid(pid: number): Merchant | undefined;
  /** All who speak epay. */
  epayMerchants(): readonly Merchant[];
  /** Finds the owner of a secret key; compares hashes in constant time. */
  bySecretKey(key: string): Merchant | undefined;
}

/** A channel that is loaded: its adapter, what the admin says of it, and how long its calls may take. */
export interface Channel {
  readonly id: string;
  readonly providerId: string;
  readonly mode: 'sandbox' | 'live';
  readonly capabilities: readonly Capability[];
  readonly callbackUrl: 'per_request' | 'per_account';
  readonly adapter: ChannelAdapter;
  readonly profile: ChannelProfile;
  readonly timeouts: { readonly createMs: number; readonly queryMs: number; readonly refundMs: number };
  readonly breaker: BreakerSettings;
  /** Active queries of the agenda to this channel; what is above waits for its turn. */
  readonly queriesPerSecond: number;
}

export interface BreakerSettings {
  /** 0 to 1 */
  readonly failureRate: number;
  readonly minRequests: number;
  readonly windowMs: number;
  readonly openForMs: number;
}

/** What an admin has configured, already parsed; taken whole, replaced whole (I9). */
export interface GatewaySettings {
  readonly routing: RoutingSettings;
  readonly failover: { readonly maxAttempts: number; readonly budgetMs: number };
  readonly policies: Policies;
  readonly webhooks: {
    readonly timeoutMs: number;
    /** Private and loopback addresses are refused unless this is set (SSRF). */
    readonly allowPrivateAddresses: boolean;
    /** Deliveries to one shop's address at the same time; the others wait for their turn. */
    readonly concurrencyPerEndpoint: number;
    /** An address that has failed for so long is left alone but for a trial now and then. */
    readonly pauseAfterMs: number;
  };
  /** How often a channel is asked what our account there holds. */
  readonly balanceEveryMs: number;
  readonly publicUrl: string;
  /** The sandbox allows plain http for notify and return URLs. */
  readonly allowHttpUrls: boolean;
  /** What shops call ways to pay, beside the usual names, and the methods that they stand for. */
  readonly epayTypes: ReadonlyMap<string, readonly string[]>;
}

/** Encrypts personal data at rest. */
export interface Sealer {
  seal(plain: string): string;
  open(sealed: string): string;
}

export interface Clock {
  now(): EpochMs;
}

export interface WebhookRequest {
  /** Default: POST. */
  readonly method?: 'GET';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty with GET. */
  readonly body: string;
  readonly timeoutMs: number;
  readonly allowPrivateAddresses: boolean;
  /** Plain http, in the sandbox. */
  readonly allowHttp: boolean;
  /** Default: true. False: whatever certificate the shop shows. */
  readonly verifyTls?: false;
  /** Follows one redirect that leads to https and changes nothing else. */
  readonly followsToHttps?: true;
}

/** `refused`: the address may not be called (SSRF guard). */
export type WebhookAnswer =
  | {
      readonly outcome: 'answered';
      readonly status: number;
      readonly body: string;
      /** Of a redirect that was not followed: where to, without its query. */
      readonly location?: string;
      /** What the `Server` header says. */
      readonly server?: string;
    }
  | { readonly outcome: 'failed' | 'refused'; readonly reason: string };

/** Posts one event. Never throws, never follows a redirect, reads at most a few kilobytes of the answer. */
export type SendWebhook = (request: WebhookRequest, signal: AbortSignal) => Promise<WebhookAnswer>;
