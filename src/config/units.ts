import { z } from 'zod';

const MS_BY_UNIT: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const SHARE = /^(\d{1,3})(?:\.(\d{1,4}))?%$/;
const PPM_MAX = 1_000_000;

/** `250ms 3s 10m 2h 1d` -> milliseconds, or null. */
export function parseDurationMs(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const unitMs = MS_BY_UNIT.get(match?.[2] ?? '');
  if (!match || unitMs === undefined) return null;
  const ms = Number(match[1]) * unitMs;
  return Number.isSafeInteger(ms) ? ms : null;
}

/** `0.6%` -> 6000 parts per million, exactly, from the decimal text (I11: no float comes near a fee); or null. */
export function parseSharePpm(text: string): number | null {
  const match = SHARE.exec(text);
  if (!match) return null;
  const ppm = Number(`${match[1]}${(match[2] ?? '').padEnd(4, '0')}`);
  return ppm <= PPM_MAX ? ppm : null;
}

/** A duration in milliseconds between two durations, both included. */
export function durationMs(bounds: { readonly min: string; readonly max: string }) {
  const min = parseDurationMs(bounds.min) ?? 0;
  const max = parseDurationMs(bounds.max) ?? 0;
  const what = 'is not a duration; write for example 250ms, 3s, 10m, 2h or 1d';
  return z.string(orRequired(what)).transform((text, context) => {
    const ms = parseDurationMs(text);
    if (ms !== null && ms >= min && ms <= max) return ms;
    context.addIssue({
      code: 'custom',
      message: ms === null ? what : `must be between ${bounds.min} and ${bounds.max}`,
    });
    return z.NEVER;
  });
}

/** A share in parts per million, 0 to 1,000,000. */
export function sharePpm() {
  const what = 'is not a share; write it with a percent sign and at most four decimals, for example 0.6%';
  return z.string(orRequired(what)).transform((text, context) => {
    const ppm = parseSharePpm(text);
    if (ppm !== null) return ppm;
    const negative = 'is not a share: it is negative; write for example 0.6%';
    const message = SHARE.test(text) ? 'must be at most 100%' : text.startsWith('-') ? negative : what;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

/** A share as a number from 0 to 1, for ratios that are no money. */
export function shareRatio() {
  return sharePpm().transform((ppm) => ppm / PPM_MAX);
}

/** A map with exactly these keys. An empty one (`alerts:` with everything below commented out) is an absent one. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.preprocess((value) => value ?? {}, z.strictObject(shape));
}

/** A list of different texts, at least one. */
export function distinctList<Item extends z.ZodType<string>>(item: Item) {
  return z
    .array(item)
    .min(1)
    .max(100)
    .refine((items) => new Set(items).size === items.length, 'names something twice');
}

/** For a number that may be left away: people write `none` or `unlimited`. */
export const orNull = {
  error: ({ code, input }: { readonly code?: string; readonly input?: unknown }): string | undefined =>
    code === 'invalid_type' && typeof input === 'string' ? 'must be a number, or null for no limit' : undefined,
};

function orRequired(what: string) {
  return { error: (issue: { input?: unknown }) => (issue.input === undefined ? 'is required' : what) };
}
