import { expect, test } from 'vitest';
import {
  type ChannelProfile,
  type ChannelView,
  exclusionOf as exclusionAt,
  methodFor,
  type RoutingRequest,
} from '../../src/routing/index.ts';
import { aProfile, aRequest, aView, cny, NEW_YEAR, type ViewParts } from './builders.ts';

const exclusionOf = (view: ChannelView, request: RoutingRequest) => exclusionAt(view, request, NEW_YEAR);

const limits = { minMinor: 100, maxMinor: 10_000, dailyMinor: 20_000, perMinute: 3 };

test('a channel that offers everything asked for may take the payment', () => {
  expect(exclusionOf(aView(), aRequest())).toBeNull();
});

test.each([
  ['pinned_elsewhere', aView(), aRequest({ pinnedChannelId: 'wechatpay-main' })],
  ['already_tried', aView(), aRequest({ triedChannelIds: ['alipay-main'] })],
  ['disabled', aView({ profile: { enabled: false } }), aRequest()],
  ['draining', aView({ profile: { weight: 0 } }), aRequest()],
  ['merchant', aView(), aRequest({ merchantChannels: ['wechatpay-main'] })],
  ['method', aView(), aRequest({ methods: ['card'] })],
  ['method', aView({ profile: { methods: [] } }), aRequest({ methods: [] })],
  ['currency', aView(), aRequest({ amount: { minor: 5_000, currency: 'EUR' } })],
  ['scene', aView(), aRequest({ scene: 'inapp' })],
  [
    'customer_ip_missing',
    aView({ needsBuyerIp: (scene) => scene === 'wap' }),
    aRequest({ scene: 'wap', buyerIpKnown: false }),
  ],
  ['amount_below_min', aView({ profile: { limits } }), aRequest({ amount: cny(99) })],
  ['amount_above_max', aView({ profile: { limits } }), aRequest({ amount: cny(10_001) })],
  ['daily_limit', aView({ profile: { limits }, usedTodayMinor: 15_001 }), aRequest()],
  ['rate_limit', aView({ profile: { limits }, startedThisMinute: 3 }), aRequest()],
  ['breaker_open', aView({ breakerOpen: true }), aRequest()],
  ['cooling_down', aView({ coolingDown: true }), aRequest()],
])('a channel is excluded with the reason %s', (reason, view, request) => {
  expect(exclusionOf(view, request)).toBe(reason);
});

test('limits are inclusive: the smallest, the largest and the last amount of the day still pass', () => {
  const profile = { limits };
  expect(exclusionOf(aView({ profile }), aRequest({ amount: cny(100) }))).toBeNull();
  expect(exclusionOf(aView({ profile }), aRequest({ amount: cny(10_000) }))).toBeNull();
  expect(exclusionOf(aView({ profile, usedTodayMinor: 15_000, startedThisMinute: 2 }), aRequest())).toBeNull();
});

test('the address of the buyer is asked for only in the scenes that need it', () => {
  const view = aView({ needsBuyerIp: (scene) => scene === 'wap' });
  expect(exclusionOf(view, aRequest({ scene: 'wap', buyerIpKnown: true }))).toBeNull();
  expect(exclusionOf(view, aRequest({ scene: 'qr', buyerIpKnown: false }))).toBeNull();
});

test('a pin to the channel and a list that names it leave it eligible', () => {
  const request = aRequest({ pinnedChannelId: 'alipay-main', merchantChannels: ['alipay-main'] });
  expect(exclusionOf(aView(), request)).toBeNull();
});

test('of several reasons the first in the fixed order is told, what waiting mends last', () => {
  const minMax = { ...limits, minMinor: 6_000, maxMinor: 4_000 };
  let profile: Partial<ChannelProfile> = {
    enabled: false,
    weight: 0,
    methods: ['card'],
    currencies: [],
    limits: minMax,
  };
  let now: ViewParts = {
    needsBuyerIp: (scene) => scene === 'qr',
    breakerOpen: true,
    coolingDown: true,
    usedTodayMinor: 20_000,
    startedThisMinute: 3,
  };
  let request: Partial<RoutingRequest> = {
    pinnedChannelId: 'other',
    triedChannelIds: ['alipay-main'],
    merchantChannels: [],
    scene: 'inapp',
    buyerIpKnown: false,
  };
  const reason = () => exclusionOf(aView({ ...now, profile }), aRequest(request));
  const mend = {
    request: (set: typeof request) => {
      request = { ...request, ...set };
    },
    profile: (set: typeof profile) => {
      profile = { ...profile, ...set };
    },
    now: (set: typeof now) => {
      now = { ...now, ...set };
    },
  };

  expect(reason()).toBe('pinned_elsewhere');
  mend.request({ pinnedChannelId: null });
  expect(reason()).toBe('already_tried');
  mend.request({ triedChannelIds: [] });
  expect(reason()).toBe('disabled');
  mend.profile({ enabled: true });
  expect(reason()).toBe('draining');
  mend.profile({ weight: 100 });
  expect(reason()).toBe('merchant');
  mend.request({ merchantChannels: 'all' });
  expect(reason()).toBe('method');
  mend.profile({ methods: ['alipay'] });
  expect(reason()).toBe('currency');
  mend.profile({ currencies: ['CNY'] });
  expect(reason()).toBe('scene');
  mend.request({ scene: 'qr' });
  expect(reason()).toBe('customer_ip_missing');
  mend.request({ buyerIpKnown: true });
  expect(reason()).toBe('amount_below_min');
  mend.profile({ limits: { ...minMax, minMinor: 1 } });
  expect(reason()).toBe('amount_above_max');
  mend.profile({ limits });
  expect(reason()).toBe('daily_limit');
  mend.now({ usedTodayMinor: 0 });
  expect(reason()).toBe('rate_limit');
  mend.now({ startedThisMinute: 0 });
  expect(reason()).toBe('breaker_open');
  mend.now({ breakerOpen: false });
  expect(reason()).toBe('cooling_down');
  mend.now({ coolingDown: false });
  expect(reason()).toBeNull();
});

test('the method is the first of those asked for that the channel offers, whatever the order it offers them in', () => {
  const profile = aProfile({ methods: ['wechatpay', 'alipay'] });
  expect(methodFor(profile, ['card', 'alipay', 'wechatpay'])).toBe('alipay');
  expect(methodFor(profile, [])).toBe('wechatpay');
  expect(methodFor(profile, ['card'])).toBeNull();
});
