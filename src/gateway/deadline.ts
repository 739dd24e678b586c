/** How long after its signal something may take to return before it is left behind. */
const STRAGGLER_MS = 250;

/**
 * Runs something that has to end by its signal, and goes on without it when it does not: then the answer is `leftBehind`'s and
 * what comes later is dropped. A rejection is passed on.
 */
export async function withDeadline<T>(
  { timeoutMs, signal: outer }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  run: (signal: AbortSignal) => Promise<T>,
  leftBehind: () => T,
): Promise<T> {
  const timeout = new AbortController();
  const signal = outer ? AbortSignal.any([timeout.signal, outer]) : timeout.signal;
  const soft = setTimeout(() => timeout.abort(), timeoutMs);
  const straggler = Promise.withResolvers<T>();
  let hard: NodeJS.Timeout | undefined;
  const waitABit = (): void => {
    hard = setTimeout(() => straggler.resolve(leftBehind()), STRAGGLER_MS);
  };
  signal.addEventListener('abort', waitABit, { once: true });
  if (signal.aborted) waitABit();
  try {
    return await Promise.race([run(signal), straggler.promise]);
  } finally {
    signal.removeEventListener('abort', waitABit);
    clearTimeout(soft);
    clearTimeout(hard);
  }
}

/** Waits, or comes back at once when the signal ends the waiting. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const over = Promise.withResolvers<void>();
  const end = (): void => over.resolve();
  const timer = setTimeout(end, ms);
  signal.addEventListener('abort', end, { once: true });
  await over.promise;
  signal.removeEventListener('abort', end);
  clearTimeout(timer);
}
