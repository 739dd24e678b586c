import type { Provider } from '../../src/channel/index.ts';
import type { Action, Money, Scene } from '../../src/payment/index.ts';

/** One way to ask a provider for money. */
export interface CreateCase {
  readonly scene: Scene;
  readonly method: string;
  readonly amount: Money;
  readonly action: Action['type'];
  /**
   * When the provider itself comes to know the order: with the create, when the buyer opens or scans it, or only when it is
   * paid. Before that a query and a close say `absent`. Default: `at_once`.
   */
  readonly exists?: 'at_once' | 'when_opened' | 'when_paid';
  /** Whether the provider stops taking money at `providerExpiresAt` by itself, or only when we close. Default: `by_itself`. */
  readonly expires?: 'by_itself' | 'by_our_close';
}

/** Where a callback's signature travels. What is signed is the body, or the query when the proof is in it. `json`: in a flat object. */
export type CallbackProof =
  | { readonly in: 'headers'; readonly names: readonly string[] }
  | { readonly in: 'form'; readonly names: readonly string[] }
  | { readonly in: 'query'; readonly names: readonly string[] }
  | { readonly in: 'json'; readonly names: readonly string[] };

/** A path into the credentials, for example `['webhook_secrets', 0]`. */
export type CredentialPath = readonly (string | number)[];

/**
 * What the contract suite has to know of a provider besides its adapter and simulator. What does not apply is said here, by
 * data, and the suite then tests that it does not apply.
 */
export interface ChannelSubject {
  readonly provider: Provider;
  /** Every scene that the adapter serves, online and offline ones; at least one. */
  readonly creates: readonly CreateCase[];
  /** Every secret and key in the sandbox's credentials. */
  readonly secrets: readonly CredentialPath[];
  /** The secret that our requests are signed or authorised with. */
  readonly requestSecret: CredentialPath;
  /** Fields of the credentials that every callback names and that must be ours; empty where callbacks name no account. */
  readonly accountFields: readonly string[];
  /** `timed`: the signature covers the time, and an old answer is refused. */
  readonly answers: 'unsigned' | 'signed' | 'timed';
  readonly callbackProof: CallbackProof;
  /** How old, or how far ahead, a callback's signed time may be; null where a callback carries no time that may be enforced. */
  readonly callbackWindowMs?: number | null;
  /**
   * `their_number`: an order can be asked about only by the trade number of its create's answer; without it, it counts as absent.
   * Default: `our_number`.
   */
  readonly queriedBy?: 'our_number' | 'their_number';
  /** Whether queries and callbacks tell when an order was paid. Default: `told`. */
  readonly paidAt?: 'told' | 'never_told';
  /**
   * When money moves. `by_our_capture`: the buyer approves, and the adapter's `capture` takes the money; an order that must not be
   * paid is simply not captured, and nobody but us knows that it is closed. Default: `by_the_buyer`.
   */
  readonly moneyMoves?: 'by_the_buyer' | 'by_our_capture';
  /** What stands in recorded exchanges where a secret went over the wire; absent where none does. */
  readonly leftOut?: string;
  /** For providers with the capability `refund`. */
  readonly refunds?: {
    /** Which ends of a refund they call back for. Default: both. */
    readonly calledBack?: readonly ('succeeded' | 'failed')[];
    /**
     * Which refunds a query tells of. `made_ones`: a refund that is not decided, or that has failed, looks like one that was
     * never sent; the answer to a repeat tells them apart. Default: `all`.
     */
    readonly queried?: 'all' | 'made_ones';
    /** `at_once`: a refund is made or refused by the answer to it, and none is ever pending. Default: `later`. */
    readonly decided?: 'at_once' | 'later';
  };
}

/** The value at a path of the credentials; throws when there is none, since the subject then names a wrong path. */
export function credentialAt(credentials: unknown, path: CredentialPath): unknown {
  const value = path.reduce((inner: unknown, key) => (isIndexable(inner) ? inner[key] : undefined), credentials);
  if (value === undefined) throw new Error(`the credentials have no ${path.join('.')}`);
  return value;
}

/** A copy of the credentials with another value at a path. */
export function withCredential(credentials: unknown, path: CredentialPath, value: unknown): unknown {
  const copy: unknown = structuredClone(credentials);
  const parent = credentialAt(copy, path.slice(0, -1));
  const last = path.at(-1);
  if (!isIndexable(parent) || last === undefined) throw new Error(`the credentials have no ${path.join('.')}`);
  parent[last] = value;
  return copy;
}

function isIndexable(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null;
}
