import { z } from 'zod';
import type { ChannelError } from '../../src/channel/index.ts';
import { type EpochMs, ok, parseProviderRef, type Result } from '../../src/payment/index.ts';
import type { StripeClient } from './client.ts';
import { FLOW_KEY, type Intent, intentSchema, refOf, type Session, sessionSchema } from './objects.ts';

const MINUTE = 60_000;
/** How far Stripe's clock may be from ours. */
const CLOCK_SKEW_MS = 5 * MINUTE;
/** Attempts are opened with their payment or seconds later; a payment lives a day at most. */
const OPENED_SOON_MS = 10 * MINUTE;
const OPENED_AT_ALL_MS = 25 * 60 * MINUTE;
const PAGE = 100;
const PAGES_MAX = 10;

/** `too_many`: the account made more objects in that time than we look through, so nothing is proven. */
export type Located =
  | { readonly found: Session | Intent }
  | { readonly found: null; readonly because: 'none' | 'too_many' };

interface Window {
  readonly gte: number;
  readonly lte: number;
}

/**
 * Finds an order whose create answer was lost. Sessions cannot be searched and PaymentIntents only with a delay, but lists
 * are read-after-write, and our reference says when its payment was made: so the lists of that time are looked through.
 * @see https://docs.stripe.com/search#data-freshness
 */
export async function locate(
  client: StripeClient,
  providerRef: string,
  now: EpochMs,
  signal: AbortSignal,
): Promise<Result<Located, ChannelError>> {
  let cut = false;
  for (const window of windowsOf(providerRef, now)) {
    const [sessions, intents] = await Promise.all([
      findIn(
        sessionSchema,
        (s) => refOf(s) === providerRef,
        client,
        signal,
        (stripe, page) => stripe.checkout.sessions.list({ ...page, created: window }),
      ),
      findIn(
        intentSchema,
        (i) => refOf(i) === providerRef && i.metadata?.[FLOW_KEY] === 'intent',
        client,
        signal,
        (stripe, page) => stripe.paymentIntents.list({ ...page, created: window }),
      ),
    ]);
    if (!sessions.ok) return sessions;
    if (!intents.ok) return intents;
    const found = sessions.value.found ?? intents.value.found;
    if (found !== null) return ok({ found });
    cut ||= sessions.value.cut || intents.value.cut;
  }
  return ok({ found: null, because: cut ? 'too_many' : 'none' });
}

type AskPage = (
  stripe: Parameters<Parameters<StripeClient['ask']>[2]>[0],
  page: { limit: number; starting_after?: string },
) => Promise<unknown>;

/** Looks through a list page by page, newest first. `cut`: it is longer than we look, so nothing is proven. */
export async function findIn<T>(
  item: z.ZodType<T>,
  fits: (object: T) => boolean,
  client: StripeClient,
  signal: AbortSignal,
  askPage: AskPage,
): Promise<Result<{ readonly found: T | null; readonly cut: boolean }, ChannelError>> {
  // Objects of other software on this account may have shapes that we do not know; they are passed over.
  const schema = z.object({ data: z.array(z.looseObject({ id: z.string() })), has_more: z.boolean() });
  let after: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const position = { limit: PAGE, ...(after === undefined ? {} : { starting_after: after }) };
    const answer = await client.ask(schema, signal, (stripe) => askPage(stripe, position));
    if (!answer.ok) return answer;
    for (const candidate of answer.value.data) {
      const parsed = item.safeParse(candidate);
      if (parsed.success && fits(parsed.data)) return ok({ found: parsed.data, cut: false });
    }
    after = answer.value.data.at(-1)?.id;
    if (!answer.value.has_more || after === undefined) return ok({ found: null, cut: false });
  }
  return ok({ found: null, cut: true });
}

/** The likely minutes first, then the rest of the day that an attempt could have been opened in; in Stripe's seconds. */
function windowsOf(providerRef: string, now: EpochMs): readonly Window[] {
  const latest = now + CLOCK_SKEW_MS;
  const madeAt = paymentMadeAt(providerRef);
  if (madeAt === null || madeAt > latest) return [toSeconds(now - OPENED_AT_ALL_MS, latest)];
  const soon = Math.min(madeAt + OPENED_SOON_MS, latest);
  const first = toSeconds(madeAt - CLOCK_SKEW_MS, soon);
  const rest = toSeconds(soon, Math.min(madeAt + OPENED_AT_ALL_MS, latest));
  return soon === latest ? [first] : [first, rest];
}

function toSeconds(fromMs: EpochMs, toMs: EpochMs): Window {
  return { gte: Math.floor(fromMs / 1_000), lte: Math.ceil(toMs / 1_000) };
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** The 48-bit time of the payment's UUIDv7: exactly the first ten base-32 digits of our reference (TypeID's alphabet). */
function paymentMadeAt(providerRef: string): EpochMs | null {
  if (parseProviderRef(providerRef) === null) return null;
  return [...providerRef.slice(0, 10)].reduce((ms, digit) => ms * 32 + ALPHABET.indexOf(digit), 0);
}
