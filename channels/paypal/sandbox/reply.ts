/** What the API answers, before headers are put to it. */
export interface Reply {
  readonly status: number;
  readonly json: unknown;
}

export function done(status: number, json: unknown): Reply {
  return { status, json };
}

/** A refusal about what was asked for: 422 with one issue, as PayPal words most of them. */
export function unprocessable(issue: string): Reply {
  return problem(422, 'UNPROCESSABLE_ENTITY', issue);
}

export function problem(status: number, name: string, issue?: string): Reply {
  const details = issue === undefined ? [] : [{ issue, description: 'The sandbox refuses this.' }];
  const links =
    issue === undefined ? [] : [{ href: `https://developer.paypal.com/#${issue}`, rel: 'information_link' }];
  return { status, json: { name, message: 'The sandbox refuses this.', debug_id: 'f0000000000', details, links } };
}

export function notFound(): Reply {
  return problem(404, 'RESOURCE_NOT_FOUND', 'INVALID_RESOURCE_ID');
}
