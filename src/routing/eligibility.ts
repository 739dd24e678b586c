import type { EpochMs, ExclusionReason } from '../payment/index.ts';
import { pacedMinor } from './pacing.ts';
import { ruleAgainst } from './rules.ts';
import type { ChannelProfile, ChannelView, RoutingRequest } from './types.ts';
import { DEFAULT_ZONE, periodAt } from './wall-clock.ts';
import { maintenanceAt } from './windows.ts';

/**
 * Why this channel may not take this payment, or null when it may. Only the first reason counts, and the order is fixed:
 * what this request asks (`pinned_elsewhere`, `already_tried`), what the admin set (`disabled`, `draining`, `merchant`), what
 * the channel offers or asks for (`method`, `currency`, `scene`, `customer_ip_missing`, amount limits), the admin's `rule`, and last what
 * passes by itself (`maintenance`, `daily_limit`, `rate_limit`, `breaker_open`, `cooling_down`, `daily_pacing`). So a reason that waiting
 * mends is told only when waiting would help, and pacing, which gives way when nobody else is left, only when it alone stands against it.
 */
export function exclusionOf(view: ChannelView, request: RoutingRequest, now: EpochMs): ExclusionReason | null {
  const { profile } = view;
  if (request.pinnedChannelId !== null && request.pinnedChannelId !== profile.id) return 'pinned_elsewhere';
  if (request.triedChannelIds.includes(profile.id)) return 'already_tried';
  if (!profile.enabled) return 'disabled';
  if (profile.weight <= 0) return 'draining';
  if (request.merchantChannels !== 'all' && !request.merchantChannels.includes(profile.id)) return 'merchant';
  const reason = unsuitable(view, request);
  if (reason !== null) return reason;
  if (request.rules !== undefined && ruleAgainst(profile.id, request.rules) !== null) return 'rule';
  return unavailable(view, request, now);
}

/** Whether an admin lets new orders go to a channel; a draining or disabled one still serves those that it has. */
export function takesOrders({ enabled, weight }: Pick<ChannelProfile, 'enabled' | 'weight'>): boolean {
  return enabled && weight > 0;
}

/** The method that a channel would use: the first of those asked for that it offers; its own first when none was named. */
export function methodFor(profile: ChannelProfile, methods: readonly string[]): string | null {
  if (methods.length === 0) return profile.methods[0] ?? null;
  for (const method of methods) if (profile.methods.includes(method)) return method;
  return null;
}

function unsuitable({ profile, needsBuyerIp }: ChannelView, request: RoutingRequest): ExclusionReason | null {
  const { amount } = request;
  if (methodFor(profile, request.methods) === null) return 'method';
  if (!profile.currencies.includes(amount.currency)) return 'currency';
  if (!profile.scenes.includes(request.scene)) return 'scene';
  if (!request.buyerIpKnown && needsBuyerIp(request.scene)) return 'customer_ip_missing';
  if (amount.minor < profile.limits.minMinor) return 'amount_below_min';
  if (profile.limits.maxMinor !== null && amount.minor > profile.limits.maxMinor) return 'amount_above_max';
  return null;
}

function unavailable(view: ChannelView, request: RoutingRequest, now: EpochMs): ExclusionReason | null {
  const { limits, maintenance, timezone = DEFAULT_ZONE } = view.profile;
  const { dailyMinor, perMinute, pacing } = limits;
  if (maintenance !== undefined && maintenanceAt(maintenance, now) !== null) return 'maintenance';
  if (dailyMinor !== null && view.usedTodayMinor + request.amount.minor > dailyMinor) return 'daily_limit';
  if (perMinute !== null && view.startedThisMinute >= perMinute) return 'rate_limit';
  if (view.breakerOpen) return 'breaker_open';
  if (view.coolingDown) return 'cooling_down';
  if (pacing === 'even' && dailyMinor !== null) {
    const free = pacedMinor(dailyMinor, periodAt('day', timezone, now), now);
    if (view.usedTodayMinor + request.amount.minor > free) return 'daily_pacing';
  }
  return null;
}
