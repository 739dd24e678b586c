declare const proof: unique symbol;

/**
 * Proof that a document is on stable storage. Only `src/store` may issue one (a dependency rule checks it), and a channel's
 * acknowledgement asks for one: so nothing is acknowledged before it is durable (I3), by type.
 */
export interface DurableReceipt {
  readonly [proof]: true;
}

export function issueDurableReceipt(): DurableReceipt {
  return {} as DurableReceipt;
}
