import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  alipayNotice,
  type Claim,
  type Craft,
  deliver,
  keysOf,
  type Message,
  type SignClaim,
  stripeEvent,
  wechatNotice,
} from './forger.ts';
import { type Answer, anOrder, type Stage } from './stage.ts';

/** One channel of the shipped configuration, with how its provider signs. */
export interface Line {
  readonly channel: string;
  readonly method: string;
  readonly scene: string;
  readonly sign: SignClaim;
  /** A trade number as this provider makes them. */
  readonly tradeNo: () => string;
}

const number = (digits: number) => Array.from({ length: digits }, () => Math.floor(Math.random() * 10)).join('');

export const ALIPAY: Line = {
  channel: 'alipay-main',
  method: 'alipay',
  scene: 'qr',
  sign: alipayNotice,
  tradeNo: () => `2026013122001${number(15)}`,
};
export const WECHAT: Line = {
  channel: 'wechatpay-main',
  method: 'wechatpay',
  scene: 'qr',
  sign: wechatNotice,
  tradeNo: () => `4200${number(24)}`,
};
export const STRIPE: Line = {
  channel: 'stripe-main',
  method: 'card',
  scene: 'redirect',
  sign: stripeEvent,
  tradeNo: () => `pi_3${number(23)}`,
};
export const LINES = [ALIPAY, WECHAT, STRIPE] as const;

/** An order that is open and unpaid at its provider: what an attacker wants to have confirmed. */
export interface Target {
  readonly id: string;
  readonly line: Line;
  readonly providerRef: string;
  /** Where its provider would send the callback, token and all. */
  readonly url: string;
  readonly before: Answer['body'];
}

export async function aTarget(stage: Stage, line: Line, set: Readonly<Record<string, unknown>> = {}): Promise<Target> {
  const { method, scene, channel } = line;
  const created = await stage.api(
    'POST',
    '/v1/payments',
    anOrder(stage, { methods: [method], scene, channel, ...set }),
  );
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  const { provider_ref: providerRef } = created.body.attempts[0];
  const { body: before } = await stage.api('GET', `/v1/payments/${created.body.id}`);
  return { id: created.body.id, line, providerRef, url: callbackUrl(stage, channel, providerRef), before };
}

/** Stripe has one address per account; the others were told one with the create. */
function callbackUrl(stage: Stage, channel: string, providerRef: string): string {
  if (channel.startsWith('stripe')) return `${stage.gateway().publicUrl}/callbacks/${channel}`;
  return bookOf(stage, channel, providerRef).detail.notifyUrl;
}

/** What the provider has written down of one order. */
export function bookOf(stage: Stage, channel: string, providerRef: string) {
  const books = readFileSync(join(stage.dataDir, 'sandbox', `${channel}.jsonl`), 'utf8');
  const lines = books.split('\n').filter((line) => line.includes(providerRef));
  return JSON.parse(lines.at(-1) ?? 'null');
}

export function keysFor(stage: Stage, channel: string) {
  return keysOf(join(stage.dataDir, 'sandbox'), channel);
}

/** A success of this order, signed with its provider's own key, but for what is set otherwise. */
export function success(stage: Stage, target: Target, claim: Partial<Claim> = {}, craft: Craft = {}): Message {
  const { line, providerRef, before } = target;
  const { amount: amountMinor, currency } = before;
  const said = { providerRef, amountMinor, currency, tradeNo: line.tradeNo(), ...claim };
  return line.sign(keysFor(stage, line.channel), said, craft);
}

/** Delivers a message that must be refused, and shows that it has changed nothing at all. */
export async function expectRefused(stage: Stage, target: Target, message: Message, url = target.url): Promise<void> {
  const answer = await deliver(url, message);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  // Alipay's word, Stripe's field and WeChat's code for "received".
  expect(answer.body).not.toMatch(/success|"received":true|\bok\b/i);
  await expectUntouched(stage, target);
}

export async function expectUntouched(stage: Stage, { id, before }: Target): Promise<void> {
  expect((await stage.api('GET', `/v1/payments/${id}`)).body).toEqual(before);
  expect(stage.shop.eventsOf(id)).toEqual([]);
}

/** The positive control of every forgery: what a provider really signs is believed. */
export async function expectPaid(stage: Stage, target: Target, message: Message): Promise<void> {
  const answer = await deliver(target.url, message);
  expect(answer.status, answer.body).toBeLessThan(300);
  expect((await stage.api('GET', `/v1/payments/${target.id}`)).body.status).toBe('succeeded');
}

/** All refusals of callbacks that were counted so far. */
export async function refusals(stage: Stage, channel: string): Promise<number> {
  let sum = 0;
  for (const outcome of ['bad_signature', 'malformed', 'unknown_payment', 'amount_mismatch']) {
    sum += await stage.metric(`switchyard_callbacks_total{channel="${channel}",outcome="${outcome}"}`);
  }
  return sum;
}

export function anomalies(stage: Stage, kind: string): Promise<number> {
  return stage.metric(`switchyard_anomalies_total{kind="${kind}"}`);
}
