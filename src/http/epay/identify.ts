import { createHash, timingSafeEqual } from 'node:crypto';
import { isSignedWithKey, isSignedWithRsa, type Parameters, signableStrings, signKindOf } from '../../epay/index.ts';
import type { EpayAccount, EpayOutcome, Merchant, Merchants } from '../../gateway/index.ts';
import { type EpaySign, err, ok, type Result } from '../../payment/index.ts';
import type { Sent } from './parameters.ts';

/** A shop that has proved who it is. */
export interface Identified {
  readonly merchant: Merchant;
  readonly account: EpayAccount;
  readonly sign: EpaySign;
}

/** Why it has not. */
export interface Unidentified {
  readonly outcome: Extract<EpayOutcome, 'nothing_sent' | 'unknown_pid' | 'bad_signature' | 'sign_kind_refused'>;
  /** The shop that the request speaks of, if there is one. */
  readonly merchant: Merchant | null;
}

/** The shop that a request names; nothing is proved yet. */
export function merchantNamed(parameters: Parameters, merchants: Merchants): Merchant | undefined {
  const pid = parameters.get('pid') ?? '';
  return /^[1-9]\d{0,8}$/.test(pid) ? merchants.byEpayPid(Number(pid)) : undefined;
}

/** Checks the signature over the text as it came, in one of the kinds that the shop may use. */
export function identifyBySign(parameters: Parameters, merchants: Merchants): Result<Identified, Unidentified> {
  if (!parameters.has('pid')) return err({ outcome: 'nothing_sent', merchant: null });
  const merchant = merchantNamed(parameters, merchants);
  const account = merchant?.epay;
  if (!merchant || !account) return err({ outcome: 'unknown_pid', merchant: null });
  const sign = signKindOf(parameters);
  if (sign === null || !account.signs.includes(sign)) return err({ outcome: 'sign_kind_refused', merchant });
  return isSigned(parameters, account, sign)
    ? ok({ merchant, account, sign })
    : err({ outcome: 'bad_signature', merchant });
}

function isSigned(parameters: Parameters, account: EpayAccount, sign: EpaySign): boolean {
  const given = (parameters.get('sign') ?? '').trim();
  const texts = signableStrings(parameters);
  if (sign === 'rsa') {
    const { publicKey } = account;
    // In a query that was not escaped, a plus has become a space.
    return publicKey !== null && texts.some((text) => isSignedWithRsa(text, publicKey, given.replaceAll(' ', '+')));
  }
  return texts.some((text) => account.keys.some((key) => isSignedWithKey(sign, text, key, given)));
}

/** Old calls name the key itself. One answer for a wrong key and a wrong number, so that nobody learns which numbers there are. */
export function identifyByKey(parameters: Parameters, merchants: Merchants): Result<Identified, Unidentified> {
  const merchant = merchantNamed(parameters, merchants);
  const given = digest(parameters.get('key') ?? '');
  const keys = merchant?.epay?.keys ?? [''];
  // Every key is compared, whichever fits.
  const fits = keys.map((key) => timingSafeEqual(digest(key), given) && key !== '').includes(true);
  if (!merchant?.epay) return err({ outcome: 'unknown_pid', merchant: null });
  if (!fits) return err({ outcome: 'bad_signature', merchant });
  // A shop that signs with RSA alone has nothing left that the key would prove.
  const sign = merchant.epay.signs.find((kind) => kind !== 'rsa');
  return sign ? ok({ merchant, account: merchant.epay, sign }) : err({ outcome: 'sign_kind_refused', merchant });
}

/**
 * Checks the signature of a call that asks, or asks for a refund. Buyers hold signed parameters, too: those that brought their order,
 * and those of the return that proved it paid. Neither makes a call of theirs the shop's.
 */
export function identifyCall(parameters: Parameters, merchants: Merchants): Result<Identified, Unidentified> {
  const identity = identifyBySign(parameters, merchants);
  const isBuyers = parameters.has('notify_url') || parameters.has('trade_status');
  return identity.ok && isBuyers ? err({ outcome: 'bad_signature', merchant: identity.value.merchant }) : identity;
}

/** The same for `api.php`, where the act has to be signed; but for the harmless one, which some clients leave out. */
export function identifySignedAct(
  { parameters, everything }: Sent,
  merchants: Merchants,
): Result<Identified, Unidentified> {
  const identity = identifyCall(parameters, merchants);
  const act = everything.get('act');
  if (act === undefined || (act === parameters.get('act') && identity.ok)) return identity;
  if (act === 'order') return identifyCall(new Map([...parameters].filter(([name]) => name !== 'act')), merchants);
  return identity.ok ? err({ outcome: 'bad_signature', merchant: identity.value.merchant }) : identity;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
