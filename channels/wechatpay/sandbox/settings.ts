import { z } from 'zod';

/** How this simulated merchant checks WeChat's signatures. */
type KeyMode = 'public_key' | 'certificate' | 'mixed';

/** What the simulated account is like, beyond the faults that every simulator has. */
export interface Settings {
  readonly keyMode: KeyMode;
  /** So many of the next callbacks carry a signature that is wrong on purpose, as WeChat tests its merchants. */
  readonly signTestCallbacks: number;
  readonly signTestAnswers: number;
  /** How far apart two refunds of one order have to be. WeChat asks for a minute; 0 asks for nothing. */
  readonly refundIntervalMs: number;
  /** Every API call ends with this error (a frozen merchant, a new error code); null when none does. */
  readonly refuseWith: { readonly status: number; readonly code: string; readonly message: string } | null;
}

export const DEFAULT_SETTINGS: Settings = {
  keyMode: 'public_key',
  signTestCallbacks: 0,
  signTestAnswers: 0,
  refundIntervalMs: 0,
  refuseWith: null,
};

/** The body of `POST /<channel id>/_sandbox`: each field is one wish, what is absent stays as it is. */
export const controlSchema = z.strictObject({
  key_mode: z.enum(['public_key', 'certificate', 'mixed']).optional(),
  sign_test_callbacks: z.int().min(0).max(100).optional(),
  sign_test_answers: z.int().min(0).max(100).optional(),
  refund_interval_ms: z.int().min(0).max(600_000).optional(),
  refuse_with: z
    .strictObject({ status: z.int().min(202).max(599), code: z.string().min(1).max(64), message: z.string().max(256) })
    .nullable()
    .optional(),
  /** WeChat puts a new platform certificate beside the old one. */
  rotate_certificate: z.literal(true).optional(),
  /** The buyer's bank cannot take this refund, which is pending: it becomes ABNORMAL until the control API settles it. */
  stuck_refund: z.strictObject({ refund_no: z.string().max(64) }).optional(),
  /** The buyer is entering the password: for so long the order is USERPAYING and cannot be closed. */
  paying: z.strictObject({ provider_ref: z.string().max(64), for_ms: z.int().min(0).max(600_000) }).optional(),
});
export type Wishes = z.infer<typeof controlSchema>;

export function withWishes(settings: Settings, wishes: Wishes): Settings {
  return {
    keyMode: wishes.key_mode ?? settings.keyMode,
    signTestCallbacks: wishes.sign_test_callbacks ?? settings.signTestCallbacks,
    signTestAnswers: wishes.sign_test_answers ?? settings.signTestAnswers,
    refundIntervalMs: wishes.refund_interval_ms ?? settings.refundIntervalMs,
    refuseWith: wishes.refuse_with === undefined ? settings.refuseWith : wishes.refuse_with,
  };
}
