import { type Form, textsAt } from './form.ts';
import type { Expansion } from './objects.ts';
import { invalid, type Reply } from './reply.ts';

/** Paths that may be expanded in a Session or a PaymentIntent; in lists below `data`. */
const PATHS = ['payment_intent', 'payment_intent.latest_charge', 'latest_charge'];

/** Null when something was asked for that cannot be expanded. */
export function expansionOf(form: Form, prefix: string): Expansion | null {
  const asked = textsAt(form, 'expand');
  const known = PATHS.map((path) => prefix + path);
  if (asked.some((path) => !known.includes(path))) return null;
  return {
    intent: asked.some((path) => path.includes('payment_intent')),
    charge: asked.some((path) => path.includes('charge')),
  };
}

export function cannotExpand(form: Form): Reply {
  return invalid(`This property cannot be expanded (${textsAt(form, 'expand').join(', ')}).`, 'expand');
}
