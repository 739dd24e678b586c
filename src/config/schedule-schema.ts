import { z } from 'zod';
import { AMOUNT_MINOR_MAX, type FeeSchedule } from '../payment/index.ts';
import { DEFAULT_ZONE, isTimeZone, type MaintenanceWindow } from '../routing/index.ts';
import { orNull, section, sharePpm } from './units.ts';

const minor = (words?: typeof orNull) => z.int(words).min(0).max(AMOUNT_MINOR_MAX);

const TIERS_MAX = 20;
const WINDOWS_MAX = 50;
const DAY_MINUTES = 24 * 60;
const REASON_CHARS_MAX = 200;

/** `fee` of a channel. */
export const feeSchema = z
  .strictObject({
    rate: sharePpm(),
    fixed: minor().default(0),
    min: minor().default(0),
    max: minor().nullable().default(null),
    tiers: z
      .array(z.strictObject({ from: z.int().min(1), rate: sharePpm() }))
      .max(TIERS_MAX)
      .default([]),
    tier_period: z.enum(['month', 'day']).default('month'),
  })
  .refine((fee) => fee.max === null || fee.min <= fee.max, { path: ['min'], error: 'must not be more than fee.max' })
  .superRefine(({ tiers }, context) => {
    for (const [index, { from }] of tiers.entries()) {
      const before = tiers[index - 1]?.from;
      const message = 'must be more than that of the tier before; tiers ascend';
      if (before !== undefined && from <= before)
        context.addIssue({ code: 'custom', path: ['tiers', index, 'from'], message });
    }
  })
  .transform(({ rate, fixed, min, max, tiers, tier_period }): FeeSchedule => {
    const flat = { ratePpm: rate, fixedMinor: fixed, minMinor: min, maxMinor: max };
    if (tiers.length === 0) return flat;
    return { ...flat, tiers: tiers.map((t) => ({ fromMinor: t.from, ratePpm: t.rate })), tierPeriod: tier_period };
  });

/** `limits` of a channel. */
export const limitsSchema = section({
  min: minor().default(1),
  max: minor(orNull).nullable().default(null),
  daily: z.int(orNull).min(1).nullable().default(null),
  per_minute: z.int(orNull).min(1).max(1_000_000).nullable().default(null),
  pacing: z.enum(['none', 'even']).default('none'),
})
  .refine((limits) => limits.max === null || limits.min <= limits.max, {
    path: ['min'],
    error: 'must not be more than limits.max',
  })
  .refine((limits) => limits.daily === null || limits.daily < 1 || limits.min <= limits.daily, {
    path: ['daily'],
    error: 'must not be less than limits.min: the channel could take no payment at all',
  })
  .refine((limits) => limits.pacing === 'none' || limits.daily !== null, {
    path: ['pacing'],
    error: 'paces limits.daily, which is not set; set it, or pacing to none',
  });

/** `timezone` of a channel or a window. */
export const zoneSchema = () =>
  z.string().refine(isTimeZone, 'is not a time zone; write for example Asia/Shanghai, Europe/Berlin or UTC');

const reason = () => z.string().min(1).max(REASON_CHARS_MAX).optional();

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/;
const CLOCK_TIMES = /^([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/;

const moment = () =>
  z.string().transform((text, context) => {
    // Date.parse takes 30 February for 2 March.
    const isMoment = MOMENT.test(text) && z.iso.date().safeParse(text.slice(0, 10)).success;
    const at = isMoment ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(at)) return at;
    const message = 'is not a time with its offset; write for example 2026-12-01T02:00:00+08:00';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const clockTimes = () =>
  z.string().transform((text, context) => {
    const match = CLOCK_TIMES.exec(text);
    if (match) {
      const [, fromHour, fromMinute, toHour, toMinute] = match;
      const from = Number(fromHour) * 60 + Number(fromMinute);
      const to = toHour === undefined ? DAY_MINUTES : Number(toHour) * 60 + Number(toMinute);
      if (from !== to) return { from, to };
    }
    const message = 'is not a part of a day; write for example "02:00-02:30", or "23:30-00:30" for over midnight';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const once = z
  .strictObject({ from: moment(), to: moment(), reason: reason() })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be later than from' })
  .transform(({ from, to, reason: why }): MaintenanceWindow => ({ kind: 'once', from, to, reason: why ?? null }));

/** The zone that a daily window without one has is the channel's; that is filled in when the channel is assembled. */
const daily = z.strictObject({ daily: clockTimes(), timezone: zoneSchema().optional(), reason: reason() }).transform(
  ({ daily: { from, to }, timezone, reason: why }): DailyEntry => ({
    ...{ kind: 'daily', fromMinute: from, toMinute: to, reason: why ?? null },
    ...(timezone !== undefined && { zone: timezone }),
  }),
);

type DailyWindow = Extract<MaintenanceWindow, { kind: 'daily' }>;
type DailyEntry = Omit<DailyWindow, 'zone'> & { readonly zone?: string };

/** `maintenance` of a channel: each window is told by whether it has `daily`, so that its faults are those of its own form. */
export const maintenanceSchema = z
  .array(
    z.unknown().transform((value, context) => {
      const isDaily = typeof value === 'object' && value !== null && 'daily' in value;
      const parsed = (isDaily ? daily : once).safeParse(value, { error: (issue) => windowWording(issue) });
      if (parsed.success) return parsed.data;
      for (const issue of parsed.error.issues) {
        const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [];
        const known = isDaily ? 'daily, timezone, reason' : 'from, to, reason; or daily, timezone, reason';
        for (const key of unknown) {
          context.addIssue({ code: 'custom', path: [key], message: `is not a known key; a window has ${known}` });
        }
        if (unknown.length === 0) context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
      }
      return z.NEVER;
    }),
  )
  .max(WINDOWS_MAX)
  .default([]);

function windowWording(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined) return 'is required';
  return issue.expected === 'string' ? 'must be a text; put quotes around it' : 'must be a map';
}

/** The windows of a channel with the time zone of each. */
export function windowsOf(
  entries: z.output<typeof maintenanceSchema>,
  channelZone: string = DEFAULT_ZONE,
): readonly MaintenanceWindow[] {
  return entries.map((entry) => (entry.kind === 'once' ? entry : { ...entry, zone: entry.zone ?? channelZone }));
}
