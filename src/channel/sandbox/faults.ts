import { z } from 'zod';
import type { Faults } from './contract.ts';

/** A simulator that behaves. */
export const NO_FAULTS: Faults = {
  latency_ms: 0,
  error_rate: 0,
  outage: false,
  timeout_after_create_rate: 0,
  timeout_after_capture_rate: 0,
  timeout_after_refund_rate: 0,
  drop_callbacks: 0,
  duplicate_callbacks: 0,
  reorder: false,
  wrong_amount: false,
  wrong_signature: false,
  pay_through: 0,
  answer: 'normal',
  refunds: 'normal',
  confirm_after_ms: 0,
  callback_before_answer: false,
};

const share = z.number().min(0).max(1);

/** The body of `POST …/faults`: what is left out is off, so `{}` clears everything. */
export const faultsSchema = z
  .strictObject({
    latency_ms: z.int().min(0).max(120_000),
    error_rate: share,
    outage: z.boolean(),
    timeout_after_create_rate: share,
    timeout_after_capture_rate: share,
    timeout_after_refund_rate: share,
    drop_callbacks: share,
    duplicate_callbacks: z.int().min(0).max(50),
    reorder: z.boolean(),
    wrong_amount: z.boolean(),
    wrong_signature: z.boolean(),
    pay_through: share,
    answer: z.enum([
      'normal',
      'reset_before',
      'reset_after',
      'html_502',
      'truncated',
      'slow_body',
      'unsigned',
      'wrong_key',
      'stale',
    ]),
    refunds: z.enum(['normal', 'pending', 'failed', 'no_balance']),
    confirm_after_ms: z.int().min(0).max(86_400_000),
    callback_before_answer: z.boolean(),
  })
  .partial();

export type FaultsPatch = { readonly [Name in keyof Faults]?: Faults[Name] | undefined };

/** Draws once for a rate of 0 to 1; draws nothing for 0, so that an unused fault does not shift a seeded sequence. */
export function strikes(rate: number, random: () => number): boolean {
  return rate > 0 && random() < rate;
}
