/** What each part of the store gets to answer; a status must come when it is needed most. */
const ANSWER_MS = 700;

export type Answer<T> =
  | { readonly ok: true; readonly value: T; readonly reason: null }
  | { readonly ok: false; readonly reason: string };

/**
 * A question with a limit to waiting. Who asks while an earlier one hangs waits for that one, so that a page that is loaded again and
 * again does not pile questions up in a store that is ill.
 */
export function bounded<T>(ask: () => Promise<T>): () => Promise<Answer<T>> {
  let asked: Promise<Answer<T>> | undefined;
  return async () => {
    asked ??= ask()
      .then(
        (value): Answer<T> => ({ ok: true, value, reason: null }),
        // The words of a driver may hold addresses and names.
        (thrown: unknown): Answer<T> => ({ ok: false, reason: thrown instanceof Error ? thrown.name : 'failed' }),
      )
      .finally(() => {
        asked = undefined;
      });
    const late = Promise.withResolvers<Answer<T>>();
    const timer = setTimeout(() => late.resolve({ ok: false, reason: `no answer within ${ANSWER_MS} ms` }), ANSWER_MS);
    try {
      return await Promise.race([asked, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}
