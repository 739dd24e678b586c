import type { ExclusionReason } from '../payment/index.ts';
import type { ChannelProfile, ChannelView, RoutingRequest } from './types.ts';

/**
 * Why this channel may not take this payment, or null when it may. Only the first reason counts, and the order is fixed:
 * what this request asks (`pinned_elsewhere`, `already_tried`), what the admin set (`disabled`, `draining`, `merchant`), what
 * the channel offers or asks for (`method`, `currency`, `scene`, `customer_ip_missing`, amount limits), and last what passes by
 * itself (`daily_limit`, `rate_limit`, `breaker_open`, `cooling_down`). So a reason that waiting mends is told only when waiting would help.
 */
export function exclusionOf(view: ChannelView, request: RoutingRequest): ExclusionReason | null {
  const { profile } = view;
  if (request.pinnedChannelId !== null && request.pinnedChannelId !== profile.id) return 'pinned_elsewhere';
  if (request.triedChannelIds.includes(profile.id)) return 'already_tried';
  if (!profile.enabled) return 'disabled';
  if (profile.weight <= 0) return 'draining';
  if (request.merchantChannels !== 'all' && !request.merchantChannels.includes(profile.id)) return 'merchant';
  return unsuitable(view, request) ?? unavailable(view, request);
}

/** The method that a channel would use: the first of those asked for that it offers; its own first when none was named. */
export function methodFor(profile: ChannelProfile, methods: readonly string[]): string | null {
  if (methods.length === 0) return profile.methods[0] ?? null;
  return methods.find((method) => profile.methods.includes(method)) ?? null;
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

function unavailable(view: ChannelView, request: RoutingRequest): ExclusionReason | null {
  const { dailyMinor, perMinute } = view.profile.limits;
  if (dailyMinor !== null && view.usedTodayMinor + request.amount.minor > dailyMinor) return 'daily_limit';
  if (perMinute !== null && view.startedThisMinute >= perMinute) return 'rate_limit';
  if (view.breakerOpen) return 'breaker_open';
  if (view.coolingDown) return 'cooling_down';
  return null;
}
