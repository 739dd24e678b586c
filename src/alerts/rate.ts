const HOUR_MS = 3_600_000;

/** What one receiver got within the last hour, and how many messages were held back since it was last told so. */
export interface Window {
  /** Milliseconds since 1970, oldest first. */
  readonly sentAt: readonly number[];
  readonly held: number;
}

export const EMPTY_WINDOW: Window = { sentAt: [], held: 0 };

/** How long until there is room for one more message; 0 is now. Times of a clock that was set back do not count. */
export function waitMs(
  { sentAt }: Window,
  { now, perHour }: { readonly now: number; readonly perHour: number },
): number {
  const recent = sentAt.filter((at) => at <= now && now - at < HOUR_MS);
  const first = recent[recent.length - perHour];
  return first === undefined ? 0 : first + HOUR_MS - now;
}

/** With one message more; what is older than an hour is forgotten, and so is all above `perHour`. */
export function withSent(window: Window, { now, perHour }: { readonly now: number; readonly perHour: number }): Window {
  const recent = window.sentAt.filter((at) => at <= now && now - at < HOUR_MS);
  return { ...window, sentAt: [...recent, now].slice(-perHour) };
}
