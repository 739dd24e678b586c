import { type Form, textAt } from './form.ts';
import { done, invalid, type Reply } from './reply.ts';

type Listed = Record<string, unknown> | null;

/** One page of objects that come newest first. @see https://docs.stripe.com/api/pagination */
export function listPage(url: string, objects: readonly Listed[], form: Form): Reply {
  const limit = Number(textAt(form, 'limit') ?? '10');
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    return invalid('Invalid integer: limit must be between 1 and 100', 'limit', 'parameter_invalid_integer');
  }
  const inRange = objects.filter((object) => isInRange(Number(object?.created), form));
  const after = textAt(form, 'starting_after');
  const start = after === undefined ? 0 : inRange.findIndex((object) => object?.id === after) + 1;
  const data = inRange.slice(start, start + limit);
  return done({ object: 'list', url, has_more: start + limit < inRange.length, data });
}

/** The start of the asked range in milliseconds, so that a long past need not be looked at. */
export function sinceMs(form: Form): number {
  return Number(textAt(form, 'created', 'gte') ?? '0') * 1_000;
}

function isInRange(created: number, form: Form): boolean {
  const bound = (name: string): number | undefined => {
    const text = textAt(form, 'created', name);
    return text === undefined ? undefined : Number(text);
  };
  const exact = textAt(form, 'created');
  return (
    (exact === undefined || created === Number(exact)) &&
    created >= (bound('gte') ?? 0) &&
    created > (bound('gt') ?? -1) &&
    created <= (bound('lte') ?? Number.POSITIVE_INFINITY) &&
    created < (bound('lt') ?? Number.POSITIVE_INFINITY)
  );
}
