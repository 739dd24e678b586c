/** A parsed JSON object of which nothing is known yet. */
export type StoredObject = Readonly<Record<string, unknown>>;

/** True for what JSON calls an object. */
export function isStoredObject(value: unknown): value is StoredObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Turns a document of an earlier schema into one of the current schema; any other value comes back as it is. Pure, and repeated at
 * every read until the payment is written again. It checks nothing: what comes out is checked as any stored document is.
 */
export function bringForward(document: StoredObject): StoredObject {
  return document.schema === 1 ? fromSchema1(document) : document;
}

/**
 * Schema 1 knew one policy, and reported money that should not have come for a person to return by hand. Whether that was done
 * only a person can say, so it is held, and somebody is reminded at once.
 */
function fromSchema1(document: StoredObject): StoredObject {
  const { policies, attempts } = document;
  const next = {
    ...document,
    schema: 2,
    policies: {
      ...(isStoredObject(policies) ? policies : {}),
      surplus: 'refund',
      amountMismatch: 'hold',
      paidKnownWithinMs: 60_000,
    },
    attempts: Array.isArray(attempts) ? attempts.map(withMoney) : attempts,
  };
  return Array.isArray(attempts) && attempts.some(isUnwanted) ? withReminder(next) : next;
}

function isSuccess(attempt: unknown): attempt is StoredObject {
  return isStoredObject(attempt) && attempt.status === 'succeeded';
}

function isUnwanted(attempt: unknown): boolean {
  return isSuccess(attempt) && attempt.effect !== 'effective';
}

function withMoney(attempt: unknown): unknown {
  if (!isSuccess(attempt)) return attempt;
  const paidMinor = isStoredObject(attempt.amount) ? attempt.amount.minor : undefined;
  return { ...attempt, paidMinor, disposition: isUnwanted(attempt) ? 'hold' : 'keep' };
}

/** The column that makes a payment due is set by the same rule when a file is brought forward. */
function withReminder(document: StoredObject): StoredObject {
  const { agenda, nextDueAt, updatedAt } = document;
  if (!Array.isArray(agenda) || typeof updatedAt !== 'number') return document;
  return {
    ...document,
    agenda: [...agenda, { kind: 'remind', at: updatedAt }],
    nextDueAt: typeof nextDueAt === 'number' ? Math.min(nextDueAt, updatedAt) : updatedAt,
  };
}
